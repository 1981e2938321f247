"""The rules of the template take the recorded events of AWS that they are for, and no others."""

import copy

import pytest

from local_aws.eventbridge.patterns import matches
from tests.recorded import names, recorded

RESOURCES = {
    "Bucket": "av-workflow-videos",
    "StateMachine": "arn:aws:states:eu-west-1:123456789012:stateMachine:workflow",
    "GpuSpotJobQueue": "arn:aws:batch:eu-west-1:123456789012:job-queue/gpu-spot",
}


def resolved(value):
    """A pattern with the names of the recordings."""
    if isinstance(value, dict):
        if "Ref" in value:
            return RESOURCES.get(value["Ref"], value["Ref"])
        if "Fn::GetAtt" in value:
            return RESOURCES.get(value["Fn::GetAtt"][0], value["Fn::GetAtt"][0])
        return (
            resolved(value["Fn::If"][1])
            if "Fn::If" in value
            else {name: resolved(each) for name, each in value.items()}
        )
    return [resolved(each) for each in value] if isinstance(value, list) else value


@pytest.fixture(scope="module")
def rules(translated):
    """The pattern of each rule, by its resource."""
    found = translated.properties("AWS::Events::Rule")
    return {name: resolved(facts["EventPattern"]) for name, facts in found.items()}


def taken(rules, event):
    return {name for name, pattern in rules.items() if matches(pattern, event)}


@pytest.mark.parametrize("name", names("event-object-created"))
def test_a_recorded_upload_starts_the_workflow_and_nothing_else(rules, name):
    event = recorded(name)
    assert len(taken(rules, event)) == 1
    assert "Start" in next(iter(taken(rules, event)))
    for key in ("result/my holiday.avi", "media/run/media.json"):
        other = copy.deepcopy(event)
        other["detail"]["object"]["key"] = key
        assert taken(rules, other) == set()


@pytest.mark.parametrize("name", ["failed", "timed-out", "aborted", "without-input"])
def test_a_recorded_end_without_a_report_is_reported(rules, name):
    event = recorded(f"event-execution-{name}")
    assert "UnreportedRule" in taken(rules, event)
    assert len(taken(rules, event)) == 2, "the function that reports, and the message"
    event["detail"] |= {"status": "SUCCEEDED", "error": None}
    assert taken(rules, event) == set()


def test_a_recorded_change_of_a_job_is_kept(rules):
    event = recorded("event-batch-job-state-change")
    assert taken(rules, event) == {"JobStateRule"}
    event["detail"]["jobQueue"] += "-of-others"
    assert taken(rules, event) == set()
