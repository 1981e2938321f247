"""What the command line tells of a run: each task of the engine's history, also in Maps and arrays, and its bar."""

import io
import json

import pytest
from rich.console import Console

from avflow_cli.follow import Task, follow
from avflow_cli.view import RunView, summary
from local_aws.activity import StepLog
from tests.local.test_maps import choose, on_batch, on_lambda, spans, spans_map


def events(bench, state, data=None):
    return list(follow(bench.states, bench.start(state, data)))


def lines_of(found):
    """What is printed without a terminal."""
    console = Console(file=io.StringIO(), width=100)
    with RunView(console) as view:
        for event in found:
            if event.seconds is None:
                view.started(event.task)
            else:
                view.ended(event.task, event.seconds, event.error)
    return [line.rpartition(" after ")[0] for line in console.file.getvalue().splitlines()]


def test_a_task_on_its_own(bench):
    found = events(bench, bench.invoke("tell"))
    assert [event.task for event in found] == [Task("T", "lambda")] * 2
    assert found[1].seconds > 0
    assert lines_of(found) == ["T on Lambda: done"]


def test_no_event_is_missed_or_told_twice_however_many_come_at_once(bench, monkeypatch):
    monkeypatch.setattr("avflow_cli.follow._PAGE", 2)
    found = events(bench, spans_map("Quick", {"Quick": on_lambda(bench)}), spans(*[False] * 5))
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


# ---------------------------------------------------------------- bars
def told(service, done, total, **more):
    progress = {"step": service, "done": done, "total": total, "unit": "frames", "rate": 10.0}
    line = json.dumps({"service": service, "progress": progress, **more})
    return StepLog("batch", service, "1", line=line)


def shown(*tasks_and_logs):
    console = Console(file=io.StringIO(), force_terminal=True, width=120, color_system=None)
    view = RunView(console)
    with view:
        for each in tasks_and_logs:
            (view.heard if isinstance(each, StepLog) else view.started)(each)
    return console.file.getvalue().splitlines()[-4:]


def test_the_bar_of_an_array_sums_its_children():
    lines = shown(Task("Yolov3", "batch", None, 3), told("yolov3", 40, 100, part=0), told("yolov3", 100, 100, part=2))
    assert any("Yolov3, 3 parts" in line and "140/300  10.0 frames/s" in line for line in lines)


def test_each_item_of_a_map_has_a_bar_of_its_own():
    tasks = (Task("Audio2srt", "lambda", 0, 2), Task("Audio2srt", "lambda", 1, 2))
    lines = shown(*tasks, told("audio2srt", 40, 100, part=1))
    assert any("Audio2srt 2/2" in line and "40/100" in line for line in lines)
    assert not any("Audio2srt 1/2" in line and "40/100" in line for line in lines)


def test_the_summary_has_one_row_a_step():
    def step(name, seconds, ran_on="batch", **more):
        return {"name": name, "ran_on": ran_on, "seconds": seconds, **more}

    spans = [step("audio2srt", 2, "lambda", part=0), step("audio2srt", 7, part=1)]
    console = Console(file=io.StringIO(), width=100)
    steps = [step("ffmpeg", 1, "lambda"), *spans, step("merge", 3)]
    console.print(summary({"steps": steps, "detections": None}, []))
    rows = [line.split("  ") for line in console.file.getvalue().splitlines() if line.strip()]
    assert [[cell.strip() for cell in row if cell.strip()] for row in rows[1:]] == [
        ["ffmpeg", "Lambda", "1.0"],
        ["audio2srt, longest of 2", "Lambda and Batch", "7.0"],
        ["merge", "Batch", "3.0"],
    ]


@pytest.mark.parametrize(
    ("damaged", "told"), [(0, ""), (3, "3 of its frames are damaged: the nearest good one stands")]
)
def test_the_summary_tells_of_damaged_frames(damaged, told):
    console = Console(file=io.StringIO(), width=100)
    console.print(summary({"steps": [], "detections": {"damaged_frames": damaged}}, []))
    assert told in console.file.getvalue()
    assert ("damaged" in console.file.getvalue()) == bool(damaged)
