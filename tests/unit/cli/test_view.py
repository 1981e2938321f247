"""The rows of a run on terminals of any width, what they say while a step works and when it has ended, and in pipes."""

import io
import json
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from rich.cells import cell_len
from rich.console import Console

from avflow.workflow.reports import DetectionSummary
from avflow_cli.follow import AGAIN, Task, TaskEvent
from avflow_cli.reasons import in_words
from avflow_cli.view import RunView, summary
from local_aws.sandbox.activity import StepLog
from tests.reports import manifest, step


class Clock:
    """A clock that the test sets."""

    now = 100.0

    def __call__(self):
        return self.now


def told(service, done, total, rate=10.0, unit="frames", **more):
    progress = {"step": service, "done": done, "total": total, "unit": unit, "rate": rate}
    line = json.dumps({"service": service, "progress": progress, **more})
    return StepLog("batch", service, "1", line=line)


def shown(*events, width=120, **console):
    """The lines on the terminal after these: task events, log lines, and numbers, which are seconds that pass."""
    clock, file = Clock(), io.StringIO()
    terminal = Console(file=file, force_terminal=True, width=width, color_system=None, **console)
    view = RunView(terminal, clock)
    for event in events:
        if isinstance(event, StepLog):
            view.heard(event)
        elif isinstance(event, Task):
            view.show(TaskEvent(event))
        elif isinstance(event, TaskEvent):
            view.show(event)
        else:
            clock.now += event
    with terminal.capture() as rows:
        terminal.print(view)
    return [line.rstrip() for line in (file.getvalue() + rows.get()).splitlines()]


YOLO = Task("Yolov3", "batch")
SPEECH = Task("Audio2srt", "lambda")


# ---------------------------------------------------------------- while it works
def test_a_row_tells_where_how_long_how_far_and_how_fast():
    (line,) = shown(YOLO, 12, told("yolov3", 120, 420))
    assert line.startswith("▸ Yolov3           Batch  0:12 elapsed, 0:30 left  ")
    assert line.endswith("  120/420  10.0 frames/s")
    assert 5 <= line.count("━") <= 9  # of 30, which are 420


def test_what_is_left_counts_down_until_more_is_heard():
    assert "0:40 elapsed, 0:25 left" in shown(YOLO, 35, told("yolov3", 120, 420), 5)[0]


@pytest.mark.parametrize(
    "events",
    [
        (),
        (told("yolov3", 0, 420, rate=0.0),),  # no pace yet
        (told("yolov3", 5, 420),),  # half a second's work tells nothing
        (told("yolov3", 120, None),),  # nobody knows how many
        (told("yolov3", 420, 420),),  # only what comes after the frames is left
        (told("yolov3", 120, 420), 60),  # it took longer than was thought
    ],
    ids=["nothing told", "no pace yet", "too little done", "no total", "all done", "longer than thought"],
)
def test_what_is_left_is_not_told_where_it_is_not_known(events):
    (line,) = shown(YOLO, 12, *events)
    assert " elapsed  " in line
    assert "left" not in line


@pytest.mark.parametrize(("seconds", "said"), [(5, "0:05"), (75, "1:15"), (3723, "1:02:03"), (90000, "25:00:00")])
def test_times_read_as_on_a_clock(seconds, said):
    assert f" {said} elapsed" in shown(YOLO, seconds)[0]


def test_seconds_of_sound_are_told_of_the_total():
    (line,) = shown(SPEECH, 3, told("audio2srt", 30, 88, unit="seconds", part=0))
    assert line.endswith("30/88 s of media")
    assert "0:06 left" in shown(SPEECH, 3, told("audio2srt", 30, 88, unit="seconds"))[0]


def test_the_bar_of_an_array_sums_its_children():
    (line,) = shown(
        Task("Yolov3", "batch", None, 3), 9, told("yolov3", 40, 100, part=0), told("yolov3", 100, 100, part=2)
    )
    assert line.startswith("▸ Yolov3, 3 parts  Batch  0:09 elapsed, 0:16 left")
    assert line.endswith("140/300  10.0 frames/s")


def test_each_item_of_a_map_has_a_bar_of_its_own():
    tasks = (Task("Audio2srt", "lambda", 0, 2), Task("Audio2srt", "lambda", 1, 2))
    first, second = shown(*tasks, told("audio2srt", 40, 100, unit="seconds", part=1))
    assert first.startswith("▸ Audio2srt 1/2")
    assert "40/100" not in first
    assert second.startswith("▸ Audio2srt 2/2")
    assert second.endswith("40/100 s of media")


