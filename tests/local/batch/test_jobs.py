"""AWS Batch: how jobs end, are tried again, are stopped, and what Step Functions makes of it."""

import json
import os

import pytest

from local_aws.batch.retry import problem_of, should_retry
from local_aws.batch.starts import FailedStart
from local_aws.wire import ServiceError
from tests.waiting import gone, process_in, until


def test_a_succeeded_job_answers_in_pascal_case(bench):
    result = bench.run({**bench.submit("tell"), "ResultSelector": {"s.$": "$.Status", "c.$": "$.Container"}})
    assert result.status == "SUCCEEDED", result.cause
    assert result.output["s"] == "SUCCEEDED"
    container = result.output["c"]
    assert container["ExitCode"] == 0
    assert container["Command"] == ["python", "-m", "jobs.job", "tell", "", ""]
    assert container["Image"] == bench.outputs["ImageUri"]


def test_a_job_sees_its_environment(bench, tmp_path):
    overrides = {"ContainerOverrides": {"Environment": [{"Name": "EXTRA", "Value": "v"}]}}
    bench.run(bench.submit("environment", os.fspath(tmp_path / "env"), **overrides))
    seen = dict(line.split("=", 1) for line in (tmp_path / "env").read_text().splitlines() if "=" in line)
    assert (seen["COLOUR"], seen["EXTRA"], seen["MANAGED_BY_AWS"]) == ("red", "v", "STARTED_BY_STEP_FUNCTIONS")
    assert (seen["AWS_BATCH_JOB_ATTEMPT"], seen["AWS_BATCH_JQ_NAME"]) == ("1", "tests-Queue")
    assert seen["AWS_ENDPOINT_URL"] == bench.aws.url
    assert "AWS_PROFILE" not in seen


@pytest.mark.parametrize(
    ("what", "settings", "attempts", "exit_code", "reason", "status_reason"),
    [
        (("fail", "7"), {}, 1, 7, None, "Essential container in task exited"),
        (("fail", "75"), {}, 3, 75, None, "Essential container in task exited"),
        (
            ("memory",),
            {},
            1,
            137,
            "OutOfMemoryError: Container killed due to memory usage",
            "Essential container in task exited",
        ),
        (
            ("sleep", "{tmp}/pid"),
            {"Timeout": {"AttemptDurationSeconds": 1}, "RetryStrategy": {"Attempts": 5}},
            1,
            137,
            None,
            "Job attempt duration exceeded timeout",
        ),
    ],
)
def test_each_failure_has_its_cause(bench, tmp_path, what, settings, attempts, exit_code, reason, status_reason):
    what = [word.format(tmp=tmp_path) for word in what]
    result = bench.run(bench.submit(*what, **settings))
    assert (result.status, result.error) == ("FAILED", "States.TaskFailed")
    job = json.loads(result.cause)
    assert (job["Status"], job["StatusReason"]) == ("FAILED", status_reason)
    assert (job["Container"]["ExitCode"], job["Container"].get("Reason")) == (exit_code, reason)
    assert len(job["Attempts"]) == attempts


def test_a_job_that_asks_for_another_try_gets_it(bench):
    result = bench.run({**bench.submit("flaky"), "ResultSelector": {"n.$": "States.ArrayLength($.Attempts)"}})
    assert result.output == {"n": 2}


@pytest.mark.parametrize(
    ("rules", "seen", "again"),
    [
        ([], (1, "", "x"), True),
        ([{"onExitCode": "1", "action": "exit"}], (1, "", "x"), False),
        ([{"onExitCode": "1", "action": "EXIT"}], (2, "", "x"), True),
        ([{"onExitCode": "13*", "action": "EXIT"}], (137, "", "x"), False),
        (
            [{"onReason": "CannotPull*", "action": "RETRY"}, {"onStatusReason": "*", "action": "EXIT"}],
            (1, "", "x"),
            False,
        ),
        (
            [{"onReason": "CannotPull*", "action": "RETRY"}, {"onReason": "*", "action": "EXIT"}],
            (1, "cannotpullit", "x"),
            True,
        ),
        (
            [{"onStatusReason": "Host EC2*", "onExitCode": "1", "action": "EXIT"}],
            (1, "", "Host EC2 (i-1) terminated."),
            False,
        ),
        (
            [{"onStatusReason": "Host EC2*", "onExitCode": "2", "action": "EXIT"}],
            (1, "", "Host EC2 (i-1) terminated."),
            True,
        ),
        ([{"onStatusReason": "a?c", "action": "EXIT"}], (1, "", "abc"), True),
    ],
)
def test_the_first_rule_whose_conditions_all_match_decides(rules, seen, again):
    assert should_retry({"attempts": 2, "evaluateOnExit": rules}, 1, *seen) is again
    assert should_retry({"attempts": 2, "evaluateOnExit": rules}, 2, *seen) is False


@pytest.mark.parametrize(
    "settings",
    [
        {"JobDefinition": "nobody"},
        {"JobQueue": "nowhere"},
        {"JobName": "with a space"},
        {"ArrayProperties": {"Size": 1}},
        {"ArrayProperties": {"Size": 10_001}},
        {"ArrayProperties": {"Size": "4"}},
    ],
)
def test_a_request_that_batch_refuses(bench, settings):
    assert bench.run(bench.submit("tell", **settings)).error == "Batch.ClientException"


