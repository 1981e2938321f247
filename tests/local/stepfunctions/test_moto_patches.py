"""Each patch of moto: with it the engine behaves as AWS, without it (`undo`) it does not.

If the second half of a test fails, moto behaves as AWS now: remove the patch. If the first half fails, moto has
changed otherwise: correct the patch.
"""

import dataclasses
import json
import os
import time
import uuid
from types import SimpleNamespace

import pytest
from moto.stepfunctions.parser.asl.component.common.timeouts.timeout import TimeoutSeconds
from moto.stepfunctions.parser.asl.parse.asl_parser import AmazonStateLanguageParser

from local_aws.access.keys import AccessKey
from local_aws.stepfunctions import moto_patches
from local_aws.stepfunctions.engine import Engine
from local_aws.stepfunctions.moto_patches import PATCHES
from tests.waiting import until

#: needed to submit a job at all
CLIENTS = "use_our_clients"
shown = set()


def shows(patch):
    """Marks the test of a patch."""
    shown.add(patch)
    return lambda test: test


def engine_of(bench, client=None, **settings):
    aws = bench.aws
    return Engine(client or aws.engine_client, aws.batch.terminate, aws.batch.wait, aws.publish_status, **settings)


@pytest.fixture
def plain_moto(bench, monkeypatch):
    """Undoes the patches for the rest of the test, but for those that it names."""
    engine = engine_of(bench)

    def undo(*but):
        bench.aws.keys.admit(AccessKey("ak", "sk"))  # moto's own
        monkeypatch.setenv("MOTO_PORT", bench.aws.url.rpartition(":")[2])
        moto_patches.apply(engine, but)

    yield undo
    moto_patches.apply(engine)


ONE_PASS = {"StartAt": "P", "States": {"P": {"Type": "Pass", "End": True}}}
START_TIME = {"Type": "Pass", "Parameters": {"t.$": "$$.Execution.StartTime"}, "End": True}


@shows("format_start_time")
def test_start_time_is_text(bench, plain_moto):
    started = bench.run(START_TIME).output["t"]
    assert time.strptime(started.partition(".")[0], "%Y-%m-%dT%H:%M:%S")
    assert started.endswith("Z")
    plain_moto()
    execution = bench.start(START_TIME)
    with pytest.raises(Exception, match="datetime"):
        until(lambda: "output" in bench.states.describe_execution(executionArn=execution))


@shows("name_s3_errors")
def test_s3_errors_have_their_name(bench, plain_moto):
    task = {
        "Type": "Task",
        "Resource": "arn:aws:states:::aws-sdk:s3:getObject",
        "Parameters": {"Bucket": bench.outputs["Bucket"], "Key": "nowhere"},
    }
    assert bench.run(task).error == "S3.NoSuchKeyException"
    plain_moto()
    assert bench.run(task).error == "s3.NoSuchKeyException"


@shows("use_our_clients")
def test_the_engine_calls_through_our_clients(bench, plain_moto):
    task = bench.submit("tell")
    assert bench.run({**task, "ResultSelector": {"s.$": "$.Status"}}).output == {"s": "SUCCEEDED"}
    plain_moto()
    assert bench.run(task).status == "FAILED"  # PascalCase parameters reach Batch as they are


@shows("page_history")
def test_history_comes_in_pages_and_in_either_order(bench, plain_moto):
    execution = bench.start({"Type": "Pass", "End": True})
    bench.finish(execution)

    def ids(**request):
        pages = bench.states.get_paginator("get_execution_history").paginate(executionArn=execution, **request)
        return [[event["id"] for event in page["events"]] for page in pages]

    two_a_page = {"PaginationConfig": {"PageSize": 2}}
    assert ids(**two_a_page) == [[1, 2], [3, 4]]
    assert ids(**two_a_page, reverseOrder=True) == [[4, 3], [2, 1]]
    assert ids() == [[1, 2, 3, 4]]
    plain_moto()
    assert ids(**two_a_page, reverseOrder=True) == [[1, 2, 3, 4]]


