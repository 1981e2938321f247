"""The error report of a failure, made from what Step Functions and Batch say."""

import json
from types import SimpleNamespace

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, ReadTimeoutError

from avflow.errors import StorageUnavailable as StorageUnavailableOfSteps
from lambdas.failed.answering import StorageUnavailable, answering
from lambdas.failed.ended import data_of
from lambdas.failed.failure import explain, is_own, own_error_keys
from lambdas.failed.own_error import is_current, own_error
from lambdas.failed.segments import errors_of


def job_failed(reason, exit_code=None, **container):
    job = {"JobName": "yolov3-run-1", "StatusReason": reason, "Container": {**container}}
    if exit_code is not None:
        job["Container"]["ExitCode"] = exit_code
    return {"Error": "States.TaskFailed", "Cause": json.dumps(job)}


@pytest.mark.parametrize(
    ("error", "name", "words"),
    [
        (job_failed("Essential container in task exited", 3), "JobFailed", "exit code 3"),
        (job_failed("Essential container in task exited", 75), "StorageUnavailable", "S3 did not answer"),
        (job_failed("x", 137, Reason="OutOfMemoryError: Container killed due to memory usage"), "JobOutOfMemory", "x"),
        (job_failed("Job attempt duration exceeded timeout"), "JobTimedOut", "duration"),
        (job_failed("Host EC2 (instance i-0) terminated."), "SpotInterrupted", "Host EC2"),
        (
            job_failed("Canceled by JobStateTimeLimit action due to reason: CAPACITY:INSUFFICIENT_INSTANCE_CAPACITY"),
            "GpuUnavailable",
            "CAPACITY",
        ),
        (
            {
                "Error": "States.TaskFailed",
                "Cause": json.dumps(
                    {
                        "JobName": "ffmpeg-run-1",
                        "PlatformCapabilities": ["FARGATE"],
                        "StatusReason": "Canceled by JobStateTimeLimit action due to reason: CAPACITY:…",
                    }
                ),
            },
            "FargateUnavailable",
            "ffmpeg-run-1",
        ),
        ({"Error": "GpuUnavailable", "Cause": "waited"}, "GpuUnavailable", "waited"),
        ({"Error": "FargateUnavailable", "Cause": "waited"}, "FargateUnavailable", "No vCPUs were available in time"),
        ({"Error": "SegmentsTimedOut", "Cause": "worked"}, "SegmentsTimedOut", "did not finish in time"),
        ({"Error": "ExecutionTimedOut", "Cause": ""}, "ExecutionTimedOut", "two days"),
        ({"Error": "ExecutionAborted", "Cause": ""}, "ExecutionAborted", "stopped"),
        (job_failed("x", Reason="CannotPullContainerError: no such image"), "ImageUnavailable", "x"),
        (job_failed("CannotPullContainerError: i/o timeout"), "ImageUnavailable", "i/o timeout"),
        (
            job_failed("Task failed to start", Reason="DockerTimeoutError: Could not transition to created"),
            "JobNotStarted",
            "Task failed to start: DockerTimeoutError: Could not transition to created",
        ),
        (
            job_failed("ResourceInitializationError: unable to pull secrets or registry auth"),
            "JobNotStarted",
            "registry auth",
        ),
        (job_failed("Timeout waiting for network interface provisioning to complete."), "JobNotStarted", "network"),
        ({"Error": "States.Timeout", "Cause": ""}, "Timeout", "did not finish"),
        ({"Error": "Batch.ClientException", "Cause": "JobQueue q not found"}, "Batch.ClientException", "q not found"),
        ({"Error": "Something.New"}, "Something.New", "A step failed"),
    ],
)
def test_every_failure_has_a_name_a_reason_and_advice(error, name, words):
    found = explain(error, None)
    assert found["error"] == name
    assert words in found["message"]
    assert len(found["advice"]) > 20
    assert not found["error"].startswith("States."), "reserved: a Fail state may not use it"


def ended(**detail):
    return {"source": "aws.states", "detail": {"executionArn": "arn", "cause": None, "error": None, **detail}}


@pytest.mark.parametrize(
    ("status", "error", "name"),
    [
        ("TIMED_OUT", None, "ExecutionTimedOut"),
        ("ABORTED", None, "ExecutionAborted"),
        ("FAILED", "Unreported.FFmpegFailed", "FFmpegFailed"),
    ],
)
def test_an_event_of_an_ended_execution_holds_its_video_and_error(status, error, name):
    event = ended(status=status, error=error, input=json.dumps({"video": {"key": "start/a.mkv"}}))
    assert data_of(event) == ({"key": "start/a.mkv"}, {"Error": name, "Cause": ""})


