"""The readers of the product get what AWS has answered others (tests/local/recorded/README.md)."""

import fnmatch
import json
from pathlib import Path
from types import SimpleNamespace
from xml.etree import ElementTree

import pytest
import yaml
from botocore.exceptions import ClientError

from avflow.errors import SourceMissing, StorageUnavailable
from avflow.workflow.storage import ObjectStore
from avflow_cli.reasons import in_words
from lambdas.failed.answering import is_refusal
from lambdas.failed.ended import data_of
from lambdas.failed.failure import explain, is_own, own_error_keys
from lambdas.failed.segments import errors_of
from lambdas.start.naming import video_of
from tests.recorded import FOLDER, failure, names, recorded

MACHINE = yaml.safe_load((Path(__file__).parents[3] / "statemachine" / "av_workflow.asl.yaml").read_text())
YOLOV3 = next(branch for branch in MACHINE["States"]["Analyse"]["Branches"] if "Yolov3" in branch["States"])["States"]


# ------------------------------------------------------------ causes of failed jobs
REPORTED = {
    "batch-cause-exit-status": ("JobFailed", "exit code 1", "Essential container in task exited"),
    "batch-cause-without-exit-status": ("JobFailed", "Essential container", "Essential container in task exited"),
    "batch-cause-lost-to-spot": ("SpotInterrupted", "Host EC2", "Spot took the machine away"),
    "batch-cause-out-of-memory": ("JobOutOfMemory", "Essential container", "Essential container in task exited"),
    "batch-cause-never-placed": ("GpuUnavailable", "CAPACITY", "no machine came in time"),
    "batch-cause-overrides-too-long": ("NameTooLong", "8192", "Container Overrides length must be at most 8192"),
    "batch-cause-array": ("JobFailed", "Array Child Job failed", "some of its parts were lost"),
}


def test_every_recorded_cause_is_reported():
    assert names("batch-cause-") == sorted(REPORTED)


@pytest.mark.parametrize("name", REPORTED)
def test_a_recorded_cause_is_explained(name):
    error, words, told = REPORTED[name]
    found = explain(failure(name), None)
    assert found["error"] == error
    assert words in found["message"]
    assert "yolov3-holiday-mkv-1" in found["message"]
    assert in_words("States.TaskFailed", failure(name)["Cause"]) == told


@pytest.mark.parametrize("name", REPORTED)
def test_a_recorded_cause_names_its_step_and_exit_status(name):
    assert own_error_keys("run", failure(name)) == ["media/run/yolov3.error.json"]
    status = recorded(name)["Container"].get("ExitCode")
    left = {"error": "FFmpegFailed", "exit_code": 1, "part": 0}
    assert is_own(failure(name), left) == (status == 1)


# ------------------------------------------------------------ the choices of the state machine
def holds(rule, data):
    """Whether a rule of a Choice holds: the operators that these states use."""
    if "Or" in rule or "And" in rule:
        return (any if "Or" in rule else all)(holds(each, data) for each in rule.get("Or", rule.get("And")))
    if "Not" in rule:
        return not holds(rule["Not"], data)
    value = data
    for name in rule["Variable"].removeprefix("$.").split("."):
        value = value[name]
    if "StringMatches" in rule:
        return fnmatch.fnmatchcase(value, rule["StringMatches"])
    return value == rule["StringEquals"] if "StringEquals" in rule else value > rule["NumericGreaterThan"]


def chosen(state, name, segments=1):
    data = {"error": failure(name), "media": {"found": {"plan": {"segments": {"count": segments}}}}, "compute": "gpu"}
    rules = YOLOV3[state]["Choices"]
    return next((rule["Next"] for rule in rules if holds(rule, data)), YOLOV3[state]["Default"])


@pytest.mark.parametrize("name", REPORTED)
def test_a_recorded_cause_takes_its_way(name):
    """The Cause also has the patterns of the retry strategy, which must not be taken for the reason."""
    ran_to_an_end = "ExitCode" in recorded(name)["Container"]
    assert chosen("LostToSpot", name) == ("Yolov3Failed" if ran_to_an_end else "Yolov3OnDemand")
    assert chosen("NoGpuToBeHad", name) == "Yolov3Failed", "DetectorCompute is gpu"


