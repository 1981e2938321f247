"""What the command line tells of a run, by the engine's history: each task, also in Maps and arrays, and its end."""

import io
import re
from datetime import datetime

import pytest
from rich.console import Console

from avflow_cli.follow import AGAIN, History, Task, follow
from avflow_cli.view import RunView
from tests.local.states import choose, on_batch, on_lambda, spans, spans_map


def events(bench, state, data=None, **options):
    return list(follow(bench.states, bench.start(state, data), **options))


def lines_of(found):
    """What is printed without a terminal, but for how long it took."""
    console = Console(file=io.StringIO(), width=100)
    with RunView(console) as view:
        for event in found:
            view.show(event)
    return [re.sub(r" \(?after [\d.]+ s\)?$", "", line) for line in console.file.getvalue().splitlines()]


def test_a_task_on_its_own(bench):
    found = events(bench, bench.invoke("tell"))
    assert [event.task for event in found] == [Task("T", "lambda")] * 2
    assert found[1].seconds > 0
    assert lines_of(found) == ["T on Lambda: done"]


def test_no_event_is_missed_or_told_twice_however_many_come_at_once(bench):
    found = events(bench, spans_map("Quick", {"Quick": on_lambda(bench)}), spans(*[False] * 5), page_size=2)
    assert len(found) == 10
    assert {(event.task.part, event.seconds is None) for event in found} == {
        (part, begun) for part in range(5) for begun in (True, False)
    }


def test_the_items_of_a_map_are_told_apart(bench):
    choice = choose("$.on_batch", "Slow", "Quick", BooleanEquals=True)
    states = {"C": choice, "Quick": on_lambda(bench), "Slow": on_batch(bench)}
    found = events(bench, spans_map("C", states), spans(False, True, False))
    begun = {event.task for event in found if event.seconds is None}
    assert begun == {Task("Quick", "lambda", 0, 3), Task("Slow", "batch", 1, 3), Task("Quick", "lambda", 2, 3)}
    assert {event.task for event in found if event.seconds is not None} == begun
    lines = ["Quick 1/3 on Lambda: done", "Quick 3/3 on Lambda: done", "Slow 2/3 on Batch: done"]
    assert sorted(lines_of(found)) == lines


def test_a_map_of_one_item_reads_as_if_there_were_none(bench):
    found = events(bench, spans_map("Quick", {"Quick": on_lambda(bench)}), spans(False))
    assert lines_of(found) == ["Quick on Lambda: done"]


def test_what_comes_after_a_map_belongs_to_none_of_its_items(bench):
    failing = bench.invoke("raise_error", id=1)
    states = {"Quick": {**failing, "End": True}}
    state = spans_map("Quick", states, Catch=[{"ErrorEquals": ["States.ALL"], "Next": "C"}])
    branch = {"StartAt": "M", "States": {"M": {**state, "End": True}, "C": {**bench.invoke("tell"), "End": True}}}
    found = events(bench, {"Type": "Parallel", "Branches": [branch]}, spans(False, False))
    assert "C on Lambda: done" in lines_of(found)
    assert any(line.endswith("/2 on Lambda: failed (PictureNotFound)") for line in lines_of(found))


def test_an_array_job_is_one_task_of_several_parts(bench):
    found = events(bench, bench.submit("tell", ArrayProperties={"Size": 3}))
    assert [event.task for event in found] == [Task("T", "batch", None, 3)] * 2
    assert lines_of(found) == ["T, 3 parts on Batch: done"]


# ---------------------------------------------------------------- errors
def machine(bench, states):
    """An execution of these states, the first of which is called as the first key, to its end."""
    branch = {"StartAt": next(iter(states)), "States": states}
    return events(bench, {"Type": "Parallel", "Branches": [branch]})


def ended(found):
    return [(event.task.state, event.error, event.moved_to) for event in found if event.seconds is not None]


def catch(after, *errors):
    return [{"ErrorEquals": list(errors) or ["States.ALL"], "ResultPath": "$.error", "Next": after}]


def test_a_step_that_lambda_cannot_do_moves_to_batch(bench):
    failing = {**bench.invoke("raise_error", id=1), "Catch": catch("FFmpegOnBatch"), "Next": "FFmpegOnBatch"}
    found = machine(bench, {"FFmpeg": failing, "FFmpegOnBatch": {**bench.submit("tell"), "End": True}})
    assert ended(found) == [("FFmpeg", "PictureNotFound", "Batch"), ("FFmpegOnBatch", None, None)]
    # it is told before that which it moves to begins
    assert [event.seconds is None for event in found] == [True, False, True, False]
    assert lines_of(found)[0] == "FFmpeg on Lambda: moved to Batch: PictureNotFound"


