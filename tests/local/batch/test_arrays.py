"""AWS Batch's array jobs, how many jobs run at once, and which of them first."""

import json
from types import SimpleNamespace

import pytest

from local_aws.sandbox.containers import Containers
from tests.waiting import until

#: as the bench says
AT_ONCE = 4


@pytest.fixture
def held(bench, tmp_path):
    """Jobs that write down `<index>-of-<size>`, then wait for the file `go`, or fail; they end with the test."""
    batch, submitted = bench.aws.client("batch"), []

    def submit(size=None, failing="", name="held", folder=tmp_path, queue="Queue"):
        job = batch.submit_job(
            jobName=name,
            jobQueue=bench.outputs[queue],
            jobDefinition=bench.outputs["Job"],
            parameters={"what": "hold", "with": str(folder), "and": str(failing)},
            arrayProperties={"size": size} if size else {},
        )["jobId"]
        submitted.append(job)
        return job

    def describe(job):
        return batch.describe_jobs(jobs=[job])["jobs"][0]

    def status(job):
        return describe(job)["status"]

    def summary(job):
        return {state: n for state, n in describe(job)["arrayProperties"]["statusSummary"].items() if n}

    def started():
        return sorted(path.name for path in tmp_path.iterdir() if path.name != "go")

    yield SimpleNamespace(
        batch=batch,
        submit=submit,
        describe=describe,
        status=status,
        summary=summary,
        started=started,
        go=(tmp_path / "go").touch,
    )
    for job in submitted:
        batch.terminate_job(jobId=job, reason="end of the test")
        until(lambda job=job: status(job) in ("SUCCEEDED", "FAILED"))


@pytest.fixture
def others(tmp_path_factory):
    """A folder of other jobs: what they wait for is not what the test's own wait for."""
    return tmp_path_factory.mktemp("others")


def test_an_array_runs_one_child_for_each_index(held):
    held.go()
    parent = held.submit(3)
    until(lambda: held.status(parent) == "SUCCEEDED")
    assert held.started() == ["0-of-3", "1-of-3", "2-of-3"]
    facts = held.describe(parent)
    assert facts["arrayProperties"]["size"] == 3
    assert facts["arrayProperties"]["statusSummary"] == {
        "SUBMITTED": 0, "PENDING": 0, "RUNNABLE": 0, "STARTING": 0, "RUNNING": 0, "SUCCEEDED": 3, "FAILED": 0
    }  # fmt: skip
    assert facts["attempts"] == []
    children = [held.describe(f"{parent}:{index}") for index in range(3)]
    assert [child["arrayProperties"] for child in children] == [{"index": 0}, {"index": 1}, {"index": 2}]
    assert len({child["container"]["logStreamName"] for child in children}) == 3


def test_a_child_in_a_container_gets_its_index(bench, held, tmp_path):
    parent = held.submit(2)
    child = bench.aws.batch.get(f"{parent}:1")
    command = Containers({}).job({"image": "i"}, child.command(), child.environment(), tmp_path)
    assert {"--env=AWS_BATCH_JOB_ARRAY_INDEX=1", "--env=AWS_BATCH_JOB_ARRAY_SIZE=2"} <= {*command}


def test_without_a_size_it_is_an_ordinary_job(bench, held):
    held.go()
    job = held.submit()
    until(lambda: held.status(job) == "SUCCEEDED")
    assert held.started() == ["alone-of-None"]
    assert "arrayProperties" not in held.describe(job)


def test_each_child_has_its_own_attempts(bench):
    result = bench.run(bench.submit("flaky", JobName="flaky-array", ArrayProperties={"Size": 2}))
    assert result.status == "SUCCEEDED", result.cause
    parent = result.output["JobId"]
    jobs = bench.aws.client("batch").describe_jobs(jobs=[f"{parent}:0", f"{parent}:1"])["jobs"]
    assert [[attempt["container"]["exitCode"] for attempt in job["attempts"]] for job in jobs] == [[75, 0], [75, 0]]
    for index in range(2):
        log = bench.aws.logs / "batch" / "flaky-array" / f"{parent}-{index}.log"
        assert log.read_text() == "job flaky attempt 1\njob flaky attempt 2\n"


