"""What `avflow run` shows of several videos: rows on a terminal, lines in a pipe, JSON for scripts."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console, ConsoleOptions, Group, RenderResult
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Column, Table
from rich.text import Text

from avflow.filenames import printable
from avflow_cli import terminal
from avflow_cli.clips import Clip
from avflow_cli.follow import WHERE, TaskEvent
from avflow_cli.outcomes import DONE, FAILED, NOT_STARTED, Outcome, summary_of
from avflow_cli.rows import ASCII_MARKS, MARKS, clock, took
from avflow_cli.stack.printing import line_of_json
from avflow_cli.view import REFRESHES_PER_SECOND
from local_aws.sandbox.activity import Activity, StepLog

#: lines of the terminal that the rows leave free, and rows of waiting videos
_FREE_LINES, _MOST_WAITING = 4, 5
_BAR_WIDTH, _NAME_WIDTH = 20, 32


@dataclass
class _Running:
    """A video in progress: the state that it is in, where that runs, and its last progress."""

    clip: Clip
    began: float
    state: str = "upload"
    where: str = ""
    progress: dict[str, Any] | None = None


class ManyView(AbstractContextManager["ManyView"]):
    """One row for each video that runs or waits; one line for each that has ended."""

    def __init__(self, console: Console | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self._console, self._clock = console or terminal.console(), clock
        self._on_terminal = self._console.is_terminal and not self._console.is_dumb_terminal
        self._waiting: list[Clip] = []
        self._running: dict[Clip, _Running] = {}
        self._executions: dict[str, Clip] = {}
        self._total = self._ended = 0
        self._lock = threading.Lock()
        self._live = Live(console=self._console, get_renderable=self._rows, refresh_per_second=REFRESHES_PER_SECOND)

    def __enter__(self) -> ManyView:
        if self._on_terminal:
            self._live.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._live.stop()

    # ------------------------------------------------------------ what happens
    def begin(self, clips: Sequence[Clip]) -> None:
        """These wait for their turn."""
        with self._lock:
            self._waiting += clips
            self._total += len(clips)

    def started(self, clip: Clip) -> None:
        """The clip is being uploaded."""
        with self._lock:
            self._waiting = [each for each in self._waiting if each != clip]
            self._running[clip] = _Running(clip, self._clock())
        if not self._on_terminal:
            self._print(f"{clip.shown}: started")

    def named(self, clip: Clip, execution: str) -> None:
        """The lines of the clip's steps have this name."""
        with self._lock:
            self._executions[execution] = clip

    def show(self, clip: Clip, event: TaskEvent) -> None:
        """A step began or ended."""
        with self._lock:
            running = self._running.get(clip)
            if running and event.seconds is None:
                running.state, running.where, running.progress = event.task.state, WHERE[event.task.where], None

    def heard(self, activity: Activity) -> None:
        """Read a line of a step's log. If it reports progress, the bar of its video moves."""
        if not isinstance(activity, StepLog) or '"progress"' not in activity.line:
            return
        try:
            line = json.loads(activity.line)
            service, execution, progress = line["service"], line["execution"], dict(line["progress"])
        except (ValueError, KeyError, TypeError):
            return
        with self._lock:
            running = self._running.get(self._executions.get(execution))  # type: ignore[arg-type] # None is no key
            if running and running.state.lower().startswith(service):
                running.progress = progress

    def ended(self, outcome: Outcome) -> None:
        """Print how a clip has ended."""
        with self._lock:
            self._running.pop(outcome.clip, None)
            self._waiting = [each for each in self._waiting if each != outcome.clip]
            self._ended += 1
            number = f"[{self._ended}/{self._total}]"
        if self._on_terminal:
            self._live.refresh()  # else printing draws the old rows once more
        if outcome.state != NOT_STARTED:  # the summary tells these together
            marks = ASCII_MARKS if self._console.options.ascii_only else MARKS
            mark = marks["done" if outcome.state == DONE else "failed"] if self._on_terminal else number
            self._print(f"{mark} {_ended(outcome)}")
        for warning in outcome.warnings:
            self._print(f"  Warning: {warning}")

    def summary(self, outcomes: Sequence[Outcome], seconds: float, out: Path) -> None:
        """Print how many ended in which way, and which of them not well."""
        counts = [(state, [each for each in outcomes if each.state == state]) for state in (DONE, FAILED, NOT_STARTED)]
        told = ", ".join(f"{len(which)} {state}" for state, which in counts if which or state == DONE)
        where = f"; the results are in {printable(str(out))}" if counts[0][1] else ""
        if self._on_terminal:
            self._console.print()
        self._print(f"{told} in {took(seconds)[-1]}{where}")
        for state, which in counts[1:]:
            for each in which:
                self._print(f"  {state}: {each.clip.shown}{f': {printable(each.error)}' if each.error else ''}")

    def _print(self, text: str) -> None:
        self._console.print(Text(printable(text)), soft_wrap=True)

    # ------------------------------------------------------------ the rows
    def _rows(self) -> Group:
        with self._lock:
            running, waiting = [*self._running.values()], [*self._waiting]
            left = self._total - self._ended
        if not running and not waiting:
            return Group()
        room = max(0, min(_MOST_WAITING, self._console.height - _FREE_LINES - len(running)))
        shown, more = waiting[:room], len(waiting) - len(waiting[:room])
        foot = f"{left} of {self._total} left" + (f", {more} more wait" if more else "")
        return Group(
            *(_Row(each, self._clock()) for each in running),
            *(Text(f"  {clip.shown}  waits", no_wrap=True, overflow="ellipsis", style="dim") for clip in shown),
            Text(foot, no_wrap=True, overflow="ellipsis"),
        )


