"""Events that come many times, executions that somebody stops, and sources that change meanwhile."""

import json

import pytest

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


@pytest.mark.parametrize("step", ["ffmpeg", pytest.param("yolov3", marks=pytest.mark.slow)])
def test_a_stopped_execution_is_reported_with_its_cause(running, step):
    name = f"stopped-{step}"
    running.upload(name)
    arn = running.begun(name)
    state = {"ffmpeg": "FFmpeg", "yolov3": "Yolov3"}[step]
    until(lambda: state in entered(running, arn), f"the state {state}")
    running.states.stop_execution(executionArn=arn, error="Mistake", cause="The wrong video.")
    found = running.states.describe_execution(executionArn=arn)
    assert (found["status"], found["error"], found["cause"]) == ("ABORTED", "Mistake", "The wrong video.")
    report = running.report(name)
    assert report["error"] == "ExecutionAborted"
    assert "The wrong video." in report["message"]
    assert running.judge(name) == "ABORTED"


def entered(running, arn):
    pages = running.states.get_paginator("get_execution_history").paginate(executionArn=arn)
    events = (event for page in pages for event in page["events"])
    return {event["stateEnteredEventDetails"]["name"] for event in events if "stateEnteredEventDetails" in event}


@pytest.mark.slow
@pytest.mark.parametrize("how", ["delete", "delete the version", "overwrite"])
@pytest.mark.parametrize("state", ["FFmpeg", "Yolov3", "Merge"])
def test_a_source_may_vanish_or_change_meanwhile(running, how, state):
    name = f"source-{how.replace(' ', '-')}-{state.lower()}"
    key = running.upload(name)
    arn = running.begun(name)
    video = json.loads(running.states.describe_execution(executionArn=arn)["input"])["video"]
    until(lambda: state in entered(running, arn), f"the state {state}")
    if how == "overwrite":
        running.s3.put_object(Bucket=running.bucket, Key=key, Body=running.video + b"\0")
        until(lambda: len(running.executions(name)) == 2, "the second execution")
        until(lambda: all(each["status"] != "RUNNING" for each in running.executions(name)), "the end of both")
        assert {".json", ".avi", ".srt"} <= running.results(name)
        return
    version = {"VersionId": video["version_id"]} if how == "delete the version" else {}
    running.s3.delete_object(Bucket=running.bucket, Key=key, **version)
    assert running.judge(name) in ("SUCCEEDED", "FAILED")


@pytest.mark.slow
def test_what_a_redrive_does_again_replaces_the_report(running):
    """A redrive runs the unsuccessful states again with the same input; the first report must not stay."""
    running.upload("redriven")
    arn = running.begun("redriven")
    until(lambda: "FFmpeg" in entered(running, arn), "the state FFmpeg")
    running.states.stop_execution(executionArn=arn)
    assert running.report("redriven")["error"] == "ExecutionAborted"
    text = running.states.describe_execution(executionArn=arn)["input"]
    again = running.states.start_execution(stateMachineArn=running.machine, name="redriven-again", input=text)

    def end():
        found = running.states.describe_execution(executionArn=again["executionArn"])
        return found["status"] if found["status"] != "RUNNING" else None

    assert until(end, "the end of the second run") == "SUCCEEDED"
    assert ".error.json" not in running.results("redriven")
    assert {".json", ".avi", ".srt"} <= running.results("redriven")