def test_a_recorded_array_is_looked_into():
    assert chosen("LostToSpot", "batch-cause-array", segments=4) == "FailedArray"
    assert json.loads(failure("batch-cause-array")["Cause"])["JobId"], "ListJobs gets it"


def test_the_recorded_children_of_an_array_are_told_apart():
    pages = [recorded("batch-list-jobs-children")]
    batch = SimpleNamespace(get_paginator=lambda _: SimpleNamespace(paginate=lambda **_: pages))
    own, lost = errors_of(batch, failure("batch-cause-array"))
    assert explain(own, None)["message"].startswith("Segment 4 of 4: yolov3-holiday-mkv-1: Essential container")
    assert "(exit code 70)" in explain(own, None)["message"]
    assert explain(lost, None)["error"] == "SpotInterrupted"
    assert is_own(own, {"error": "x", "exit_code": 70, "part": 3})
    assert not is_own(lost, {"error": "x", "exit_code": 70, "part": 1})


# ------------------------------------------------------------ failures of functions
@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("timed-out", "ran out of Lambda's time"),
        ("killed", "was killed for Lambda's memory"),
        ("exit-status", "crashed on Lambda"),
        ("response-too-large", "Function.ResponseSizeTooLarge"),
        ("exception", "InvalidMediaEmpty"),
    ],
)
def test_a_recorded_failure_of_a_function_is_told(name, told):
    payload = recorded(f"lambda-{name}")
    error = failure(f"lambda-{name}", payload["errorType"])
    assert in_words(error["Error"], error["Cause"]) == told
    found = explain(error, None)
    assert (found["error"], found["message"]) == (payload["errorType"], payload["errorMessage"])


# ------------------------------------------------------------ events
@pytest.mark.parametrize("name", names("event-object-created"))
def test_a_recorded_upload_is_a_video(name):
    event = recorded(name)
    video, described = video_of(event), event["detail"]["object"]
    assert (video["bucket"], video["key"]) == ("av-workflow-videos", "start/my holiday+1.mkv")
    assert video["version_id"] == described.get("version-id")
    assert video["size"] == 5242880
    assert video["execution"].startswith("my-holiday-1-mkv-")


def test_the_order_of_events_tells_uploads_without_versions_apart():
    first = recorded("event-object-created-without-versions")
    second = json.loads(json.dumps(first))
    second["detail"]["object"]["sequencer"] = "617F08299329D18A"
    assert video_of(first)["execution"] != video_of(second)["execution"]


@pytest.mark.parametrize(
    ("name", "error"),
    [("failed", "States.Runtime"), ("timed-out", "ExecutionTimedOut"), ("aborted", "ExecutionAborted")],
)
def test_a_recorded_end_of_an_execution_is_read(name, error):
    video, found = data_of(recorded(f"event-execution-{name}"))
    assert (video["key"], found["Error"]) == ("start/holiday.mkv", error)
    assert not explain(found, None)["error"].startswith("States.")


def test_a_recorded_end_without_its_input_names_the_execution():
    with pytest.raises(ValueError, match="holiday-mkv-1 ended TIMED_OUT; its event has no input"):
        data_of(recorded("event-execution-without-input"))


# ------------------------------------------------------------ errors of S3
def refused(name, status, operation="GetObject"):
    """botocore's error of a recorded document."""
    document = ElementTree.parse(FOLDER / f"s3-{name}.xml").getroot()
    told = {"Code": document.findtext("Code"), "Message": document.findtext("Message")}
    return ClientError({"Error": told, "ResponseMetadata": {"HTTPStatusCode": status}}, operation)


@pytest.mark.parametrize(
    ("name", "status", "error"),
    [
        ("no-such-key", 404, SourceMissing),
        ("no-such-version", 404, SourceMissing),
        ("access-denied", 403, SourceMissing),
        ("slow-down", 503, StorageUnavailable),
        ("internal-error", 500, StorageUnavailable),
    ],
)
def test_a_recorded_error_of_s3_is_named(name, status, error):
    def get_object(**_):
        raise refused(name, status)

    with pytest.raises(error):
        ObjectStore("bucket", SimpleNamespace(get_object=get_object)).read_json("key")
    assert is_refusal(refused(name, status)) == (error is SourceMissing)
