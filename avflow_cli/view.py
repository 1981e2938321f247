"""A run as it happens: one line a step, with a bar while it works."""

from __future__ import annotations

import json
import threading
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from rich.console import Console, Group
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from local_aws.activity import Activity, StepLog

WHERE = {"lambda": "Lambda", "batch": "Batch"}


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
        self._tasks: dict[str, TaskID] = {}
        self._lock = threading.Lock()

    def __enter__(self) -> RunView:
        self._bars.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._bars.stop()

    def started(self, state: str, where: str) -> None:
        """A state began to run on Lambda or Batch."""
        with self._lock:
            self._tasks[state] = self._bars.add_task(state, total=None, mark="▸", where=WHERE[where], pace="")

    def ended(self, state: str, where: str, seconds: float, error: str | None) -> None:
        """A state ended, well or with an error's name."""
        with self._lock:
            task = self._tasks.pop(state, None)
            if task is not None:
                if error is None:
                    total = self._bars.tasks[self._bars.task_ids.index(task)].total or 1
                    self._bars.update(task, total=total, completed=total, mark="✓")
                else:
                    self._bars.update(task, total=1, completed=0, mark="✗", pace=error)
                self._bars.stop_task(task)
        if not self._console.is_terminal:
            outcome = "done" if error is None else f"failed ({error})"
            self._console.print(f"{state} on {WHERE[where]}: {outcome} after {seconds:.1f} s")

    def heard(self, activity: Activity) -> None:
        """A line of a step's log: those that tell its progress move its bar."""
        if not isinstance(activity, StepLog) or '"progress"' not in activity.line:
            return
        try:
            line = json.loads(activity.line)
            step, progress = line["service"], line["progress"]
        except (ValueError, KeyError, TypeError):
            return
        with self._lock:
            for state, task in self._tasks.items():
                if state.lower().startswith(step):
                    self._bars.update(task, completed=progress["done"], total=progress["total"], pace=_pace(progress))


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
    for step in manifest["steps"]:
        table.add_row(step["name"], WHERE[step["ran_on"]], f"{step['seconds']:.1f}")
    return Group("", table, "", *(Text(str(file), overflow="ignore", no_wrap=True) for file in files))
