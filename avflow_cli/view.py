"""A run as it happens: one row for each step, with a bar while the step works."""

from __future__ import annotations

import json
import math
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from avflow.filenames import printable
from avflow.workflow.reports import Manifest
from avflow_cli.follow import AGAIN, WHERE, Task, TaskEvent
from avflow_cli.reasons import in_words
from avflow_cli.rows import COUNT_WIDTH, PACE_WIDTH, Row, times, took
from local_aws.sandbox.activity import Activity, StepLog

REFRESHES_PER_SECOND = 10
#: seconds of work after which the pace is used to estimate the time left
_TRUSTED_SECONDS = 1.0


@dataclass
class _Running:
    """A task that runs, the time of its start, and for each part the time and content of its last progress."""

    task: Task
    began: float
    parts: dict[int, tuple[float, dict[str, Any]]] = field(default_factory=dict)

    def row(self, now: float) -> Row:
        """The task's row at the time `now`."""
        progress = self._together()
        bar = (progress["done"], progress["total"]) if progress else (0, None)
        left = self._left(progress, now) if progress else None
        notes = _pace(progress) if progress else (" " * PACE_WIDTH, " " * COUNT_WIDTH)
        return Row("running", _name(self.task), WHERE[self.task.where], times(now - self.began, left), notes, bar=bar)

    def done(self) -> str:
        """How much work the task did; empty unless all its parts have reported."""
        progress = self._together()
        if progress is None or not progress["done"] or (self.task.part is None and len(self.parts) < self.task.parts):
            return ""
        if progress["unit"] != "frames":
            return f"{progress['done']:.0f} s of media"
        if progress["total"] and progress["done"] < progress["total"]:
            return ""  # the last lines of its log have not been read
        heard = self.parts.values()
        # a part may have started long before its first report
        began = min((at - last["done"] / last["rate"] for at, last in heard if last["rate"]), default=math.inf)
        seconds = max(at for at, _ in heard) - began
        pace = f", {progress['done'] / seconds:.1f} frames/s" if seconds > 0 else ""
        return f"{progress['done']:.0f} frames{pace}"

    def _together(self) -> dict[str, Any] | None:
        """The sum of the parts' progress. Parts are about equally long; some may not have started."""
        heard = [progress for _, progress in self.parts.values()]
        if not heard:
            return None
        totals = [progress["total"] for progress in heard]
        parts = self.task.parts if self.task.part is None else 1
        return {
            "unit": heard[0]["unit"],
            "done": sum(progress["done"] for progress in heard),
            "total": None if None in totals else sum(totals) / len(totals) * parts,
            "rate": sum(progress["rate"] for progress in heard if progress["done"] != progress["total"]),
        }

    def _left(self, progress: dict[str, Any], now: float) -> float | None:
        """Estimated seconds of work that are left; None if there is no estimate."""
        if not progress["total"] or not progress["rate"] or progress["done"] / progress["rate"] < _TRUSTED_SECONDS:
            return None
        last_heard = max(heard for heard, _ in self.parts.values())
        left = (progress["total"] - progress["done"]) / progress["rate"] - (now - last_heard)
        return left if left >= 1 else None


class RunView(AbstractContextManager["RunView"]):
    """Shows the steps of one execution: on a terminal as rows, else as a line when a step ends.

    As something that Rich can print, it is the rows of the steps that run.
    """

    def __init__(self, console: Console, clock: Callable[[], float] = time.monotonic) -> None:
        self._console, self._clock = console, clock
        self._on_terminal = console.is_terminal and not console.is_dumb_terminal
        self._tasks: dict[Task, _Running] = {}
        self._lock = threading.Lock()
        self._live = Live(console=console, get_renderable=self.__rich__, refresh_per_second=REFRESHES_PER_SECOND)

    def __enter__(self) -> RunView:
        if self._on_terminal:
            self._live.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._live.stop()

    def show(self, event: TaskEvent) -> None:
        """Show that a task began or ended."""
        if event.seconds is None:
            since = self._clock()
            if event.began is not None:  # it may have begun before anybody watched; clocks may differ
                since -= max(0.0, (datetime.now(UTC) - event.began).total_seconds())
            with self._lock:
                self._tasks[event.task] = _Running(event.task, since)
            return
        with self._lock:
            running = self._tasks.pop(event.task, None)
        # print without the lock: the drawing thread holds the terminal's lock while it waits for this one
        if self._on_terminal:
            self._console.print(_ended_row(event, running))
        else:
            self._console.print(_ended_line(event), soft_wrap=True, markup=False)

    def heard(self, activity: Activity) -> None:
        """Read a line of a step's log. If it reports progress, the step's bar moves."""
        if not isinstance(activity, StepLog) or '"progress"' not in activity.line:
            return
        try:
            line = json.loads(activity.line)
            step, part, progress = line["service"], line.get("part", 0), line["progress"]
        except (ValueError, KeyError, TypeError):
            return
        with self._lock:
            for task, running in self._tasks.items():
                if task.state.lower().startswith(step) and task.part in (None, part):
                    running.parts[part] = self._clock(), progress

    def __rich__(self) -> Group:
        with self._lock:
            return Group(*(running.row(self._clock()) for running in self._tasks.values()))


