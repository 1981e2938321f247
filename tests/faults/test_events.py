"""Events that come many times, executions that somebody stops, and sources that change meanwhile."""

import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.faults.conftest import COMPLETE
from tests.waiting import until


def test_a_hundred_duplicates_of_an_event_are_one_execution(running):
    seen = []
    publish = running.aws.events.publish

    def keep(event, bus="default"):
        seen.append(event)
        publish(event, bus)

    running.aws.events.publish = keep
    try:
        running.upload("duplicate")
        event = until(lambda: [each for each in seen if each["detail-type"] == "Object Created"], "the event")[0]
        for _ in range(100):
            publish(event)
    finally:
        running.aws.events.publish = publish
    assert running.judge("duplicate") == "SUCCEEDED"
    until(lambda: running.aws.functions.concurrency.running() == 0, "the end of all invocations")
    assert len(running.executions("duplicate")) == 1


#: the states of a run whose upload is a video, and of one whose upload is none
OF_VIDEO = ("FFmpeg", "ReadMedia", "Audio2srt", "Yolov3", "Merge", "AnnounceResults")
OF_TEXT = ("FFmpeg", "ReportFailure", "NotifyFailure")


@pytest.mark.parametrize(
    ("state", "body"),
    [
        *(pytest.param(state, None, marks=pytest.mark.slow if state != "FFmpeg" else ()) for state in OF_VIDEO),
        *(pytest.param(state, b"This is no video.", marks=pytest.mark.slow) for state in OF_TEXT),
    ],
)
def test_a_stopped_execution_is_reported_with_its_cause(running, state, body):
    running.upload(name := f"stopped-{state}-{'text' if body else 'video'}", body)
    arn = running.begun(name)
    until(lambda: state in running.entered(arn), f"the state {state}")
    running.states.stop_execution(executionArn=arn, error="Mistake", cause="The wrong video.")
    found = running.states.describe_execution(executionArn=arn)
    status = running.judge(name)
    assert status == found["status"], "a stopped execution does not go on"
    if state in ("FFmpeg", "Audio2srt", "Yolov3") and not body:
        assert status == "ABORTED", "it takes long enough to stop it there"
    if status == "ABORTED":
        assert (found["error"], found["cause"]) == ("Mistake", "The wrong video.")
    if status == "ABORTED" and running.results(name) == {".error.json"}:
        report = until(lambda: aborted(running.report(name)), "the report of the stop")
        assert "The wrong video." in report["message"]


def aborted(report):
    """The report, if it is that of a stopped execution: the function that reports an earlier error may still run."""
    return report if report["error"] == "ExecutionAborted" else None


@pytest.mark.slow
@pytest.mark.parametrize("how", ["delete", "delete the version", "overwrite", "overwrite with text"])
@pytest.mark.parametrize("state", ["FFmpeg", "Audio2srt", "Yolov3", "Merge"])
def test_a_source_may_vanish_or_change_meanwhile(running, how, state):
    name = f"source-{how.replace(' ', '-')}-{state.lower()}"
    key = running.upload(name)
    arn = running.begun(name)
    video = json.loads(running.states.describe_execution(executionArn=arn)["input"])["video"]
    until(lambda: state in running.entered(arn), f"the state {state}")
    if not how.startswith("overwrite"):
        version = {"VersionId": video["version_id"]} if how == "delete the version" else {}
        running.s3.delete_object(Bucket=running.bucket, Key=key, **version)
        if running.judge(name) == "FAILED":
            assert running.report(name)["error"] == "SourceMissing"
            assert how == "delete the version", "the version is still there"
        return
    body = running.video + b"\0" if how == "overwrite" else b"This is no video."
    newest = running.s3.put_object(Bucket=running.bucket, Key=key, Body=body)["VersionId"]
    until(lambda: len(running.executions(name)) == 2, "the second execution")
    until(lambda: all(each["status"] != "RUNNING" for each in running.executions(name)), "the end of both")
    if how == "overwrite":
        assert running.results(name) == COMPLETE
        assert running.json(name, ".json")["source"]["version_id"] == newest, "the results are the newest upload's"
    else:
        assert running.report(name)["error"] == "InvalidMediaUnreadable"
        assert running.results(name) in ({".error.json"}, {".error.json"} | COMPLETE), "those of the older one, or none"


def redriven(running, name, **token):
    """Redrive the execution of an upload; returns how it ended, and how often it entered each state."""
    arn = running.begun(name)
    running.states.redrive_execution(executionArn=arn, **token)
    return running.ended(name), running.entered(arn)


def test_a_stopped_run_that_is_redriven_completes_and_its_report_is_gone(running):
    running.upload("redriven")
    arn = running.begun("redriven")
    until(lambda: "FFmpeg" in running.entered(arn), "the state FFmpeg")
    running.states.stop_execution(executionArn=arn, cause="The wrong moment.")
    assert running.report("redriven")["error"] == "ExecutionAborted"
    ended, entered = redriven(running, "redriven")
    assert ended["status"] == "SUCCEEDED"
    assert (ended["redriveCount"], "error" in ended, "cause" in ended) == (1, False, False)
    assert {state for state, times in entered.items() if times > 1} == {"FFmpeg"}, "only this state ran again"
    assert running.judge("redriven") == "SUCCEEDED"
    assert running.results("redriven") == COMPLETE, "and no report"


@pytest.mark.slow
@pytest.mark.parametrize("state", ["Audio2srt", "Yolov3", "Merge"])
def test_a_run_goes_on_where_it_was_stopped(running, state):
    """Also a function or a job that goes on meanwhile does no harm."""
    running.upload(name := f"redriven-{state.lower()}")
    arn = running.begun(name)
    until(lambda: state in running.entered(arn), f"the state {state}")
    running.states.stop_execution(executionArn=arn)
    ended, entered = redriven(running, name)
    assert ended["status"] == "SUCCEEDED", ended
    assert entered["FFmpeg"] == 1, "what had succeeded does not run again"
    assert running.judge(name) == "SUCCEEDED"
    assert running.json(name, ".json")["execution"] == arn.rpartition(":")[2]


@pytest.mark.slow
def test_a_failed_run_that_is_redriven_fails_with_the_same_error(running):
    running.upload("redriven-text", b"This is no video.")
    first, report = running.ended("redriven-text"), running.report("redriven-text")
    again, entered = redriven(running, "redriven-text")
    assert (again["status"], again["error"], again["cause"]) == ("FAILED", first["error"], first["cause"])
    assert (entered["FFmpeg"], entered["ReportFailure"], entered["Failed"]) == (1, 1, 2)
    assert running.judge("redriven-text") == "FAILED"
    assert running.report("redriven-text") == report


@pytest.mark.slow
def test_ten_redrives_at_once_do_the_work_once(running):
    running.upload("redriven-ten")
    arn = running.begun("redriven-ten")
    until(lambda: "FFmpeg" in running.entered(arn), "the state FFmpeg")
    running.states.stop_execution(executionArn=arn)

    def redrive(number):
        try:
            running.states.redrive_execution(executionArn=arn, clientToken=str(number))
        except running.states.exceptions.ExecutionNotRedrivable:
            return 0
        return 1

    with ThreadPoolExecutor(10) as pool:
        assert sum(pool.map(redrive, range(10))) == 1
    assert running.judge("redriven-ten") == "SUCCEEDED"
    assert running.entered(arn)["FFmpeg"] == 2
