"""Functions that are not Active: who is refused, how, for how long, and what becomes of events."""

import json
import os
import time
from dataclasses import replace
from types import SimpleNamespace

import pytest

from local_aws.awslambda import states
from local_aws.awslambda.states import ERRORS
from tests.waiting import until


@pytest.fixture
def asleep(bench):
    """Puts a function of its own to sleep, and returns its name."""

    def put_to_sleep(name, seconds, *error):
        bench.aws.functions.add(replace(bench.aws.functions.get("tests-Pictures")[0], name=name))
        bench.aws.functions.states.put_to_sleep(name, seconds, *error)
        return name

    return put_to_sleep


@pytest.fixture
def clock(monkeypatch):
    """The clock of sleeping functions, which `clock.pass_by` turns on: a slow machine loses no time."""
    now = [0.0]
    monkeypatch.setattr(states, "time", SimpleNamespace(monotonic=lambda: now[0]))
    return SimpleNamespace(pass_by=lambda seconds: now.append(now.pop() + seconds))


def state_of(bench, name):
    found = bench.aws.client("lambda").get_function_configuration(FunctionName=name)
    return found["State"], found.get("StateReasonCode")


def task_of(bench, name):
    task = bench.invoke("tell")
    task["Parameters"]["FunctionName"] = name
    return task


def test_a_function_that_was_idle_is_inactive_then_pending_then_active(bench, asleep, clock):
    name, client = asleep("tests-Idle", 2.0), bench.aws.client("lambda")
    assert state_of(bench, name) == ("Inactive", "Idle")
    clock.pass_by(3)
    assert state_of(bench, name)[0] == "Inactive", "only an invocation wakes it"
    with pytest.raises(client.exceptions.ClientError) as caught:
        client.invoke(FunctionName=name, Payload=b"{}")
    answer = caught.value.response
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 409
    assert answer["Error"]["Code"] == "CodeArtifactUserPendingException"
    assert answer["Error"]["Message"] == "Lambda is initializing your function. It will be ready to invoke shortly."
    assert state_of(bench, name) == ("Pending", "Restoring")
    clock.pass_by(1)
    assert state_of(bench, name) == ("Pending", "Restoring")
    clock.pass_by(1)
    assert state_of(bench, name) == ("Active", None)
    payload = client.invoke(FunctionName=name, Payload=json.dumps({"do": "tell"}))["Payload"]
    assert json.load(payload)["function"] == name


def test_a_function_whose_resources_can_not_be_recreated_stays_inactive(bench, asleep):
    name = asleep("tests-Deleted", None, "CodeArtifactUserFailedException")
    for _ in range(2):
        result = bench.run(task_of(bench, name))
        assert result.error == "Lambda.CodeArtifactUserFailedException"
    assert state_of(bench, name)[0] == "Inactive"


@pytest.mark.parametrize("error", [*ERRORS, "AWSLambdaException"])
def test_a_state_machine_sees_each_name_and_its_retry_outlasts_the_sleep(bench, asleep, error):
    task = task_of(bench, asleep(f"tests-{error}", 1.0, error))
    task["Retry"] = [{"ErrorEquals": [f"Lambda.{error}"], "IntervalSeconds": 1, "MaxAttempts": 60, "BackoffRate": 1.0}]
    execution = bench.start(task)
    assert bench.finish(execution).status == "SUCCEEDED"
    assert "TaskFailed" in bench.history(execution)


def test_the_cause_is_in_the_words_of_step_functions(bench, asleep):
    cause = bench.run(task_of(bench, asleep("tests-Cause", None))).cause
    assert cause.startswith("Lambda is initializing your function. It will be ready to invoke shortly. (Service:")
    assert "Status Code: 409; Error Code: CodeArtifactUserPendingException" in cause


def test_an_event_for_a_function_that_sleeps_waits_and_runs_once(bench, asleep, clock, tmp_path):
    name, calls = asleep("tests-Events", 1.5), tmp_path / "calls"
    payload = json.dumps({"do": "fail_when_odd", "calls": os.fspath(calls), "fail": False})
    answer = bench.aws.client("lambda").invoke(FunctionName=name, InvocationType="Event", Payload=payload)
    assert answer["StatusCode"] == 202
    until(lambda: state_of(bench, name)[0] == "Pending", "the first try")
    assert not calls.exists()
    clock.pass_by(1.5)
    until(calls.exists, "the call")
    time.sleep(1)
    assert calls.read_text() == "x"