# ---------------------------------------------------------------- when it has ended
def test_an_ended_row_has_the_pace_of_its_whole_work():
    (line,) = shown(YOLO, 2, told("yolov3", 10, 110), 8, told("yolov3", 110, 110, rate=12.2), TaskEvent(YOLO, 11.3))
    assert line == "✓ Yolov3           Batch  took 11.3 s              110 frames, 12.2 frames/s"


def test_work_whose_last_lines_were_not_read_is_not_counted():
    """The logs of a stack come late: a part of the frames would look like all."""
    (line,) = shown(YOLO, 2, told("yolov3", 60, 110, rate=12.2), TaskEvent(YOLO, 11.3))
    assert line.rstrip() == "✓ Yolov3           Batch  took 11.3 s"


def test_a_task_that_began_before_it_was_watched_has_run_since_then():
    began = datetime.now(UTC) - timedelta(minutes=30)
    (line,) = shown(TaskEvent(YOLO, began=began), 15)
    assert re.search(r" 30:[1-5]\d elapsed", line)
    (line,) = shown(TaskEvent(YOLO, began=datetime.now(UTC) + timedelta(hours=1)), 15)
    assert " 0:15 elapsed" in line, "another machine's clock is ahead"


def test_an_arrays_pace_is_that_of_all_its_children_together():
    """Two at once, 10 and 12 s long: the last part of each report says nothing of the whole."""
    array = Task("Yolov3", "batch", None, 2)
    first, second = told("yolov3", 60, 60, rate=6.0, part=0), told("yolov3", 60, 60, rate=5.0, part=1)
    (line,) = shown(array, 11, first, 2, second, TaskEvent(array, 13.5))
    assert line.endswith("120 frames, 10.0 frames/s")


@pytest.mark.parametrize(
    "events",
    [
        (),
        (told("yolov3", 0, 110, rate=0.0),),
        (told("ffmpeg", 60, 60, rate=0.0, unit="seconds"),),
    ],
    ids=["nothing", "that it began", "what another step told"],
)
def test_a_step_that_told_no_progress_has_no_pace(events):
    assert shown(YOLO, 1, *events, TaskEvent(YOLO, 0.25)) == ["✓ Yolov3           Batch  took 0.2 s"]


def test_no_pace_is_made_up_from_a_part_of_the_parts():
    array = Task("Yolov3", "batch", None, 2)
    (line,) = shown(array, 10, told("yolov3", 60, 60, part=0), TaskEvent(array, 11.0))
    assert line == "✓ Yolov3, 2 parts  Batch  took 11.0 s"


@pytest.mark.parametrize("rate", [0.0, 10.0])
def test_never_is_nothing_a_second_shown(rate):
    for unit in ("frames", "seconds"):
        events = (YOLO, 1, told("yolov3", 0, 110, rate=0.0), told("yolov3", 110, 110, rate=rate, unit=unit))
        for lines in (shown(*events), shown(*events, TaskEvent(YOLO, 1.0))):
            assert " 0.0 " not in lines[0]


MOVED = TaskEvent(SPEECH, 1.04, "LambdaBudgetExceeded", '{"errorMessage": "x needs 9 s and 1 s are left."}', "Batch")


@pytest.mark.parametrize(
    ("event", "row", "line"),
    [
        (
            MOVED,
            "→ Audio2srt        Lambda took 1.0 s               moved to Batch: would not finish in Lambda's time",
            "Audio2srt on Lambda: moved to Batch: would not finish in Lambda's time (after 1.0 s)",
        ),
        (
            TaskEvent(YOLO, 75, "States.TaskFailed", '{"StatusReason": "Host EC2 (i-1) terminated."}', "on demand"),
            "→ Yolov3           Batch  took 1:15                moved to on demand: Spot took the machine away",
            "Yolov3 on Batch: moved to on demand: Spot took the machine away (after 75.0 s)",
        ),
        (
            TaskEvent(SPEECH, 1, "Lambda.TooManyRequestsException", "", AGAIN),
            "→ Audio2srt        Lambda took 1.0 s               tried again: Lambda had no capacity left",
            "Audio2srt on Lambda: tried again: Lambda had no capacity left (after 1.0 s)",
        ),
        (
            TaskEvent(SPEECH, 1, "InvalidMediaUnreadable", "{}"),
            "✗ Audio2srt        Lambda took 1.0 s               failed (InvalidMediaUnreadable)",
            "Audio2srt on Lambda: failed (InvalidMediaUnreadable) after 1.0 s",
        ),
        (
            TaskEvent(SPEECH, 1.1),
            "✓ Audio2srt        Lambda took 1.1 s",
            "Audio2srt on Lambda: done after 1.1 s",
        ),
    ],
    ids=str,
)
def test_what_became_of_a_step_is_told_on_a_terminal_and_in_a_pipe(event, row, line):
    assert shown(event) == [row]
    assert piped(event) == line + "\n"


