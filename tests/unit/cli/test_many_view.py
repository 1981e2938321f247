"""What is shown of several videos, on terminals, in pipes and for scripts."""

import io
import json
from pathlib import Path

import pytest
from rich.cells import cell_len
from rich.console import Console

from avflow_cli.clips import Clip
from avflow_cli.follow import Task, TaskEvent
from avflow_cli.many_view import JsonView, ManyView
from avflow_cli.outcomes import DONE, FAILED, NOT_STARTED, Outcome
from avflow_cli.printable_console import PrintableConsole
from local_aws.sandbox.activity import StepLog

A, B, C = (Clip(Path(name), name) for name in ("clips/a.mov", "b\x1b[31m.mkv", "c.mp4"))
STARTED = TaskEvent(Task("Yolov3", "batch"))


def line(execution, done=5, total=20, service="yolov3"):
    progress = {"step": "detect", "done": done, "total": total, "unit": "frames", "rate": 1.0}
    return StepLog(
        "batch", "x", "1", line=json.dumps({"service": service, "execution": execution, "progress": progress})
    )


def test_lines_in_a_pipe():
    file = io.StringIO()
    view = ManyView(PrintableConsole(file=file, width=40, highlight=False))
    with view:
        view.begin([A, B, C])
        view.started(A)
        view.named(A, "a-1")
        view.show(A, STARTED)
        view.heard(line("a-1"))
        view.ended(Outcome(A, DONE, 4.21, warnings=("it is cut",)))
        view.started(B)
        failed = Outcome(B, FAILED, 1, (Path("result/b.error.json"),), error="InvalidMediaEmpty", message="no bytes.")
        view.ended(failed)
        view.ended(rest := Outcome(C, NOT_STARTED))
        view.summary([Outcome(A, DONE), failed, rest], 61.0, Path("result"))
    assert file.getvalue().splitlines() == [
        "clips/a.mov: started",
        "[1/3] clips/a.mov: done after 4.2 s",
        "  Warning: it is cut",
        r"b\x1b[31m.mkv: started",
        r"[2/3] b\x1b[31m.mkv: InvalidMediaEmpty: no bytes. (result/b.error.json)",
        "1 done, 1 failed, 1 not started in 1:01; the results are in result",
        r"  failed: b\x1b[31m.mkv: InvalidMediaEmpty",
        "  not started: c.mp4",
    ]


@pytest.mark.parametrize("width", [40, 80, 200])
def test_a_row_for_each_video_on_a_terminal(width):
    file = io.StringIO()
    console = Console(file=file, force_terminal=True, width=width, height=20, color_system=None)
    view = ManyView(console, lambda: 100.0)
    view.begin([A, B, C, *(Clip(Path(f"{n}.mp4"), f"{n}.mp4") for n in range(20))])
    view.started(A)
    view.named(A, "a-1")
    view.show(A, STARTED)
    view.heard(line("another", 20))
    view.heard(line("a-1", 5))
    view.heard(line("a-1", 9, service="audio2srt"))
    view.heard(StepLog("batch", "x", "1", line='{"progress": 1}'))
    view.started(B)
    with view:
        pass
    rows = file.getvalue().replace("\x1b[?25l", "").replace("\x1b[?25h", "").splitlines()
    assert all(cell_len(row) <= width for row in rows if "\x1b" not in row)
    told = "\n".join(rows)
    assert "23 of 23 left, 16 more wait" in told
    assert "c.mp4  waits" in told
    if width >= 80:
        (row,) = [row for row in rows if "a.mov" in row]
        assert "Yolov3 on Batch" in row
        assert row.count("━") == 5
        assert "upload" in told


def test_json_is_one_object_a_line_and_nothing_else(capsys):
    view = JsonView()
    with view:
        view.begin([A])
        view.started(A)
        view.show(A, STARTED)
        view.heard(line("a-1"))
        view.ended(done := Outcome(A, DONE, 4.21, (Path("result/clips/a.srt"),), Path("result/clips/a.json"), ("cut",)))
        view.summary([done], 5.0, Path("result"))
    video, summary = map(json.loads, capsys.readouterr().out.splitlines())
    assert video == {
        "type": "video", "video": "clips/a.mov", "name": "clips/a.mov", "state": "done", "seconds": 4.21,
        "files": ["result/clips/a.srt"], "manifest": "result/clips/a.json", "warnings": ["cut"], "error": None,
        "message": None, "exit_status": 0,
    }  # fmt: skip
    assert (summary["type"], summary["done"], summary["exit_status"]) == ("summary", 1, 0)
