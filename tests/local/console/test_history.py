"""What the console shows of executions that really ran: each state, also in branches and items, and its log."""

import json
import uuid

import pytest

from avflow_cli.console.execution import Execution
from avflow_cli.console.history import Runs
from avflow_cli.console.logs import log_of
from tests.local.states import choose, on_batch, on_lambda, spans, spans_map
from tests.waiting import until

CATCH = [{"ErrorEquals": ["States.ALL"], "ResultPath": "$.error", "Next": "C"}]


def read(bench, arn):
    """An execution after its end."""
    bench.finish(arn)
    execution = Execution(bench.states, arn)
    execution.refresh(0)
    assert execution.has_ended
    return execution


def seen(execution, name):
    return [execution.summary(run) for run in execution.runs.by_id.values() if run.name == name]


def one(execution, name):
    (found,) = seen(execution, name)
    return found


def statuses(execution):
    return [(run.name, run.status) for run in execution.runs.by_id.values()]


def test_a_state_has_its_input_output_times_and_try(bench):
    execution = read(bench, bench.start(bench.invoke("tell"), {"a": 1}))
    (run,) = execution.runs.by_id.values()
    assert (run.name, run.kind, run.status, run.error) == ("T", "Task", "SUCCEEDED", None)
    assert json.loads(run.input) == {"a": 1}
    assert json.loads(run.output)["Payload"]["event"] == {"do": "tell"}
    (attempt,) = run.attempts
    assert (attempt.service, attempt.resource) == ("lambda", "invoke")
    assert json.loads(attempt.parameters)["Payload"] == {"do": "tell"}
    assert run.entered <= attempt.began <= attempt.ended <= run.left
    assert {execution.runs.names.get(event["id"]) for event in execution.events[1:-1]} == {"T"}


def test_a_caught_error_is_no_failure(bench):
    execution = read(bench, bench.start({**bench.invoke("raise_error", id=1), "Catch": CATCH}))
    assert statuses(execution) == [("T", "CAUGHT"), ("C", "SUCCEEDED")]
    assert one(execution, "T")["error"] == "PictureNotFound"
    assert "no picture 1" in execution.runs.by_id[2].cause


def test_each_repeated_try_is_kept_with_its_error(bench):
    retry = [{"ErrorEquals": ["States.ALL"], "IntervalSeconds": 1, "MaxAttempts": 2}]
    execution = read(bench, bench.start({**bench.invoke("raise_error", id=1), "Retry": retry}))
    run = one(execution, "T")
    assert (run["status"], run["tries"], run["error"]) == ("FAILED", 3, "PictureNotFound")
    assert [each.error for each in execution.runs.by_id[2].attempts] == ["PictureNotFound"] * 3


def test_what_waits_for_its_next_try_is_told_apart_from_what_runs(bench):
    retry = [{"ErrorEquals": ["States.ALL"], "IntervalSeconds": 3600}]
    arn = bench.start({**bench.invoke("raise_error", id=1), "Retry": retry})
    execution = Execution(bench.states, arn)

    def waits():
        execution.refresh(0)
        return ("T", "RETRYING") in statuses(execution)

    until(waits)
    assert not execution.has_ended
    bench.states.stop_execution(executionArn=arn)

    def ended():
        execution.refresh(0)
        return execution.has_ended

    until(ended)
    assert (statuses(execution), execution.described["status"]) == ([("T", "ABORTED")], "ABORTED")


def test_the_items_of_a_map_go_each_its_way(bench):
    choice = choose("$.on_batch", "Slow", "Quick", BooleanEquals=True)
    states = {"C1": choice, "Quick": on_lambda(bench), "Slow": on_batch(bench)}
    execution = read(bench, bench.start(spans_map("C1", states), spans(False, True, False)))
    around = one(execution, "T")
    assert (around["kind"], around["status"], around["length"], around["items"]) == ("Map", "SUCCEEDED", 3, [0, 3])
    assert sorted(each["inside"] for each in seen(execution, "Quick")) == [["T 1"], ["T 3"]]
    assert one(execution, "Slow")["inside"] == ["T 2"]
    assert one(execution, "Slow")["service"] == "batch"
    assert len(seen(execution, "C1")) == 3


def test_an_item_that_fails_ends_the_others_and_the_map_is_caught(bench):
    failing = choose("$.on_batch", "Bad", "Long", BooleanEquals=True)
    states = {
        "C1": failing,
        "Bad": {"Type": "Fail", "Error": "Bad", "Cause": "it is"},
        "Long": {"Type": "Wait", "Seconds": 3600},
    }
    execution = read(bench, bench.start(spans_map("C1", states, Catch=CATCH), spans(False, True)))
    assert one(execution, "T")["status"] == "CAUGHT"
    assert one(execution, "Bad")["status"] == "FAILED"
    assert one(execution, "Long")["status"] == "ABORTED"
    assert one(execution, "C")["status"] == "SUCCEEDED"
    assert one(execution, "C")["inside"] == []


def test_branches_with_a_map_in_one_of_them(bench):
    """The events of both branches alternate, and the Map ends while the other branch still runs."""
    states = {"Quick": on_lambda(bench)}
    map_ = {**spans_map("Quick", states), "End": True}
    long = {**bench.submit("tell"), "End": True}
    parallel = {
        "Type": "Parallel",
        "Branches": [{"StartAt": "M", "States": {"M": map_}}, {"StartAt": "B", "States": {"B": long}}],
    }
    execution = read(bench, bench.start(parallel, spans(False, False)))
    assert {status for _, status in statuses(execution)} == {"SUCCEEDED"}
    assert one(execution, "M")["inside"] == ["T"]
    assert sorted(each["inside"] for each in seen(execution, "Quick")) == [["T", "M 1"], ["T", "M 2"]]
    assert one(execution, "B")["inside"] == ["T"]