def status_after_stop(bench):
    execution = bench.start(bench.invoke("sleep"))
    until(lambda: "TaskStarted" in bench.history(execution))
    bench.states.stop_execution(executionArn=execution)
    return bench.states.describe_execution(executionArn=execution)["status"]


@shows("stop_at_once")
def test_stopping_shows_at_once(bench, plain_moto):
    assert status_after_stop(bench) == "ABORTED"
    plain_moto()
    assert status_after_stop(bench) == "RUNNING"


def status_after_stop_in_a_map(bench, go):
    hold = {**bench.invoke("hold", until=os.fspath(go)), "End": True}
    processor = {"ProcessorConfig": {"Mode": "INLINE"}, "StartAt": "Hold", "States": {"Hold": hold}}
    execution = bench.start({"Type": "Map", "ItemsPath": "$.items", "ItemProcessor": processor}, {"items": [1, 2]})
    until(lambda: bench.history(execution).count("TaskStarted") == 2)
    bench.states.stop_execution(executionArn=execution)
    go.touch()
    until(lambda: {"ExecutionAborted", "ExecutionFailed"} & {*bench.history(execution)})
    return bench.finish(execution).status


@shows("stay_stopped")
def test_a_stopped_map_stays_stopped(bench, plain_moto, tmp_path):
    assert status_after_stop_in_a_map(bench, tmp_path / "patched") == "ABORTED"
    plain_moto()
    assert status_after_stop_in_a_map(bench, tmp_path / "plain") == "FAILED"


def error_of_a_job_in(bench, nesting):
    program = {"StartAt": "J", "States": {"J": {**bench.submit("fail", "7"), "End": True}}}
    if nesting == "Parallel":
        state = {"Type": "Parallel", "Branches": [program]}
    else:
        processor = {"ProcessorConfig": {"Mode": "INLINE"}, **program}
        state = {"Type": "Map", "ItemsPath": "$.items", "ItemProcessor": processor}
    catch = [{"ErrorEquals": ["States.TaskFailed"], "ResultPath": "$.error", "Next": "C"}]
    return bench.run({**state, "Catch": catch}, {"items": [1]})


@shows("pass_on_reserved_errors")
@pytest.mark.parametrize("nesting", ["Parallel", "Map"])
def test_the_error_of_a_job_leaves_what_it_ran_in(bench, plain_moto, nesting):
    error = error_of_a_job_in(bench, nesting).output["error"]
    assert error["Error"] == "States.TaskFailed"
    assert json.loads(error["Cause"])["Container"]["ExitCode"] == 7
    plain_moto(CLIENTS)
    assert error_of_a_job_in(bench, nesting).error == "States.Runtime"


def timed_out_job(bench, pid_file):
    """A job whose state has timed out."""
    task = bench.submit("sleep", os.fspath(pid_file), JobName=pid_file.name)
    bench.run({**task, "TimeoutSeconds": 1})
    (job,) = [job for job in bench.aws.batch.jobs() if job.name == pid_file.name]
    return job


@shows("terminate_abandoned_jobs")
def test_abandoned_jobs_are_terminated(bench, plain_moto, tmp_path):
    job = timed_out_job(bench, tmp_path / "patched")
    until(lambda: job.status == "FAILED")
    plain_moto(CLIENTS)
    job = timed_out_job(bench, tmp_path / "plain")
    time.sleep(1)  # it would have been terminated by now; a slower machine gives it more time, not less
    assert job.stop_reason is None
    bench.aws.batch.terminate(job.id, "end of the test")
    until(lambda: job.status == "FAILED")