def test_an_event_without_its_input_says_which_execution():
    with pytest.raises(ValueError, match="arn ended ABORTED; its event has no input"):
        data_of(ended(status="ABORTED", input=None))


def test_a_job_without_container_details_is_explained_too():
    cause = json.dumps({"JobName": "merge-run-1", "Attempts": [], "StatusReason": "Essential container in task exited"})
    found = explain({"Error": "States.TaskFailed", "Cause": cause}, None)
    assert found["error"] == "JobFailed"
    assert "merge-run-1" in found["message"]


def test_an_exception_in_a_handler_keeps_its_words():
    cause = json.dumps({"errorMessage": "a.mkv is empty", "errorType": "InvalidMediaEmpty", "stackTrace": []})
    found = explain({"Error": "InvalidMediaEmpty", "Cause": cause}, None)
    assert (found["error"], found["message"]) == ("InvalidMediaEmpty", "a.mkv is empty")


def test_the_steps_own_words_win():
    own = {"error": "InvalidMediaTruncated", "message": "m", "advice": "a", "more": "x"}
    assert explain(job_failed("Essential container in task exited", 65), own) == {
        "error": "InvalidMediaTruncated",
        "message": "m",
        "advice": "a",
    }


def test_a_failed_job_leads_to_its_own_words_only():
    assert own_error_keys("run-1", job_failed("x")) == ["media/run-1/yolov3.error.json"]


def test_a_failed_function_left_its_words_under_one_of_the_steps():
    error = {"Error": "InvalidMediaEmpty", "Cause": "{}"}
    assert "media/run-1/ffmpeg.error.json" in own_error_keys("run-1", error)
    assert is_own(error, {"error": "InvalidMediaEmpty"})
    assert not is_own(error, {"error": "StorageUnavailable"}), "an error that the run recovered from"


@pytest.mark.parametrize("cause", ["not JSON", "", "[]", '"text"', None])
def test_any_cause_is_survived(cause):
    assert explain({"Error": "States.TaskFailed", "Cause": cause}, None)["error"] == "JobFailed"


def test_the_videos_name_explains_nothing():
    video = json.dumps({"key": "start/JobStateTimeLimit, OutOfMemoryError and other tales.mp4"})
    job = {
        "JobName": "yolov3-run-1",
        "StatusReason": "Essential container in task exited",
        "Container": {"ExitCode": 1},
    }
    cause = json.dumps({**job, "Parameters": {"video": video}})
    assert explain({"Error": "States.TaskFailed", "Cause": cause}, None)["error"] == "JobFailed"


def test_an_error_that_an_earlier_attempt_left_is_not_the_last_ones():
    """Attempt 1 could not reach S3 and was retried. Attempt 2 ran out of memory and left no error."""
    left = {"error": "StorageUnavailable", "exit_code": 75}
    assert is_own(job_failed("Essential container in task exited", 75), left)
    assert not is_own(job_failed("x", 137, Reason="OutOfMemoryError: Container killed due to memory usage"), left)
    assert not is_own(job_failed("Host EC2 (instance i-0) terminated."), left)


def test_an_error_that_another_span_left_is_not_this_ones():
    job = {"JobName": "audio2srt-run-1-3", "Container": {"ExitCode": 75}, "Parameters": {"video": "{}", "part": "3"}}
    error = {"Error": "States.TaskFailed", "Cause": json.dumps(job)}
    assert is_own(error, {"error": "StorageUnavailable", "exit_code": 75, "part": 3})
    assert not is_own(error, {"error": "StorageUnavailable", "exit_code": 75, "part": 2})


# ---------------------------------------------------------------- array jobs
ARRAY = {
    "Error": "JobFailed",
    "Cause": json.dumps(
        {
            "JobName": "yolov3-run-1",
            "JobId": "job",
            "StatusReason": "Array Child Job failed",
            "PlatformCapabilities": ["EC2"],
            "ArrayProperties": {"Size": 12, "StatusSummary": {"FAILED": 2, "SUCCEEDED": 10}},
            "Container": {"Image": "yolov3"},
        }
    ),
}
SPOT = {"statusReason": "Host EC2 (instance i-0) terminated."}
EXITED = "Essential container in task exited"


class Batch:
    """Lists failed children, one per page."""

    def __init__(self, **children):
        self.children = children

    def get_paginator(self, name):
        assert name == "list_jobs"
        return self

    def paginate(self, **asked):
        assert asked == {"arrayJobId": "job", "jobStatus": "FAILED"}
        if not self.children:
            raise ClientError({"Error": {"Code": "AccessDenied"}}, "ListJobs")
        yield from ({"jobSummaryList": [{"jobId": f"job:{i[1:]}", **child}]} for i, child in self.children.items())