@pytest.mark.parametrize(
    "settings",
    [{"Parameters": {"what": 7}}, {"ContainerOverrides": {"Environment": [{"Name": "A", "Value": 7}]}}],
)
def test_a_number_in_place_of_a_string_ends_the_execution_and_is_not_caught(bench, settings):
    task = {**bench.submit("tell", **settings), "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "C"}]}
    result = bench.run(task)
    assert (result.status, result.error) == ("FAILED", "States.Runtime")
    assert "must be a STRING" in result.cause


def test_a_job_is_terminated_when_its_state_times_out(bench, tmp_path):
    catch = [{"ErrorEquals": ["States.Timeout"], "ResultPath": "$.caught", "Next": "C"}]
    task = bench.submit("sleep", os.fspath(tmp_path / "pid"), JobName="timed-out")
    result = bench.run({**task, "TimeoutSeconds": 1, "Catch": catch})
    assert result.output["caught"]["Error"] == "States.Timeout"
    (job,) = [job for job in bench.aws.batch.jobs() if job.name == "timed-out"]
    until(lambda: job.status == "FAILED")
    if (tmp_path / "pid").exists():  # on a slow machine its state's time may be over before it is as far as that
        assert gone(process_in(tmp_path / "pid"))


def test_a_job_is_terminated_when_its_execution_is_stopped(bench, tmp_path):
    execution = bench.start(bench.submit("sleep", os.fspath(tmp_path / "pid")))
    pid = process_in(tmp_path / "pid")
    bench.states.stop_execution(executionArn=execution, error="Enough", cause="stopped by hand")
    assert bench.finish(execution).status == "ABORTED"
    until(lambda: gone(pid))


def test_a_job_is_terminated_when_another_branch_fails(bench, tmp_path):
    pid = tmp_path / "pid"
    job = {"StartAt": "J", "States": {"J": {**bench.submit("sleep", os.fspath(pid)), "End": True}}}
    hold = {**bench.invoke("hold", until=os.fspath(pid)), "Next": "F"}
    other = {"StartAt": "Hold", "States": {"Hold": hold, "F": {"Type": "Fail", "Error": "Other"}}}
    result = bench.run({"Type": "Parallel", "Branches": [job, other]})
    assert result.error == "Other"
    until(lambda: gone(process_in(pid)))


def test_terminate_job_gives_its_reason(bench, tmp_path):
    execution = bench.start(bench.submit("sleep", os.fspath(tmp_path / "pid"), JobName="to-terminate"))
    pid, batch = process_in(tmp_path / "pid"), bench.aws.client("batch")
    listed = batch.list_jobs(jobQueue=bench.outputs["Queue"])["jobSummaryList"]
    (job,) = [each["jobId"] for each in listed if each["jobName"] == "to-terminate"]
    batch.terminate_job(jobId=job, reason="Host EC2 (instance i-1) terminated.")
    result = bench.finish(execution)
    assert json.loads(result.cause)["StatusReason"] == "Host EC2 (instance i-1) terminated."
    assert len(json.loads(result.cause)["Attempts"]) == 1
    assert gone(pid)


# ---------------------------------------------------------------- containers that never run
@pytest.mark.parametrize(
    ("failure", "reason"),
    [
        (FailedStart("Task failed to start", "CannotPullContainerError: manifest unknown"), True),
        (FailedStart("ResourceInitializationError: unable to pull secrets or registry auth: i/o timeout"), False),
    ],
    ids=["EC2", "Fargate"],
)
def test_a_job_that_never_started_is_described_as_aws_does(bench, failure, reason):
    task = bench.submit("tell", RetryStrategy={"Attempts": 2})
    bench.aws.batch.fail_starts("tests-Job", failure, 2)
    result = bench.run(task)
    assert (result.status, result.error) == ("FAILED", "States.TaskFailed")
    job = json.loads(result.cause)
    assert job["StatusReason"] == failure.status_reason
    assert "StartedAt" not in job
    assert len(job["Attempts"]) == 2
    for described in (job["Container"], *(attempt["Container"] for attempt in job["Attempts"])):
        assert "ExitCode" not in described
        assert described.get("Reason") == (failure.reason if reason else None)


def test_a_start_that_fails_once_is_tried_again(bench):
    bench.aws.batch.fail_starts("tests-Job", FailedStart("Task failed to start", "DockerTimeoutError: 4m0s"), 1)
    result = bench.run(bench.submit("tell", RetryStrategy={"Attempts": 2}))
    assert result.status == "SUCCEEDED", result.cause


@pytest.mark.parametrize(
    ("rules", "problem"),
    [
        ([{"onExitCode": "1", "action": "EXIT"}] * 5, None),
        ([{"onExitCode": "1", "action": "EXIT"}] * 6, "maximum is 5"),
        ([{"onStatusReason": "Host EC2*", "action": "EXIT"}], None),
        ([{"onStatusReason": "*terminated", "action": "EXIT"}], "onStatusReason"),
        ([{"onReason": "Cannot(Pull|Start)*", "action": "RETRY"}], "onReason"),
    ],
)
def test_a_retry_strategy_that_batch_would_refuse_is_refused(bench, rules, problem):
    strategy = {"attempts": 2, "evaluateOnExit": rules}
    found = problem_of(strategy)
    assert (problem is None) if found is None else (problem in found)
    if problem:
        properties = {"containerProperties": {"image": "i"}, "retryStrategy": strategy}
        with pytest.raises(ServiceError, match=problem):
            bench.aws.batch.register_definition("refused", properties)