def test_an_array_fails_with_one_child_when_all_have_ended(held):
    parent = held.submit(3, failing=1)
    until(lambda: held.summary(parent) == {"RUNNING": 2, "FAILED": 1})
    assert held.status(parent) == "PENDING"
    held.go()
    until(lambda: held.status(parent) == "FAILED")
    assert held.describe(parent)["statusReason"] == "Array Child Job failed"
    assert held.summary(parent) == {"SUCCEEDED": 2, "FAILED": 1}


def test_children_are_listed_by_status(held):
    parent = held.submit(3, failing=1)
    until(lambda: held.summary(parent) == {"RUNNING": 2, "FAILED": 1})

    def listed(**status):
        return held.batch.list_jobs(arrayJobId=parent, **status)["jobSummaryList"]

    assert [child["jobId"] for child in listed()] == [f"{parent}:0", f"{parent}:2"]
    (failed,) = listed(jobStatus="FAILED")
    assert failed["jobId"] == f"{parent}:1"
    assert failed["statusReason"] == "Essential container in task exited"
    assert (failed["arrayProperties"], failed["container"]) == ({"index": 1}, {"exitCode": 9})
    assert listed(jobStatus="SUCCEEDED") == []


def test_a_queue_is_first_in_first_out_children_or_not(held, others):
    parent = held.submit(AT_ONCE + 1)
    until(lambda: held.summary(parent) == {"RUNNING": AT_ONCE, "RUNNABLE": 1})
    until(lambda: len(held.started()) == AT_ONCE)
    job = held.submit(folder=others)
    held.batch.terminate_job(jobId=f"{parent}:0", reason="make room")
    until(lambda: held.summary(parent) == {"FAILED": 1, "RUNNING": AT_ONCE})
    assert held.status(job) == "RUNNABLE"
    held.batch.terminate_job(jobId=f"{parent}:1", reason="make room")
    until(lambda: held.status(job) == "RUNNING")


def test_a_queue_of_higher_priority_goes_first_but_takes_no_place_away(held, others):
    parent = held.submit(AT_ONCE + 2)
    until(lambda: held.summary(parent) == {"RUNNING": AT_ONCE, "RUNNABLE": 2})
    until(lambda: len(held.started()) == AT_ONCE)
    jobs = [held.submit(folder=others, queue="FirstQueue") for _ in range(2)]
    assert [held.status(job) for job in jobs] == ["RUNNABLE", "RUNNABLE"]
    held.batch.terminate_job(jobId=f"{parent}:0", reason="make room")
    until(lambda: held.status(jobs[0]) == "RUNNING")
    assert held.status(jobs[1]) == "RUNNABLE"
    assert held.summary(parent) == {"FAILED": 1, "RUNNING": AT_ONCE - 1, "RUNNABLE": 2}
    (others / "go").touch()
    until(lambda: held.summary(parent) == {"FAILED": 1, "RUNNING": AT_ONCE, "RUNNABLE": 1})
    assert [held.status(job) for job in jobs] == ["SUCCEEDED", "SUCCEEDED"]


def test_terminating_the_parent_ends_all_children(held):
    parent = held.submit(AT_ONCE + 2)
    until(lambda: len(held.started()) == AT_ONCE)
    held.batch.terminate_job(jobId=parent, reason="enough")
    until(lambda: held.status(parent) == "FAILED")
    assert held.describe(parent)["statusReason"] == "enough"
    failed = held.batch.list_jobs(arrayJobId=parent, jobStatus="FAILED")["jobSummaryList"]
    assert [child["statusReason"] for child in failed] == ["enough"] * (AT_ONCE + 2)
    assert [index for index, child in enumerate(failed) if "startedAt" not in child] == [AT_ONCE, AT_ONCE + 1]
    assert len(held.started()) == AT_ONCE