def piped(*events, file=None, **console):
    file = file or io.StringIO()
    with RunView(Console(file=file, **console)) as view:
        for event in events:
            view.show(event)
    return file.getvalue()


class Pipe(io.StringIO):
    """Takes down what has arrived at each flush."""

    def __init__(self):
        super().__init__()
        self.arrived = []

    def flush(self):
        self.arrived.append(self.getvalue())


def test_lines_arrive_in_a_pipe_as_they_happen():
    pipe = Pipe()
    piped(TaskEvent(SPEECH), TaskEvent(SPEECH, 1.0), TaskEvent(YOLO), TaskEvent(YOLO, 2.0), file=pipe)
    assert "Audio2srt on Lambda: done after 1.0 s\n" in pipe.arrived


@pytest.mark.parametrize("environment", [{"TERM": "dumb"}, {"TERM": "dumb", "NO_COLOR": "1"}])
def test_a_terminal_that_cannot_draw_gets_the_lines_of_a_pipe(environment, monkeypatch):
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    text = piped(TaskEvent(SPEECH), MOVED, force_terminal=True, width=30)
    assert text == "Audio2srt on Lambda: moved to Batch: would not finish in Lambda's time (after 1.0 s)\n"


def test_without_colours_rows_are_drawn_all_the_same():
    lines = shown(YOLO, 12, told("yolov3", 120, 420), TaskEvent(SPEECH, 1.0), no_color=True)
    assert [line.split()[0] for line in lines] == ["✓", "▸"]
    assert "\x1b" not in "".join(lines)


# ---------------------------------------------------------------- narrow and wide
ARRAY = Task("Audio2srtOnBatch", "batch", 11, 12)


@pytest.mark.parametrize("width", [*range(20, 60), 80, 120, 300])
@pytest.mark.parametrize("task", [YOLO, SPEECH, ARRAY, Task("Yolov3OnDemand", "batch", None, 16)], ids=str)
def test_each_width_shows_where_and_how_long(width, task):
    log = told(task.state.partition("On")[0].lower(), 120, 420, part=task.part or 0)
    for line, seconds in (
        (shown(task, 75, log, width=width), "1:15"),
        (shown(task, TaskEvent(task, 75), width=width), "1:15"),
    ):
        assert len(line) == 1
        assert cell_len(line[0]) <= width
        assert task.state[:4] in line[0]
        assert {"lambda": "Lambda", "batch": "Batch"}[task.where] in line[0]
        assert seconds in line[0]


def test_in_forty_columns_the_bar_and_the_pace_go_first():
    assert shown(YOLO, 12, told("yolov3", 120, 420), width=40) == ["▸ Yolov3           Batch  0:12 elapsed"]
    assert shown(SPEECH, 12, told("audio2srt", 120, 420), width=50)[0].endswith(" 0:12 elapsed, 0:30 left")


@pytest.mark.parametrize(
    ("width", "bar", "end"),
    [
        (120, 30, " 0.5 frames/s"),
        (90, 13, "  0.5 frames/s"),
        (80, 14, " 419/420"),
        (72, 0, " 419/420"),
        (60, 0, " left"),
    ],
)
def test_the_bar_and_the_pace_give_way_to_each_other(width, bar, end):
    (line,) = shown(YOLO, 12, told("yolov3", 419, 420, rate=0.5), width=width)
    assert line.count("━") + line.count("╸") == bar
    assert line.endswith(end)


@pytest.mark.parametrize("width", [20, 30, 40, 60])
def test_a_reason_that_does_not_fit_beside_goes_below_whole(width):
    first, *rest = shown(MOVED, width=width)
    assert "Lambda" in first
    assert "1.0 s" in first
    assert " ".join(line.strip() for line in rest) == "moved to Batch: would not finish in Lambda's time"
    assert all(cell_len(line) <= width for line in (first, *rest))


