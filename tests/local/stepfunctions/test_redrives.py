"""RedriveExecution: an unsuccessful execution goes on from its unsuccessful state, with the same input and history."""

import datetime
import json
import uuid
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest
from botocore.exceptions import ClientError

from local_aws.stepfunctions import redrives
from tests.waiting import until

PASS = {"Type": "Pass", "End": True}
NEVER = [{"ErrorEquals": ["States.ALL"], "IntervalSeconds": 3600}]
ONE = {"Type": "Pass", "Parameters": {"one.$": "States.UUID()"}}


def get(bench, key, **settings):
    """A Task that fails until there is an object with this key."""
    parameters = {"Bucket": bench.outputs["Bucket"], ("Key.$" if key.startswith("$") else "Key"): key}
    return {
        "Type": "Task",
        "Resource": "arn:aws:states:::aws-sdk:s3:getObject",
        "Parameters": parameters,
        "ResultSelector": {"text.$": "$.Body"},
        **settings,
    }


def put(bench, key):
    bench.aws.client("s3").put_object(Bucket=bench.outputs["Bucket"], Key=key, Body=b"here")


@pytest.fixture
def key():
    return f"late-{uuid.uuid4().hex}"


def started(bench, states, data=None, **settings):
    """The ARN of an execution of the states S and those that follow."""
    definition = json.dumps({"StartAt": "S", "States": states, **settings})
    machine = bench.states.create_state_machine(
        name=f"m-{uuid.uuid4().hex}", definition=definition, roleArn=bench.outputs["RoleArn"]
    )["stateMachineArn"]
    return bench.states.start_execution(stateMachineArn=machine, input=json.dumps(data or {}))["executionArn"]


def entered(bench, arn):
    """How often each state was entered."""
    pages = bench.states.get_paginator("get_execution_history").paginate(executionArn=arn)
    events = [event for page in pages for event in page["events"]]
    assert [event["id"] for event in events] == list(range(1, len(events) + 1))
    return Counter(event["stateEnteredEventDetails"]["name"] for event in events if "stateEnteredEventDetails" in event)


def refusal(bench, arn):
    with pytest.raises(ClientError) as caught:
        bench.states.redrive_execution(executionArn=arn)
    return caught.value.response["Error"]


def test_a_failed_execution_goes_on_from_its_unsuccessful_state(bench, key):
    after = {"Type": "Pass", "Parameters": {"all.$": "$", "times.$": "$$.Execution.RedriveCount"}, "End": True}
    states = {
        "S": {**ONE, "Next": "Get"},
        "Get": get(bench, key, ResultPath="$.got", Next="After"),
        "After": after,
    }
    arn = started(bench, states, {"given": 1})
    assert bench.finish(arn).error == "S3.NoSuchKeyException"
    before = bench.states.describe_execution(executionArn=arn)
    assert (before["redriveCount"], before["redriveStatus"], "redriveDate" in before) == (0, "REDRIVABLE", False)
    first = json.loads(
        bench.states.get_execution_history(executionArn=arn)["events"][2]["stateExitedEventDetails"]["output"]
    )
    put(bench, key)
    date = bench.states.redrive_execution(executionArn=arn)["redriveDate"]
    ended = bench.finish(arn)
    assert (ended.status, ended.error, ended.cause) == ("SUCCEEDED", None, None)
    assert ended.output == {"all": {**first, "got": {"text": "here"}}, "times": 1}, "the result of S is kept"
    assert entered(bench, arn) == {"S": 1, "Get": 2, "After": 1}
    history = bench.history(arn)
    assert history.index("ExecutionRedriven") == history.index("ExecutionFailed") + 1
    described = bench.states.describe_execution(executionArn=arn)
    assert (described["redriveCount"], described["redriveDate"], json.loads(described["input"])) == (
        1,
        date,
        {"given": 1},
    )
    assert described["redriveStatusReason"] == "Execution is SUCCEEDED and cannot be redriven."
    (listed,) = bench.states.list_executions(stateMachineArn=described["stateMachineArn"])["executions"]
    assert (listed["status"], listed["redriveCount"], listed["redriveDate"]) == ("SUCCEEDED", 1, date)