def test_cancelling_ends_only_what_waits(held):
    parent = held.submit(AT_ONCE + 1)
    until(lambda: len(held.started()) == AT_ONCE)
    held.batch.cancel_job(jobId=parent, reason="changed my mind")
    assert held.summary(parent) == {"RUNNING": AT_ONCE, "FAILED": 1}
    assert held.status(parent) == "PENDING"
    held.go()
    until(lambda: held.status(parent) == "FAILED")
    assert held.summary(parent) == {"SUCCEEDED": AT_ONCE, "FAILED": 1}
    assert held.describe(f"{parent}:{AT_ONCE}")["statusReason"] == "changed my mind"


LIST_FAILED = {
    "Type": "Task",
    "Resource": "arn:aws:states:::aws-sdk:batch:listJobs",
    "Parameters": {"ArrayJobId.$": "$.job.JobId", "JobStatus": "FAILED"},
    "ResultSelector": {
        "reasons.$": "$.JobSummaryList[*].StatusReason",
        "indexes.$": "$.JobSummaryList[*].ArrayProperties.Index",
        "own.$": "$.JobSummaryList[?(@.StatusReason=='Essential container in task exited')].JobId",
    },
    "End": True,
}


def test_a_state_machine_sees_why_children_failed(bench, held, tmp_path):
    catch = [{"ErrorEquals": ["States.TaskFailed"], "ResultPath": "$.error", "Next": "Parse"}]
    task = {**bench.submit("hold", str(tmp_path), "0"), "Catch": catch, "Next": "NotFailed"}
    task["Parameters"]["ArrayProperties.$"] = "$.array"
    parse = {"Type": "Pass", "Parameters": {"job.$": "States.StringToJson($.error.Cause)"}, "Next": "List"}
    states = {"Array": task, "Parse": parse, "List": LIST_FAILED, "NotFailed": {"Type": "Succeed"}}
    nested = {"Type": "Parallel", "Branches": [{"StartAt": "Array", "States": states}]}
    execution = bench.start(nested, {"array": {"Size": 2}})
    until(lambda: held.started() == ["0-of-2", "1-of-2"])
    (child,) = [job for job in bench.aws.batch.jobs() if job.index == 1 and str(tmp_path) in job.parameters().values()]
    held.batch.terminate_job(jobId=child.id, reason="Host EC2 (instance i-1) terminated.")
    (found,) = bench.finish(execution).output
    assert found["reasons"] == ["Essential container in task exited", "Host EC2 (instance i-1) terminated."]
    assert found["indexes"] == [0, 1]
    assert found["own"] == [f"{child.parent.id}:0"]


@pytest.mark.parametrize(("array", "started"), [({}, ["alone-of-None"]), ({"Size": 2}, ["0-of-2", "1-of-2"])])
def test_a_state_takes_array_properties_from_its_input(bench, held, tmp_path, array, started):
    held.go()
    task = bench.submit("hold", str(tmp_path))
    task["Parameters"]["ArrayProperties.$"] = "$.array"
    result = bench.run(task, {"array": array})
    assert result.status == "SUCCEEDED", result.cause
    assert held.started() == started


def test_the_cause_of_a_failed_array(bench, held, tmp_path):
    held.go()
    result = bench.run(bench.submit("hold", str(tmp_path), "1", ArrayProperties={"Size": 3}))
    assert (result.status, result.error) == ("FAILED", "States.TaskFailed")
    job = json.loads(result.cause)
    assert (job["Status"], job["StatusReason"]) == ("FAILED", "Array Child Job failed")
    assert job["ArrayProperties"]["Size"] == 3
    assert job["Attempts"] == []
