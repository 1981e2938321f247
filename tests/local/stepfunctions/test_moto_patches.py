"""Each patch of moto: with it the engine does as AWS does, without it (`undo`) it doesn't.

When a test's second half fails, moto has caught up: drop the patch. When its first half fails, moto has
moved: mend the patch.
"""

import json
import os
import time

import pytest

from local_aws.stepfunctions import moto_patches
from tests.waiting import until


@pytest.fixture
def plain_moto(bench, monkeypatch):
    """Undo the patches for the rest of the test."""

    def undo():
        monkeypatch.setenv("MOTO_PORT", bench.aws.url.rpartition(":")[2])
        moto_patches.undo()

    yield undo
    moto_patches.patch_engine(bench.aws._engine_client, bench.aws.batch.terminate)


START_TIME = {"Type": "Pass", "Parameters": {"t.$": "$$.Execution.StartTime"}, "End": True}


def test_start_time_is_text(bench, plain_moto):
    started = bench.run(START_TIME).output["t"]
    assert time.strptime(started.partition(".")[0], "%Y-%m-%dT%H:%M:%S")
    assert started.endswith("Z")
    plain_moto()
    execution = bench.start(START_TIME)
    with pytest.raises(Exception, match=r"datetime|InternalError|500"):
        until(lambda: "output" in bench.states.describe_execution(executionArn=execution))


def test_s3_errors_have_their_name(bench, plain_moto):
    task = {
        "Type": "Task",
        "Resource": "arn:aws:states:::aws-sdk:s3:getObject",
        "Parameters": {"Bucket": bench.outputs["Bucket"], "Key": "nowhere"},
    }
    assert bench.run(task).error == "S3.NoSuchKeyException"
    plain_moto()
    assert bench.run(task).error == "s3.NoSuchKeyException"


def test_the_engine_calls_through_our_clients(bench, plain_moto):
    task = bench.submit("tell")
    assert bench.run({**task, "ResultSelector": {"s.$": "$.Status"}}).output == {"s": "SUCCEEDED"}
    plain_moto()
    assert bench.run(task).status == "FAILED"  # PascalCase parameters reach Batch as they are


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


@pytest.mark.parametrize("nesting", ["Parallel", "Map"])
def test_the_error_of_a_job_leaves_what_it_ran_in(bench, plain_moto, nesting):
    error = error_of_a_job_in(bench, nesting).output["error"]
    assert error["Error"] == "States.TaskFailed"
    assert json.loads(error["Cause"])["Container"]["ExitCode"] == 7
    plain_moto()
    moto_patches._use_our_clients(bench.aws._engine_client)  # this one is needed to submit at all
    assert error_of_a_job_in(bench, nesting).error == "States.Runtime"


def timed_out_job(bench, pid_file):
    """A job whose state has timed out."""
    task = bench.submit("sleep", os.fspath(pid_file), JobName=pid_file.name)
    bench.run({**task, "TimeoutSeconds": 1})
    (job,) = [job for job in bench.aws.batch.jobs() if job.name == pid_file.name]
    return job


def test_abandoned_jobs_are_terminated(bench, plain_moto, tmp_path):
    job = timed_out_job(bench, tmp_path / "patched")
    until(lambda: job.status == "FAILED")
    use_our_clients = moto_patches._use_our_clients
    plain_moto()
    use_our_clients(bench.aws._engine_client)  # this one is needed to submit at all
    job = timed_out_job(bench, tmp_path / "plain")
    time.sleep(1)  # it would have been terminated by now; a slower machine gives it more time, not less
    assert job.stop_reason is None
    bench.aws.batch.terminate(job.id, "end of the test")
    until(lambda: job.status == "FAILED")