def test_only_unsuccessful_branches_and_items_run_again(bench, key):
    put(bench, f"{key}-0"), put(bench, f"{key}-1")
    each = {
        "Type": "Map",
        "ItemsPath": "$.keys",
        "MaxConcurrency": 1,
        "ItemProcessor": {
            "ProcessorConfig": {"Mode": "INLINE"},
            "StartAt": "Item",
            "States": {"Item": {"Type": "Pass", "Next": "Get"}, "Get": get(bench, "$", End=True)},
        },
        "End": True,
    }
    branches = [
        {"StartAt": "Done", "States": {"Done": {**ONE, "End": True}}},
        {"StartAt": "First", "States": {"First": {"Type": "Pass", "Next": "Each"}, "Each": each}},
    ]
    arn = started(
        bench,
        {"S": {"Type": "Parallel", "Branches": branches, "Next": "T"}, "T": PASS},
        {"keys": [f"{key}-{number}" for number in range(3)]},
    )
    assert bench.finish(arn).error == "S3.NoSuchKeyException"
    assert entered(bench, arn) == {"S": 1, "Done": 1, "First": 1, "Each": 1, "Item": 3, "Get": 3}
    bench.states.redrive_execution(executionArn=arn)
    assert bench.finish(arn).error == "S3.NoSuchKeyException", "it is still missing"
    put(bench, f"{key}-2")
    bench.states.redrive_execution(executionArn=arn)
    ended = bench.finish(arn)
    assert ended.status == "SUCCEEDED", ended.cause
    assert list(ended.output[0]) == ["one"]
    assert ended.output[1] == [{"text": "here"}] * 3
    assert entered(bench, arn) == {"S": 3, "Done": 1, "First": 1, "Each": 3, "Item": 3, "Get": 5, "T": 1}


def test_a_retry_after_the_redrive_runs_all_branches(bench, key):
    """Only the redrive leaves out what is done: what a Retry begins anew is all new."""
    branches = [
        {"StartAt": "Done", "States": {"Done": PASS}},
        {"StartAt": "Get", "States": {"Get": get(bench, key, End=True)}},
    ]
    once = [{"ErrorEquals": ["States.ALL"], "IntervalSeconds": 1, "MaxAttempts": 1}]
    arn = started(bench, {"S": {"Type": "Parallel", "Branches": branches, "Retry": once, "End": True}})
    assert bench.finish(arn).status == "FAILED"
    assert entered(bench, arn)["Done"] == 2
    bench.states.redrive_execution(executionArn=arn)
    assert bench.finish(arn).status == "FAILED"
    assert entered(bench, arn) == {"S": 2, "Done": 3, "Get": 4}, "the count of retries began at 0"


@pytest.mark.parametrize(("how", "event"), [("ABORTED", "ExecutionAborted"), ("TIMED_OUT", "ExecutionTimedOut")])
def test_what_was_stopped_or_timed_out_goes_on_though_its_task_has_not_ended(bench, key, how, event):
    settings = {"TimeoutSeconds": 2} if how == "TIMED_OUT" else {}
    states = {"S": {"Type": "Pass", "Next": "Get"}, "Get": get(bench, key, Retry=NEVER, End=True)}
    arn = started(bench, states, **settings)
    until(lambda: "TaskFailed" in bench.history(arn))
    if how == "ABORTED":
        bench.states.stop_execution(executionArn=arn, error="Mistake", cause="Too early.")
    assert bench.finish(arn).status == how
    put(bench, key)
    bench.states.redrive_execution(executionArn=arn)
    assert bench.finish(arn).output == {"text": "here"}
    assert entered(bench, arn) == {"S": 1, "Get": 2}
    history = bench.history(arn)
    assert history[history.index("ExecutionRedriven") - 1] == event
    assert history.count(event) == 1