@dataclass(frozen=True)
class _Row:
    """The row of a video in progress."""

    running: _Running
    now: float

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        each = self.running
        mark = (ASCII_MARKS if options.ascii_only else MARKS)["running"]
        table = Table.grid(
            Column(no_wrap=True), Column(width=min(_NAME_WIDTH, max(8, options.max_width // 3)), no_wrap=True),
            Column(no_wrap=True), Column(width=_BAR_WIDTH), Column(no_wrap=True, justify="right"),
            padding=(0, 1, 0, 0),
        )  # fmt: skip
        state = f"{each.state} on {each.where}" if each.where else each.state
        done, total = (each.progress["done"], each.progress["total"]) if each.progress else (0, None)
        bar = ProgressBar(total or 1, done, width=_BAR_WIDTH, pulse=not (done and total))
        name = Text(each.clip.shown, overflow="ellipsis", no_wrap=True)
        table.add_row(mark, name, Text(state.ljust(23)), bar, clock(self.now - each.began))
        yield table


def _ended(outcome: Outcome) -> str:
    if outcome.state == DONE:
        return f"{outcome.clip.shown}: done after {took(outcome.seconds)[-1]}"
    where = "".join(f" ({printable(str(path))})" for path in outcome.files if path.name.endswith(".error.json"))
    return f"{outcome.clip.shown}: {printable(outcome.error)}: {printable(outcome.message)}{where}"


class JsonView(AbstractContextManager["JsonView"]):
    """One JSON object a line on standard output: one for each video that has ended, and one for all at the end."""

    def __exit__(self, *error: object) -> None:
        """Nothing is left to do."""

    def begin(self, clips: Sequence[Clip]) -> None:
        """Says nothing."""

    def started(self, clip: Clip) -> None:
        """Says nothing."""

    def named(self, clip: Clip, execution: str) -> None:
        """Says nothing."""

    def show(self, clip: Clip, event: TaskEvent) -> None:
        """Says nothing."""

    def heard(self, activity: Activity) -> None:
        """Says nothing."""

    def ended(self, outcome: Outcome) -> None:
        """Print the outcome."""
        line_of_json(outcome.to_dict())

    def summary(self, outcomes: Sequence[Outcome], seconds: float, out: Path) -> None:
        """Print the counts."""
        line_of_json(summary_of(outcomes, seconds))