def test_a_failure_that_ends_the_run_is_told_as_one_before_it_is_reported(bench):
    failing = {**bench.invoke("raise_error", id=1), "Catch": catch("ReportFailure"), "Next": "Done"}
    report = {**bench.invoke("tell"), "Next": "Failed"}
    states = {"FFmpeg": failing, "ReportFailure": report, "Failed": {"Type": "Fail"}, "Done": {"Type": "Succeed"}}
    found = machine(bench, states)
    assert ended(found) == [("FFmpeg", "PictureNotFound", None), ("ReportFailure", None, None)]
    assert lines_of(found)[0] == "FFmpeg on Lambda: failed (PictureNotFound)"


@pytest.mark.parametrize(("variable", "outcome"), [("$.error.Error", "on demand"), ("$.error.Cause", None)])
def test_where_a_lost_job_goes_is_known_once_its_reason_was_looked_at(bench, variable, outcome):
    """As `LostToSpot` does: a Choice stands between the job and what comes after it."""
    lost = {**bench.submit("fail", "1"), "Catch": catch("LostToSpot"), "End": True}
    states = {
        "Yolov3": lost,
        "LostToSpot": choose(variable, "Yolov3OnDemand", "Yolov3Failed", StringEquals="States.TaskFailed"),
        "Yolov3OnDemand": {**bench.submit("tell"), "End": True},
        "Yolov3Failed": {"Type": "Fail", "Error": "JobFailed"},
    }
    found = machine(bench, states)
    assert ended(found)[0] == ("Yolov3", "States.TaskFailed", outcome)
    assert len(ended(found)) == (2 if outcome else 1)


def test_an_attempt_that_is_repeated_is_no_failure_of_the_step(bench):
    retry = [{"ErrorEquals": ["States.ALL"], "IntervalSeconds": 1, "MaxAttempts": 1}]
    found = events(bench, {**bench.invoke("raise_error", id=1), "Retry": retry})
    assert ended(found) == [("T", "PictureNotFound", AGAIN), ("T", "PictureNotFound", None)]


def test_items_of_a_map_move_each_on_its_own(bench):
    quick = {**on_lambda(bench, do="raise_error", id="x"), "Catch": catch("QuickOnBatch"), "End": True}
    choice = choose("$.on_batch", "QuickOnBatch", "Quick", BooleanEquals=True)
    states = {"C": choice, "Quick": quick, "QuickOnBatch": on_batch(bench)}
    found = events(bench, spans_map("C", states), spans(False, True, False))
    moved = [(event.task, event.moved_to) for event in found if event.error]
    assert sorted(moved, key=str) == [(Task("Quick", "lambda", part, 3), "Batch") for part in (0, 2)]
    assert sum(event.task.state == "QuickOnBatch" and event.seconds is not None for event in found) == 3


def test_a_segment_of_a_short_video_that_moves_is_no_failure(bench):
    quick = {**on_lambda(bench, do="raise_error", id="x"), "Catch": catch("MoveToBatch"), "End": True}
    states = {"Quick": quick, "MoveToBatch": {"Type": "Pass", "End": True}}
    found = events(bench, spans_map("Quick", states), spans(False, False))
    moved = [(event.task, event.moved_to) for event in found if event.error]
    assert sorted(moved, key=str) == [(Task("Quick", "lambda", part, 2), "Batch") for part in (0, 1)]


def test_an_error_in_one_branch_is_undecided_while_a_map_in_another_ends():
    def event(number, before, kind, **details):
        moment = datetime(2026, 11, 25, 12, 0, number)
        return {"id": number, "previousEventId": before, "type": kind, "timestamp": moment, **details}

    def scheduled(number, before, kind):
        task = {"resourceType": kind, "parameters": "{}"}
        return event(number, before, "TaskScheduled", taskScheduledEventDetails=task)

    def entered(number, before, name):
        return event(number, before, "TaskStateEntered", stateEnteredEventDetails={"name": name})

    happened = [
        event(1, 0, "ParallelStateStarted"),
        entered(2, 1, "Yolov3"),
        scheduled(3, 2, "batch"),
        event(4, 1, "MapStateStarted", mapStateStartedEventDetails={"length": 1}),
        event(5, 3, "TaskFailed", taskFailedEventDetails={"error": "States.TaskFailed", "cause": ""}),
        event(6, 4, "MapStateExited"),  # the other branch's
        scheduled(7, 5, "batch"),  # tried again
        event(8, 7, "TaskSucceeded"),
    ]

    class States:
        def get_paginator(self, _):
            return self

        def paginate(self, **_):
            return [{"events": happened[::-1]}]

    found = list(History(States(), "arn").new())
    assert [(one.error, one.moved_to) for one in found if one.seconds is not None] == [
        ("States.TaskFailed", AGAIN),
        (None, None),
    ]
