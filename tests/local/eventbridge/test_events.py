"""From an object or an event to the targets of rules, or to the dead-letter queue."""

import json

import pytest

from local_aws.eventbridge.inputs import transform
from local_aws.sandbox.activity import StepEnded
from tests.waiting import until


def put(bench, key, body=b"x"):
    bench.aws.client("s3").put_object(Bucket=bench.outputs["Bucket"], Key=key, Body=body)


def ends(bench, earlier):
    """How the invocations of fixtures/code/pictures that are not among these ended."""
    told = [each for each in bench.activities if isinstance(each, StepEnded) and each.id not in earlier]
    return [each for each in told if each.name == "tests-Pictures"]


def test_an_upload_reaches_a_queue_through_an_input_transformer(bench):
    put(bench, "elsewhere/a b.txt")
    put(bench, 'seen/ü "b".txt')
    (message,) = bench.messages("Seen")
    key = 'seen/ü "b".txt'
    assert json.loads(message["Body"]) == {"key": key, "text": f"Object Created at {key}"}


def test_an_upload_invokes_a_function_with_the_selected_part_of_the_event(bench):
    earlier = {each.id for each in bench.activities}
    put(bench, "async/a.txt", b"12345")
    (end,) = until(lambda: ends(bench, earlier))
    assert end.error is None


def test_a_rule_without_permission_to_invoke_goes_to_its_dead_letter_queue(bench):
    entry = {"Source": "forbidden", "DetailType": "d", "Detail": "{}"}
    assert bench.aws.client("events").put_events(Entries=[entry])["FailedEntryCount"] == 0
    (message,) = bench.messages("Lost")
    attributes = {name: value["StringValue"] for name, value in message["MessageAttributes"].items()}
    assert attributes["ERROR_CODE"] == "NO_PERMISSIONS"
    assert "AWS::Lambda::Permission is missing" in attributes["ERROR_MESSAGE"]
    assert json.loads(message["Body"])["source"] == "forbidden"


def test_put_events_of_a_state_machine_reaches_the_rules(bench):
    entries = [{"Source": "tests", "DetailType": "d", "EventBusName": "default", "Detail": {"n.$": "$.n"}}]
    task = {"Type": "Task", "Resource": "arn:aws:states:::events:putEvents", "Parameters": {"Entries": entries}}
    result = bench.run(task, {"n": 5})
    assert result.output["FailedEntryCount"] == 0
    (message,) = bench.messages("Seen")
    assert json.loads(message["Body"]) == {"n": 5}


def test_malformed_entries_are_refused_one_by_one(bench):
    good = {"Source": "nobody", "DetailType": "d", "Detail": "{}"}
    entries = [good, {**good, "Source": ""}, {**good, "Detail": "{"}]
    answer = bench.aws.client("events").put_events(Entries=entries)
    codes = [entry.get("ErrorCode") for entry in answer["Entries"]]
    assert (answer["FailedEntryCount"], codes) == (2, [None, "InvalidArgument", "MalformedDetail"])


RULE = "arn:aws:events:us-east-1:123456789012:rule/mine"


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ({}, '{"detail-type": "T", "detail": {"a": "x\\"y", "n": 1}}'),
        ({"Input": '"fixed"'}, '"fixed"'),
        ({"InputPath": "$.detail.n"}, "1"),
        ({"InputTransformer": {"InputPathsMap": {"a": "$.detail.a"}, "InputTemplate": '{"v": <a>}'}}, '{"v": "x\\"y"}'),
        ({"InputTransformer": {"InputPathsMap": {"a": "$.detail.a"}, "InputTemplate": '"is <a>"'}}, '"is x\\"y"'),
        ({"InputTransformer": {"InputPathsMap": {"d": "$.detail"}, "InputTemplate": "<d>"}}, '{"a": "x\\"y", "n": 1}'),
        ({"InputTransformer": {"InputTemplate": '"<aws.events.rule-name>"'}}, '"mine"'),
        ({"InputTransformer": {"InputPathsMap": {"t": "$.detail-type"}, "InputTemplate": "<t>"}}, '"T"'),
    ],
)
def test_input_of_a_target(target, expected):
    assert transform(target, {"detail-type": "T", "detail": {"a": 'x"y', "n": 1}}, RULE) == expected
