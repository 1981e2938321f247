"""The layout of a step's row: where the step runs and how long, then as much of the rest as fits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.cells import cell_len, set_cell_size
from rich.console import Console, ConsoleOptions, RenderResult
from rich.padding import Padding
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

#: widths of columns, in characters: fixed, so that rows are aligned and bars keep their length
NAME_WIDTH, WHERE_WIDTH, TIME_WIDTH = 16, 6, 23
PACE_WIDTH, COUNT_WIDTH = 24, 13
BAR_WIDTH, LEAST_BAR_WIDTH, LEAST_NAME_WIDTH = 30, 8, 4
MARKS = {"running": "▸", "done": "✓", "moved": "→", "failed": "✗"}
ASCII_MARKS = {"running": ">", "done": "+", "moved": ">", "failed": "x"}


@dataclass(frozen=True)
class Row:
    """The row of one step.

    Parameters
    ----------
    mark:
        A key of MARKS.
    times:
        How long the step has run, in several lengths, the longest first.
    notes:
        How far the step is, in several lengths, the longest first. Left out if there is no room.
    reason:
        Why the step ended with an error. Never left out.
    bar:
        (done, total) while the step runs; None afterwards.
    """

    mark: str
    name: str
    where: str
    times: Sequence[str]
    notes: Sequence[str] = ()
    reason: str = ""
    bar: tuple[float, float | None] | None = None

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        width = options.max_width
        head = self._head(width, (ASCII_MARKS if options.ascii_only else MARKS)[self.mark])
        left = width - cell_len(head)
        if self.reason and left < cell_len(self.reason) + 2:
            yield Text(head.rstrip(), no_wrap=True, overflow="crop")
            yield Padding(Text(self.reason), (0, 0, 0, 2 if width > 20 else 0))
            return
        for note in self.notes if self.bar else ():
            if (bar := min(BAR_WIDTH, left - cell_len(note) - 4)) >= LEAST_BAR_WIDTH:
                line = Table.grid()
                line.add_row(Text(f"{head}  "), self._drawn(bar), Text(f"  {note}"))
                yield line
                return
        rest = self.reason or next((note for note in self.notes if cell_len(note) + 2 <= left), "")
        yield Text(f"{head}  {rest}".rstrip(), no_wrap=True, overflow="crop")

    def _drawn(self, width: int) -> ProgressBar:
        done, total = self.bar or (0, None)
        return ProgressBar(total or 1, done, width=width, pulse=not (done and total))

    def _head(self, width: int, mark: str) -> str:
        """Mark, name, where, how long: aligned with other rows if it fits, else as short as necessary."""
        name = self.name.ljust(NAME_WIDTH)
        for time in (self.times[0].ljust(TIME_WIDTH), *self.times):
            head = f"{mark} {name} {self.where:<{WHERE_WIDTH}} {time}"
            if cell_len(head) <= width:
                return head
        tail = f" {self.where} {self.times[-1]}"
        room = max(LEAST_NAME_WIDTH, width - cell_len(tail) - 2)
        return f"{mark} {self.name if cell_len(self.name) <= room else set_cell_size(self.name, room)}{tail}"


def times(seconds: float, left: float | None) -> Sequence[str]:
    """How long a step has run and, if known, how long it will still run, in several lengths, the longest first."""
    elapsed = clock(seconds)
    told = [f"{elapsed} elapsed", elapsed]
    return told if left is None else [f"{elapsed} elapsed, {clock(left)} left", f"{elapsed}, {clock(left)} left", *told]


def clock(seconds: float) -> str:
    """`1:02:03`, or `2:03` below an hour."""
    minutes, second = divmod(max(0, round(seconds)), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02}:{second:02}" if hours else f"{minute}:{second:02}"


def took(seconds: float) -> Sequence[str]:
    """How long a step took, in two lengths, the longer first."""
    said = f"{seconds:.1f} s" if seconds < 60 else clock(seconds)
    return f"took {said}", said