def polls(bench, go, *patches):
    """How often a job is asked for while it holds for a while: until it was three times, or for 2 s."""
    times = []

    class Batch:
        def __getattr__(self, name):
            if name == "describe_jobs":
                times.append(time.monotonic())
            return getattr(bench.aws.engine_client("batch"), name)

    def client(service):
        return Batch() if service == "batch" else bench.aws.engine_client(service)

    moto_patches.apply(engine_of(bench, client), patches)
    go.mkdir()
    execution = bench.start(bench.submit("hold", os.fspath(go), ""))
    until(lambda: list(go.iterdir()), "the start of the job")
    begun = time.monotonic()
    until(lambda: len(times) >= 3 or time.monotonic() > begun + 2)
    asked = len(times)
    (go / "go").touch()
    assert bench.finish(execution).status == "SUCCEEDED"
    return asked


@shows("await_jobs")
def test_a_job_is_awaited_and_not_asked_for(bench, plain_moto, tmp_path):
    assert polls(bench, tmp_path / "patched", *PATCHES) == 0
    assert polls(bench, tmp_path / "plain", CLIENTS) >= 3


@shows("parse_once")
def test_a_definition_is_parsed_once(bench, plain_moto, monkeypatch):
    parsed = []
    original = AmazonStateLanguageParser.parse
    monkeypatch.setattr(AmazonStateLanguageParser, "parse", lambda text: parsed.append(text) or original(text))

    def executed():
        machine = bench.states.create_state_machine(
            name=f"m-{uuid.uuid4().hex}", definition=json.dumps(ONE_PASS), roleArn=bench.outputs["RoleArn"]
        )["stateMachineArn"]
        parsed.clear()
        executions = [bench.states.start_execution(stateMachineArn=machine, name=str(n)) for n in range(3)]
        assert {bench.finish(each["executionArn"]).status for each in executions} == {"SUCCEEDED"}
        return len(parsed)

    moto_patches.apply(engine_of(bench))
    assert executed() == 1
    plain_moto()
    assert executed() == 3


@shows("work_on_few_executions")
def test_few_executions_are_worked_on_at_once(bench, plain_moto, tmp_path):
    def entered(executions):
        return [each for each in executions if "PassStateEntered" in bench.history(each)]

    moto_patches.apply(engine_of(bench, at_once=2))
    states = {"G": {"Type": "Pass", "Next": "W"}, "W": {"Type": "Wait", "Seconds": 3600, "End": True}}
    branch = {"Type": "Parallel", "Branches": [{"StartAt": "G", "States": states}]}
    executions = [bench.start(branch) for _ in range(4)]
    until(lambda: len(entered(executions)) == 2, "the start of two")
    running, waiting = executions[:2], executions[2:]
    assert all(bench.states.describe_execution(executionArn=each)["status"] == "RUNNING" for each in executions)
    bench.states.stop_execution(executionArn=waiting[0])
    assert bench.finish(waiting[0]).status == "ABORTED"
    bench.states.stop_execution(executionArn=running[0])
    until(lambda: entered(waiting[1:]), "the start of the next")
    assert not entered(waiting[:1]), "it was stopped while it waited"
    for each in (running[1], waiting[1]):
        bench.states.stop_execution(executionArn=each)
    plain_moto()
    executions = [bench.start(branch) for _ in range(4)]
    until(lambda: len(entered(executions)) == 4, "the start of all")
    for each in executions:
        bench.states.stop_execution(executionArn=each)


@shows("name_event_errors")
def test_an_error_of_put_events_has_its_name(bench, plain_moto):
    entries = [{"Source": "s", "DetailType": "d", "Detail": {}, "EventBusName": "default"}] * 11
    task = {"Type": "Task", "Resource": "arn:aws:states:::events:putEvents", "Parameters": {"Entries": entries}}
    assert bench.run(task).error == "EventBridge.ValidationException"
    plain_moto()
    assert bench.run(task).error == "States.Runtime"


