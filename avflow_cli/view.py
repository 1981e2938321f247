"""A run as it happens: one line a step, with a bar while it works."""

from __future__ import annotations

import json
import threading
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console, Group
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from avflow_cli.follow import Task
from local_aws.activity import Activity, StepLog

WHERE = {"lambda": "Lambda", "batch": "Batch"}


@dataclass
class _Bar:
    """A task's bar, and the last that each of its parts told of its progress."""

    id: TaskID
    parts: dict[int, dict[str, Any]] = field(default_factory=dict)


class RunView(AbstractContextManager["RunView"]):
    """Draws the states of one execution; without a terminal it prints a line when one ends."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._bars = Progress(
            TextColumn("{task.fields[mark]} {task.description:<18}"),
            TextColumn("{task.fields[where]:<6}"),
            BarColumn(bar_width=30),
            TextColumn("{task.fields[pace]:<26}"),
            TimeElapsedColumn(),
            console=console,
            disable=not console.is_terminal,
        )
        self._tasks: dict[Task, _Bar] = {}
        self._lock = threading.Lock()

    def __enter__(self) -> RunView:
        self._bars.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._bars.stop()

    def started(self, task: Task) -> None:
        """A state began to run on Lambda or Batch."""
        with self._lock:
            bar = self._bars.add_task(_name(task), total=None, mark="▸", where=WHERE[task.where], pace="")
            self._tasks[task] = _Bar(bar)

    def ended(self, task: Task, seconds: float, error: str | None) -> None:
        """A state ended, well or with an error's name."""
        with self._lock:
            if bar := self._tasks.pop(task, None):
                if error is None:
                    total = self._bars.tasks[self._bars.task_ids.index(bar.id)].total or 1
                    self._bars.update(bar.id, total=total, completed=total, mark="✓")
                else:
                    self._bars.update(bar.id, total=1, completed=0, mark="✗", pace=error)
                self._bars.stop_task(bar.id)
        if not self._console.is_terminal:
            outcome = "done" if error is None else f"failed ({error})"
            self._console.print(f"{_name(task)} on {WHERE[task.where]}: {outcome} after {seconds:.1f} s")

    def heard(self, activity: Activity) -> None:
        """A line of a step's log: those that tell its progress move its bar."""
        if not isinstance(activity, StepLog) or '"progress"' not in activity.line:
            return
        try:
            line = json.loads(activity.line)
            step, part, progress = line["service"], line.get("part", 0), line["progress"]
        except (ValueError, KeyError, TypeError):
            return
        with self._lock:
            for task, bar in self._tasks.items():
                if task.state.lower().startswith(step) and task.part in (None, part):
                    bar.parts[part] = progress
                    whole = _together(list(bar.parts.values()), task.parts if task.part is None else 1)
                    self._bars.update(bar.id, completed=whole["done"], total=whole["total"], pace=_pace(whole))


def _name(task: Task) -> str:
    """`Yolov3`; `Audio2srt 3/4` for an item of a Map; `Yolov3, 4 parts` for an array job."""
    if task.parts == 1:
        return task.state
    return f"{task.state}, {task.parts} parts" if task.part is None else f"{task.state} {task.part + 1}/{task.parts}"


def _together(heard: list[dict[str, Any]], parts: int) -> dict[str, Any]:
    """The progress of parts that are about equally long, some of which may not have begun."""
    totals = [progress["total"] for progress in heard]
    return {
        "unit": heard[0]["unit"],
        "done": sum(progress["done"] for progress in heard),
        "total": None if None in totals else sum(totals) / len(totals) * parts,
        "rate": sum(progress["rate"] for progress in heard if progress["done"] != progress["total"]),
    }


def _pace(progress: dict[str, Any]) -> str:
    if progress["unit"] == "frames":
        total = f"/{progress['total']:.0f}" if progress["total"] else ""
        return f"{progress['done']:.0f}{total}  {progress['rate']:.1f} frames/s"
    return f"{progress['done']:.0f} s of media"


def summary(manifest: dict[str, Any], files: list[Path]) -> Group:
    """What ran where and for how long, and where the results are."""
    table = Table(box=None, pad_edge=False)
    table.add_column("step")
    table.add_column("ran on")
    table.add_column("seconds", justify="right")
    for name in dict.fromkeys(step["name"] for step in manifest["steps"]):
        parts = [step for step in manifest["steps"] if step["name"] == name]
        where = " and ".join(dict.fromkeys(WHERE[part["ran_on"]] for part in parts))
        what = name if len(parts) == 1 else f"{name}, longest of {len(parts)}"
        table.add_row(what, where, f"{max(part['seconds'] for part in parts):.1f}")
    detections = manifest["detections"]  # none where there is no picture
    damaged = detections["damaged_frames"] if detections else 0
    warning = [f"{damaged} of its frames are damaged: the nearest good one stands for each", ""] if damaged else []
    return Group("", table, "", *warning, *(Text(str(file), overflow="ignore", no_wrap=True) for file in files))