def test_a_map_within_a_map(bench):
    inner = {
        "Type": "Map",
        "ItemsPath": "$.inner",
        "ItemProcessor": {"StartAt": "P", "States": {"P": {"Type": "Pass", "End": True}}},
        "End": True,
    }
    outer = {"Type": "Map", "ItemsPath": "$.outer", "ItemProcessor": {"StartAt": "I", "States": {"I": inner}}}
    execution = read(bench, bench.start(outer, {"outer": [{"inner": [1, 2]}, {"inner": [3]}]}))
    assert {status for _, status in statuses(execution)} == {"SUCCEEDED"}
    assert sorted(each["inside"] for each in seen(execution, "P")) == [["T 1", "I 1"], ["T 1", "I 2"], ["T 2", "I 1"]]


def test_a_redriven_execution_goes_on(bench):
    key = f"late-{uuid.uuid4().hex}"
    task = {
        "Type": "Task",
        "Resource": "arn:aws:states:::aws-sdk:s3:getObject",
        "Parameters": {"Bucket": bench.outputs["Bucket"], "Key": key},
        "ResultSelector": {"text.$": "$.Body"},
    }
    arn = bench.start(task)
    execution = read(bench, arn)
    assert statuses(execution) == [("T", "FAILED")]
    bench.aws.client("s3").put_object(Bucket=bench.outputs["Bucket"], Key=key, Body=b"here")
    bench.states.redrive_execution(executionArn=arn)
    bench.finish(arn)
    execution.refresh(0)
    assert execution.described["status"] == "SUCCEEDED"
    assert statuses(execution)[-1] == ("T", "SUCCEEDED")


def test_only_what_has_changed_is_told_again():
    def event(number, before, kind, **details):
        return {"id": number, "previousEventId": before, "type": kind, "timestamp": None, **details}

    runs = Runs()
    runs.read(event(1, 0, "ExecutionStarted"))
    runs.read(event(2, 1, "PassStateEntered", stateEnteredEventDetails={"name": "A"}))
    runs.read(event(3, 2, "PassStateExited", stateExitedEventDetails={"name": "A"}))
    runs.read(event(4, 3, "WaitStateEntered", stateEnteredEventDetails={"name": "B"}))
    assert [run.name for run in runs.changed(0)] == ["A", "B"]
    assert [run.name for run in runs.changed(3)] == ["B"]
    assert runs.changed(4) == []


# ---------------------------------------------------------------- logs
def log(bench, execution, name="T", number=0, child=0):
    run = next(run for run in execution.runs.by_id.values() if run.name == name)
    found = log_of(bench.aws.client, run.attempts[number], execution.arn.rpartition(":")[2], child)
    return found, [text for _, text in found.lines]


def test_the_log_of_a_function_is_found_by_the_name_of_the_execution(bench):
    task = bench.invoke("say")
    task["Parameters"]["Payload"]["line.$"] = "States.Format('{} said it', $$.Execution.Name)"
    arns = [bench.start(task) for _ in range(2)]
    for arn in arns:
        found, lines = log(bench, read(bench, arn))
        assert (found.group, found.title) == ("/aws/lambda/tests-Pictures", "Lambda function tests-Pictures")
        assert f"{arn.rpartition(':')[2]} said it" in lines
        assert len([line for line in lines if line.endswith("said it")]) == 1


def test_the_log_of_a_function_that_failed_is_found_by_its_request(bench):
    execution = read(bench, bench.start(bench.invoke("raise_error", id=77)))
    _, lines = log(bench, execution)
    assert "[ERROR] PictureNotFound: no picture 77" in lines
    assert json.loads(execution.runs.by_id[2].cause)["requestId"] in lines[0]


def test_a_function_without_lines_of_the_execution_says_so(bench):
    found, lines = log(bench, read(bench, bench.start(bench.invoke("tell"))))
    assert (lines, found.why) == ([], "It has printed nothing yet.")


def test_each_child_of_an_array_has_its_log(bench):
    execution = read(bench, bench.start(bench.submit("tell", ArrayProperties={"Size": 3})))
    for child in range(3):
        found, lines = log(bench, execution, child=child)
        assert found.title.endswith(f":{child}")
        assert found.parts == ["SUCCEEDED"] * 3
        assert found.group == "/tests/jobs"
        assert lines == ["job tell attempt 1"]


def test_the_log_of_a_job_is_there_while_it_runs(bench, tmp_path):
    arn = bench.start(bench.submit("hold", str(tmp_path), "none"))
    until(lambda: list(tmp_path.iterdir()), "the start of the job")
    execution = Execution(bench.states, arn)
    execution.refresh(0)
    _, lines = log(bench, execution)
    assert lines == ["job hold attempt 1"]
    (tmp_path / "go").touch()
    bench.finish(arn)


@pytest.mark.parametrize(("service", "why"), [("events", "has no log"), ("batch", "not submitted")])
def test_what_has_no_log_says_why(bench, service, why):
    execution = read(bench, bench.start(bench.invoke("tell")))
    attempt = next(iter(execution.runs.by_id.values())).attempts[0]
    attempt.service = service
    assert why in log_of(bench.aws.client, attempt, "any").why
