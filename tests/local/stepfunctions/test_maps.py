"""Inline Maps and Choices of the engine, as a workflow uses them for the spans of an audio stream."""

import json
import os

import pytest

from tests.local.states import choose, on_batch, on_lambda, spans, spans_map
from tests.waiting import gone, process_in, until

FAIL = {"Type": "Fail", "Error": "NoSpeech", "Cause": "span 1"}


def test_each_item_is_run_and_the_results_are_in_order(bench):
    result = bench.run(spans_map("T", {"T": on_lambda(bench)}), spans(*[False] * 4))
    video = {"key": "start/a.mkv"}
    assert result.output == [{"lambda": part, "video": video} for part in range(4)], result.cause


def test_without_items_it_succeeds_at_once(bench):
    assert bench.run(spans_map("T", {"T": on_lambda(bench)}), spans()).output == []


def test_an_item_may_choose_batch_or_fall_back_to_it(bench):
    catch = [{"ErrorEquals": ["PictureNotFound"], "ResultPath": "$.fallback", "Next": "Batch"}]
    states = {
        "Where": choose("$.on_batch", "Batch", "Which", BooleanEquals=True),
        "Which": choose("$.part", "Lambda", "Failing", NumericEquals=0),
        "Lambda": on_lambda(bench),
        "Failing": {**on_lambda(bench, do="raise_error", id="x"), "Catch": catch},
        "Batch": on_batch(bench),
    }
    result = bench.run(spans_map("Where", states), spans(False, True, False))
    video = {"key": "start/a.mkv"}
    assert result.status == "SUCCEEDED", result.cause
    assert result.output == [
        {"lambda": 0, "video": video},
        {"batch": "1", "video": video},
        {"batch": "2", "video": video},
    ]


@pytest.mark.parametrize(("limit", "at_once"), [(2, 2), (0, 4)])
def test_items_run_at_once_up_to_the_limit(bench, tmp_path, limit, at_once):
    go = tmp_path / "go"
    states = {"Hold": bench.invoke("hold", until=os.fspath(go))}
    execution = bench.start(spans_map("Hold", states, MaxConcurrency=limit), spans(*"abcd"))
    until(lambda: bench.history(execution).count("TaskStarted") >= at_once)
    go.touch()
    bench.finish(execution)
    events = bench.history(execution)
    running_now = [
        events[: number + 1].count("MapIterationStarted") - events[: number + 1].count("MapIterationSucceeded")
        for number in range(len(events))
    ]
    assert max(running_now) == at_once
    assert events.count("MapIterationSucceeded") == 4


def test_the_limit_may_come_from_the_input(bench):
    state = spans_map("W", {"W": {"Type": "Wait", "Seconds": 0}}, MaxConcurrencyPath="$.limit")
    del state["MaxConcurrency"]
    assert bench.run(state, {**spans(False), "limit": 1}).status == "SUCCEEDED"


def in_parallel(*branches):
    """Branches of one state each; an error is caught around them."""
    return {
        "Type": "Parallel",
        "Branches": [{"StartAt": "B", "States": {"B": {**branch, "End": True}}} for branch in branches],
        "ResultPath": None,
        "Catch": [{"ErrorEquals": ["States.ALL"], "ResultPath": "$.error", "Next": "C"}],
    }


def test_a_failing_item_reaches_the_catch_around_all(bench, tmp_path):
    pid = tmp_path / "pid"
    states = {
        "Which": choose("$.part", "Hold", "Sleep", NumericEquals=1),
        "Hold": {**bench.invoke("hold", until=os.fspath(pid)), "Next": "Fail"},
        "Fail": FAIL,
        "Sleep": bench.submit("sleep", os.fspath(pid)),
    }
    result = bench.run(in_parallel(spans_map("Which", states)), spans(False, False))
    assert result.output["error"] == {"Error": "NoSpeech", "Cause": "span 1"}
    until(lambda: gone(process_in(pid)))


def test_a_function_of_an_item_that_fails_names_its_error(bench):
    result = bench.run(
        in_parallel(spans_map("T", {"T": on_lambda(bench, do="raise_error", id="x")})), spans(False, False)
    )
    assert result.output["error"]["Error"] == "PictureNotFound"
    assert json.loads(result.output["error"]["Cause"])["errorMessage"] == "no picture x"


def test_an_item_s_job_is_terminated_when_another_branch_fails(bench, tmp_path):
    pid = tmp_path / "pid"
    states = {"Sleep": bench.submit("sleep", os.fspath(pid))}
    failing = {"Hold": {**bench.invoke("hold", until=os.fspath(pid)), "Next": "F"}, "F": FAIL}
    other = {"Type": "Parallel", "Branches": [{"StartAt": "Hold", "States": failing}]}
    result = bench.run(in_parallel(spans_map("Sleep", states), other), spans(False))
    assert result.output["error"] == {"Error": "NoSpeech", "Cause": "span 1"}
    until(lambda: gone(process_in(pid)))


@pytest.mark.parametrize(("size", "chosen"), [(101, "Large"), (100, "Small"), (None, "Small"), ("101", "Small")])
def test_a_choice_by_a_number_that_may_be_null(bench, size, chosen):
    states = {
        "Choose": choose("$.video.size", "Large", "Small", NumericGreaterThan=100),
        **{name: {"Type": "Pass", "Result": {"chosen": name}, "End": True} for name in ("Large", "Small")},
    }
    state = {"Type": "Parallel", "Branches": [{"StartAt": "Choose", "States": states}]}
    assert bench.run(state, {"video": {"size": size}}).output == [{"chosen": chosen}]