def _ended_row(event: TaskEvent, running: _Running | None) -> Row:
    seconds = event.seconds or 0.0
    row = Row("done", _name(event.task), WHERE[event.task.where], took(seconds))
    if event.error is None:
        return replace(row, notes=[running.done()] if running else [])
    return replace(row, mark="failed" if event.moved_to is None else "moved", reason=_outcome(event))


def _ended_line(event: TaskEvent) -> str:
    row, outcome = f"{_name(event.task)} on {WHERE[event.task.where]}", _outcome(event)
    if event.moved_to is None:
        return f"{row}: {outcome} after {event.seconds:.1f} s"
    return f"{row}: {outcome} (after {event.seconds:.1f} s)"


def _outcome(event: TaskEvent) -> str:
    if event.error is None:
        return "done"
    if event.moved_to is None:
        return f"failed ({printable(event.error)})"
    reason = printable(in_words(event.error, event.cause))
    return f"tried again: {reason}" if event.moved_to == AGAIN else f"moved to {event.moved_to}: {reason}"


def _name(task: Task) -> str:
    """`Yolov3`, or `Audio2srt 3/4` for an item of a Map, or `Yolov3, 4 parts` for an array job."""
    if task.parts == 1:
        return task.state
    return f"{task.state}, {task.parts} parts" if task.part is None else f"{task.state} {task.part + 1}/{task.parts}"


def _pace(progress: dict[str, Any]) -> Sequence[str]:
    """How far the step is, in two lengths, the longer first."""
    count = f"{progress['done']:.0f}" + (f"/{progress['total']:.0f}" if progress["total"] else "")
    if progress["unit"] != "frames":
        said = f"{count} s of media"
    else:
        said = f"{count}  {progress['rate']:.1f} frames/s" if progress["rate"] else f"{count} frames"
    return said.ljust(PACE_WIDTH), count.ljust(COUNT_WIDTH)


def summary(manifest: Manifest, files: Sequence[Path | str], *, spaced: bool) -> Group:
    """Where each step ran and for how long, and the paths or addresses of the results.

    Parameters
    ----------
    spaced:
        Whether to separate them by empty lines, as on a terminal.
    """
    table = Table(box=None, pad_edge=False)
    table.add_column("step")
    table.add_column("ran on")
    table.add_column("seconds", justify="right")
    for name in dict.fromkeys(step.name for step in manifest.steps):
        parts = [step for step in manifest.steps if step.name == name]
        where = " and ".join(dict.fromkeys(WHERE[part.ran_on] for part in parts))
        what = name if len(parts) == 1 else f"{name}, longest of {len(parts)}"
        table.add_row(what, where, f"{max(part.seconds for part in parts):.1f}")
    damaged = manifest.detections.damaged_frames if manifest.detections else 0
    warnings = [f"Damaged frames, each replaced by the nearest good frame: {damaged}"] if damaged else []
    warnings += [f"Warning: {warning.message}" for warning in manifest.warnings]
    space = [""] if spaced else []
    paths = (Text(printable(str(file)), overflow="ignore", no_wrap=True) for file in files)
    return Group(*space, table, *space, *map(Text, warnings), *paths)
