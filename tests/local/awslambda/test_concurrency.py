"""How many invocations run at once, who is refused, who waits, and which environments are used again."""

import json
import os
import threading
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from local_aws.awslambda.concurrency import Concurrency, TooManyRequests
from local_aws.awslambda.function import Function
from tests.waiting import until


def function_of(bench, name, **settings):
    """A copy of the function of fixtures/code/pictures."""
    created = replace(bench.aws.functions.get("tests-Pictures")[0], name=name, **settings)
    bench.aws.functions.add(created)
    return created


def invoke(bench, name, do, **payload):
    return bench.aws.functions.invoke(name, json.dumps({"do": do, **payload}).encode())


@pytest.fixture
def held(bench, tmp_path):
    """A function with one reserved invocation, which is used up until the test ends."""
    function_of(bench, "tests-Held", reserved=1)
    go = tmp_path / "go"
    caller = threading.Thread(target=invoke, args=(bench, "tests-Held", "hold"), kwargs={"until": os.fspath(go)})
    caller.start()
    until(lambda: bench.aws.functions.concurrency.running("tests-Held") == 1, "the first invocation")
    yield SimpleNamespace(go=go)
    go.touch()
    caller.join()
    function_of(bench, "tests-Held")  # the account has all of its concurrency again, for other modules


def test_a_caller_beyond_the_concurrency_is_refused_by_name(bench, held):
    client = bench.aws.client("lambda")
    with pytest.raises(client.exceptions.TooManyRequestsException) as caught:
        client.invoke(FunctionName="tests-Held", Payload=b"{}")
    answer = caught.value.response
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 429
    assert answer["Reason"] == "ReservedFunctionConcurrentInvocationLimitExceeded"
    task = bench.invoke("tell")
    task["Parameters"]["FunctionName"] = "tests-Held"
    assert bench.run(task).error == "Lambda.TooManyRequestsException"
    assert bench.run(bench.invoke("tell")).status == "SUCCEEDED", "other functions are free"


def test_a_retry_of_the_state_machine_outlasts_the_pressure(bench, held):
    task = bench.invoke("tell")
    task["Parameters"]["FunctionName"] = "tests-Held"
    task["Retry"] = [{"ErrorEquals": ["Lambda.TooManyRequestsException"], "IntervalSeconds": 1, "MaxAttempts": 50,
                      "BackoffRate": 1.0}]  # fmt: skip
    execution = bench.start(task)
    until(lambda: "TaskFailed" in bench.history(execution), "the refusal")
    held.go.touch()
    assert bench.finish(execution).status == "SUCCEEDED"


def test_an_event_waits_for_concurrency_and_is_not_lost(bench, held, tmp_path):
    calls = tmp_path / "calls"
    payload = json.dumps({"do": "fail_when_odd", "calls": os.fspath(calls), "fail": False})
    answer = bench.aws.client("lambda").invoke(FunctionName="tests-Held", InvocationType="Event", Payload=payload)
    assert answer["StatusCode"] == 202
    assert not calls.exists()
    held.go.touch()
    until(calls.exists, "the call")


def test_an_event_that_gets_no_concurrency_in_time_is_reported(bench):
    queue = bench.outputs["Lost"]
    arn = bench.aws.client("sqs").get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])
    function_of(bench, "tests-Never", reserved=0, max_age=1.0, on_failure=arn["Attributes"]["QueueArn"])
    bench.aws.client("lambda").invoke(FunctionName="tests-Never", InvocationType="Event", Payload=b"{}")
    (message,) = bench.messages("Lost")
    assert json.loads(message["Body"])["requestContext"]["condition"] == "EventAgeExceeded"


def test_the_account_and_reservations_share_the_concurrency(tmp_path):
    ordinary, reserved = (Function(name, "a.b", tmp_path, {}, reserved=part) for name, part in (("o", None), ("r", 1)))
    concurrency = Concurrency(3, lambda: [ordinary, reserved])
    for _ in range(2):
        concurrency.take(ordinary)
    with pytest.raises(TooManyRequests) as caught:
        concurrency.take(ordinary)
    assert caught.value.reason == "ConcurrentInvocationLimitExceeded"
    concurrency.take(reserved)
    with pytest.raises(TooManyRequests):
        concurrency.take(reserved)
    concurrency.give_back(ordinary)
    concurrency.take(ordinary)


# ------------------------------------------------------------ environments
def environment_of(bench, name):
    """Which environment answers: the folder of its /tmp."""
    return json.loads(invoke(bench, name, "tell").payload)["tmp"]


def test_an_environment_is_used_again_and_keeps_its_tmp(bench):
    function_of(bench, "tests-Warm")
    first = environment_of(bench, "tests-Warm")
    Path(first, "kept").touch()
    assert environment_of(bench, "tests-Warm") == first
    assert Path(first, "kept").exists()
    assert invoke(bench, "tests-Warm", "raise_error", id=1).error["errorType"] == "PictureNotFound"
    assert environment_of(bench, "tests-Warm") == first, "an exception does not end it"


@pytest.mark.parametrize("death", ["exit_now", "use_memory", "fill_many_files"])
def test_an_environment_that_dies_is_discarded(bench, death):
    function_of(bench, f"tests-{death}")
    first = environment_of(bench, f"tests-{death}")
    assert invoke(bench, f"tests-{death}", death).error is not None
    assert environment_of(bench, f"tests-{death}") != first
    assert not Path(first).exists()


def test_an_environment_that_somebody_kills_while_it_is_idle_costs_nothing(bench):
    function_of(bench, "tests-Killed")
    first = environment_of(bench, "tests-Killed")
    (idle,) = [each for each in bench.aws.functions.environments.idle() if os.fspath(each.tmp) == first]
    idle.sandbox.process.kill()
    idle.sandbox.process.wait()
    assert environment_of(bench, "tests-Killed") != first