@pytest.mark.parametrize("width", [1, 5, 10])
def test_no_width_breaks_it(width):
    assert shown(YOLO, 12, told("yolov3", 120, 420), MOVED, width=width)


# ---------------------------------------------------------------- why
NO_ROOM = "does not fit into Lambda's /tmp"


@pytest.mark.parametrize(
    ("error", "cause", "words"),
    [
        ("LambdaBudgetExceeded", "a.mkv ran out of time with 0% done.", "would not finish in Lambda's time"),
        ("LambdaBudgetExceeded", "speech needs about 9 s and 1 s are left.", "would not finish in Lambda's time"),
        ("LambdaBudgetExceeded", "a.mkv needs 9 MB of scratch space and 1 MB are free.", NO_ROOM),
        ("LambdaBudgetExceeded", "a.mkv does not fit into Lambda: [Errno 28] No space left on device.", NO_ROOM),
        ("LambdaBudgetExceeded", "a.mkv does not fit into Lambda: [Errno 27] File too large.", NO_ROOM),
        ("LambdaBudgetExceeded", "a.mkv does not fit into Lambda: The scratch space is full.", NO_ROOM),
        (
            "LambdaBudgetExceeded",
            "a does not fit into Lambda: [Errno 12] memory.",
            "does not fit into Lambda's memory",
        ),
        ("Sandbox.Timedout", "Task timed out after 1.00 seconds", "ran out of Lambda's time"),
        ("Runtime.ExitError", "Error: Runtime exited with error: signal: killed", "was killed for Lambda's memory"),
        ("Runtime.ExitError", "Error: Runtime exited with error: exit status 1", "crashed on Lambda"),
        ("States.Timeout", "", "took longer than its state may"),
        ("Lambda.CodeArtifactUserPendingException", "", "the function is not ready yet"),
        ("SomethingNew", "", "SomethingNew"),
    ],
)
def test_reasons_are_told_in_words(error, cause, words):
    assert in_words(error, json.dumps({"errorType": error, "errorMessage": cause})) == words


@pytest.mark.parametrize(
    ("job", "words"),
    [
        ({"StatusReason": "Host EC2 (instance i-0) terminated."}, "Spot took the machine away"),
        ({"StatusReason": "Canceled by JobStateTimeLimit action due to reason: X"}, "no machine came in time"),
        ({"StatusReason": "Task failed to start"}, "its container could not be started"),
        ({"StatusReason": "ResourceInitializationError: i/o timeout"}, "its container could not be started"),
        ({"StatusReason": "Array Child Job failed", "ArrayProperties": {"Size": 2}}, "some of its parts were lost"),
        ({"StatusReason": "Something else"}, "Something else"),
        ({}, "the job was lost"),
    ],
)
def test_a_lost_jobs_reason_is_read_from_its_description(job, words):
    assert in_words("States.TaskFailed", json.dumps(job)) == words


@pytest.mark.parametrize("cause", ["", "no JSON", "[]", "null", '"text"'])
def test_a_cause_of_another_form_does_not_matter(cause):
    for error in ("LambdaBudgetExceeded", "Runtime.ExitError", "States.TaskFailed"):
        assert in_words(error, cause)


# ---------------------------------------------------------------- the end
def test_the_summary_has_one_row_a_step():
    spans = [replace(step("audio2srt", 2), ran_on="lambda", part=0), replace(step("audio2srt", 7), part=1)]
    console = Console(file=io.StringIO(), width=100)
    steps = (replace(step("ffmpeg", 1), ran_on="lambda"), *spans, step("merge", 3))
    console.print(summary(manifest(steps), [], spaced=False))
    rows = [line.split("  ") for line in console.file.getvalue().splitlines()]
    assert [[cell.strip() for cell in row if cell.strip()] for row in rows[1:]] == [
        ["ffmpeg", "Lambda", "1.0"],
        ["audio2srt, longest of 2", "Lambda and Batch", "7.0"],
        ["merge", "Batch", "3.0"],
    ]


@pytest.mark.parametrize(
    ("damaged", "told"), [(0, ""), (3, "Damaged frames, each replaced by the nearest good frame: 3")]
)
def test_the_summary_tells_of_damaged_frames(damaged, told):
    console = Console(file=io.StringIO(), width=100)
    found = DetectionSummary(9, damaged, "25/1", (768, 576), "none", {}, {})
    console.print(summary(replace(manifest(()), detections=found), [], spaced=True))
    assert told in console.file.getvalue()
    assert ("Damaged" in console.file.getvalue()) == bool(damaged)