class Left:
    """A bucket with an error that a step left, or without one."""

    def __init__(self, found=None):
        self.found = found

    def get_object(self, Bucket, Key):
        if self.found is None:
            raise ClientError({"Error": {"Code": "AccessDenied"}}, "GetObject")  # no role may list the bucket
        return {"Body": type("Body", (), {"read": lambda _: json.dumps(self.found)})()}


def reported(batch, left=None):
    return explain(*own_error(Left(left), {"bucket": "b", "execution": "run-1"}, errors_of(batch, ARRAY)))


@pytest.mark.parametrize(
    ("child", "name", "words"),
    [
        (
            {"statusReason": EXITED, "container": {"exitCode": 137, "reason": "OutOfMemoryError: Container killed"}},
            "JobOutOfMemory",
            EXITED,
        ),
        ({"statusReason": "Job attempt duration exceeded timeout"}, "JobTimedOut", "duration"),
        ({"statusReason": EXITED, "container": {"exitCode": 3}}, "JobFailed", "exit code 3). Its job: job:10."),
        (SPOT, "SpotInterrupted", "Host EC2"),
        ({"statusReason": "Canceled by JobStateTimeLimit action due to reason: CAPACITY:…"}, "GpuUnavailable", "CAPA"),
    ],
)
def test_an_array_fails_by_the_reason_of_its_segment(child, name, words):
    found = reported(Batch(i10=child))
    assert found["error"] == name
    assert found["message"].startswith("Segment 11 of 12: yolov3-run-1: ")
    assert words in found["message"]


def test_a_segments_own_failure_explains_more_than_anothers_loss():
    found = reported(Batch(i1=SPOT, i7={"statusReason": EXITED, "container": {"exitCode": 3}}, i2=SPOT))
    assert (found["error"], found["message"][:16]) == ("JobFailed", "Segment 8 of 12:")


def test_a_segments_own_words_win():
    batch = Batch(i1={"statusReason": "Job attempt duration exceeded timeout"}, i7={"container": {"exitCode": 65}})
    left = {"error": "FFmpegFailed", "message": "m", "advice": "a", "exit_code": 65, "part": 7}
    assert reported(batch, left) == {"error": "FFmpegFailed", "message": "Segment 8 of 12: m", "advice": "a"}


@pytest.mark.parametrize("stale", [{"exit_code": 75, "part": 7}, {"exit_code": 65, "part": 3}], ids=str)
def test_words_of_an_earlier_attempt_or_of_a_segment_that_recovered_are_not_taken(stale):
    left = {"error": "StorageUnavailable", "message": "m", "advice": "a", **stale}
    found = reported(Batch(i7={"statusReason": EXITED, "container": {"exitCode": 65}}), left)
    assert found["error"] == "JobFailed"


def test_without_its_children_an_array_is_told_by_its_own_reason():
    found = reported(Batch())
    assert (found["error"], found["message"]) == ("JobFailed", "yolov3-run-1: Array Child Job failed.")


def test_an_ordinary_job_has_no_children_to_ask_for():
    error = job_failed(EXITED, 3)
    assert errors_of(None, error) == [error]


# ------------------------------------------------------------ S3 fails while the report is made
def client_error(code, status):
    return ClientError({"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}, "GetObject")


@pytest.mark.parametrize(
    "error",
    [
        client_error("SlowDown", 503),
        client_error("InternalError", 500),
        client_error("BadDigest", 400),
        ReadTimeoutError(endpoint_url="https://s3"),
        EndpointConnectionError(endpoint_url="https://s3"),
    ],
    ids=repr,
)
def test_what_may_pass_is_named_as_the_state_machine_retries_it(error):
    with pytest.raises(StorageUnavailable), answering():
        raise error


def test_a_refusal_is_not_tried_again():
    with pytest.raises(ClientError, match="AccessDenied"), answering():
        raise client_error("AccessDenied", 403)


def test_a_busy_s3_does_not_make_an_old_upload_the_current_one():
    """The report of an old version must not replace that of a newer one because S3 was busy."""

    def head_object(**_):
        raise client_error("503", 503)

    video = {"bucket": "b", "key": "start/v.mkv", "version_id": "1"}
    with pytest.raises(ClientError):
        is_current(SimpleNamespace(head_object=head_object), video)


def test_the_exit_status_of_a_job_without_s3_is_that_of_its_error():
    assert StorageUnavailableOfSteps.exit_code == 75
    assert StorageUnavailableOfSteps.__name__ == StorageUnavailable.__name__