@shows("match_wildcards")
@pytest.mark.parametrize(("raised", "caught"), [("States.Runtime", False), ("Lambda.ResourceNotFoundException", True)])
def test_what_ends_an_execution_is_not_caught(bench, plain_moto, raised, caught):
    task = bench.invoke("tell")
    if raised == "States.Runtime":
        task["Parameters"]["Payload"] = {"no.$": "$.nothing"}
    else:
        task["Parameters"]["FunctionName"] = "nobody"
    task["Catch"] = [{"ErrorEquals": ["States.ALL"], "Next": "C"}]
    assert (bench.run(task).status == "SUCCEEDED") is caught
    plain_moto(CLIENTS)
    assert bench.run(task).status == "SUCCEEDED"


@shows("keep_why_stopped")
def test_an_execution_says_why_it_was_stopped(bench, plain_moto):
    def stopped():
        execution = bench.start({"Type": "Wait", "Seconds": 3600})
        until(lambda: "WaitStateEntered" in bench.history(execution))
        bench.states.stop_execution(executionArn=execution, error="Why", cause="Because.")
        found = bench.finish(execution)
        return found.status, found.error, found.cause

    assert stopped() == ("ABORTED", "Why", "Because.")
    plain_moto()
    assert stopped() != ("ABORTED", "Why", "Because.")


@shows("know_the_time_out")
def test_a_task_knows_its_time_out_also_if_its_branch_was_stopped_just_before(plain_moto):
    def put(seconds):
        stopped = SimpleNamespace(stack=[{"its": "parameters"}], is_running=lambda: False)
        TimeoutSeconds(seconds).eval(stopped)
        return stopped.stack.pop()

    assert put(930) == 930
    plain_moto()
    assert put(930) == {"its": "parameters"}


@shows("tell_status_changes")
@pytest.mark.parametrize("status", ["SUCCEEDED", "FAILED", "ABORTED", "TIMED_OUT"])
def test_each_change_of_status_is_an_event(bench, plain_moto, status):
    told = []
    moto_patches.apply(dataclasses.replace(engine_of(bench), tell_status=told.append))
    state = {"Type": "Wait", "Seconds": 3600 if status in ("ABORTED", "TIMED_OUT") else 1}
    if status == "FAILED":
        state = {"Type": "Fail", "Error": "Why", "Cause": "Because."}
    execution = bench.start(state, limit=1 if status == "TIMED_OUT" else None)
    if status == "ABORTED":
        until(lambda: "WaitStateEntered" in bench.history(execution))
        bench.states.stop_execution(executionArn=execution, error="Why", cause="Because.")
    assert bench.finish(execution).status == status
    until(lambda: len(told) == 2)
    assert [each["status"].value for each in told] == ["RUNNING", status]
    if status in ("FAILED", "ABORTED"):
        assert (told[1]["error"], told[1]["cause"]) == ("Why", "Because.")
    plain_moto()
    bench.run({"Type": "Pass"})
    assert len(told) == 2


@shows("redrive_executions")
def test_an_execution_is_redriven_and_told(bench, plain_moto):
    told = []
    moto_patches.apply(dataclasses.replace(engine_of(bench), tell_status=told.append))
    execution = bench.start({"Type": "Fail", "Error": "Why"})
    bench.finish(execution)
    bench.states.redrive_execution(executionArn=execution)
    until(lambda: len(told) == 4)
    assert [each["status"].value for each in told] == ["RUNNING", "FAILED"] * 2
    plain_moto()
    with pytest.raises(Exception, match="redrive_execution"):
        bench.states.redrive_execution(executionArn=execution)


def test_each_patch_has_a_test():
    assert shown == {*PATCHES}


@pytest.mark.parametrize("patch", PATCHES.values(), ids=lambda patch: patch.name)
def test_each_patch_says_why_it_is_there_and_when_it_goes(patch):
    assert len(patch.why) > 20
    assert patch.goes_when[0].islower(), 'it completes "This patch can go when moto …"'
    assert patch.goes_when.endswith(".")