def test_a_redriven_execution_can_be_stopped_and_redriven_again(bench, key):
    arn = started(bench, {"S": get(bench, key, Retry=NEVER, End=True)})
    for count in (1, 2):
        until(lambda: bench.history(arn).count("TaskFailed") == count)  # noqa: B023
        bench.states.stop_execution(executionArn=arn, cause=str(count))
        assert bench.states.describe_execution(executionArn=arn)["cause"] == str(count)
        bench.states.redrive_execution(executionArn=arn)
        running = bench.states.describe_execution(executionArn=arn)
        assert (running["status"], running["redriveCount"]) == ("RUNNING", count)
        assert not {"stopDate", "error", "cause"} & {*running}
        assert refusal(bench, arn)["Code"] == "ExecutionNotRedrivable"
    bench.states.stop_execution(executionArn=arn)


def test_a_fail_state_fails_again(bench):
    states = {"S": {**ONE, "Next": "No"}, "No": {"Type": "Fail", "ErrorPath": "$.one", "Cause": "As before."}}
    arn = started(bench, states)
    first = bench.finish(arn)
    for _ in range(2):
        bench.states.redrive_execution(executionArn=arn)
        again = bench.finish(arn)
        assert (again.status, again.error, again.cause) == ("FAILED", first.error, "As before.")
    assert entered(bench, arn) == {"S": 1, "No": 3}
    assert bench.history(arn).count("ExecutionFailed") == 3


def test_ten_redrives_at_once_are_one(bench, key):
    arn = started(bench, {"S": get(bench, key, End=True)})
    bench.finish(arn)
    put(bench, key)

    def redrive(number):
        try:
            return bench.states.redrive_execution(executionArn=arn, clientToken=f"t{number}")["redriveDate"]
        except ClientError as error:
            return error.response["Error"]["Code"]

    with ThreadPoolExecutor(10) as pool:
        found = list(pool.map(redrive, range(10)))
    assert bench.finish(arn).status == "SUCCEEDED"
    (date,) = {each for each in found if isinstance(each, datetime.datetime)}
    assert Counter(found) == {date: 1, "ExecutionNotRedrivable": 9}
    winner = found.index(date)
    assert redrive(winner) == date, "a client that tries again gets the same answer"
    assert entered(bench, arn) == {"S": 2}


@pytest.mark.parametrize(
    ("limit", "value", "reason"),
    [
        ("REDRIVABLE", datetime.timedelta(0), "Execution redrivable period exceeded"),
        ("OPEN", datetime.timedelta(0), "Execution has exceeded the max execution time"),
        ("MOST_EVENTS", 3, "Execution history event limit exceeded"),
    ],
)
def test_what_is_too_old_or_too_long_is_refused(bench, monkeypatch, limit, value, reason):
    arn = started(bench, {"S": {"Type": "Fail"}})
    bench.finish(arn)
    monkeypatch.setattr(redrives, limit, value)
    error = refusal(bench, arn)
    assert error["Code"] == "ExecutionNotRedrivable"
    assert reason in error["Message"]
    described = bench.states.describe_execution(executionArn=arn)
    assert (described["redriveStatus"], described["redriveStatusReason"]) == ("NOT_REDRIVABLE", f"{reason}.")


def test_what_runs_succeeded_or_does_not_exist_is_refused(bench, key):
    done = started(bench, {"S": PASS})
    bench.finish(done)
    assert refusal(bench, done)["Code"] == "ExecutionNotRedrivable"
    running = started(bench, {"S": {"Type": "Wait", "Seconds": 3600, "End": True}})
    assert "Execution is RUNNING" in refusal(bench, running)["Message"]
    bench.states.stop_execution(executionArn=running)
    assert refusal(bench, f"{done}x")["Code"] == "ExecutionDoesNotExist"
