"""What the commands print: lines of JSON for programs, and times, sizes and tables for people."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import cache
from typing import Any

from rich.cells import cell_len
from rich.table import Table
from rich.text import Text

from avflow.filenames import printable
from avflow_cli import terminal
from avflow_cli.rows import clock

console = cache(terminal.console)
#: how a terminal shows the status of a run
_STYLES = {"RUNNING": "cyan", "SUCCEEDED": "green", "FAILED": "red", "TIMED_OUT": "red", "ABORTED": "yellow"}


def line_of_json(value: Any) -> None:
    """Print one line of JSON, in ASCII. Threads may call it at once: `print` would write its line break apart."""
    sys.stdout.write(json.dumps(value) + "\n")
    sys.stdout.flush()


def say(text: str) -> None:
    """Print a line that the terminal may break, and a pipe gets whole."""
    console().print(Text(printable(text, keep="\n")), soft_wrap=True)


def table(
    heads: Sequence[str], rows: Iterable[Sequence[str]], right: Iterable[str] = (), spare: Sequence[str] = ()
) -> None:
    """Print a table: on a terminal within its width, in a pipe with whole cells.

    Parameters
    ----------
    right:
        The heads of the columns that are aligned at the right.
    spare:
        The heads of columns that a narrow terminal leaves out, the first one first.
    """
    out, numbers = console(), {*right}
    printed = [[printable(cell) for cell in row] for row in rows]
    columns = {head: [row[at] for row in printed] for at, head in enumerate(heads)}
    widths = {head: max(map(cell_len, (head, *cells))) for head, cells in columns.items()}
    if not out.is_terminal:
        padded = []
        for head, cells in columns.items():
            spaces = [" " * (widths[head] - cell_len(cell)) for cell in (head, *cells)]
            whole = zip((head, *cells), spaces, strict=True)
            padded.append([space + cell if head in numbers else cell + space for cell, space in whole])
        for line in zip(*padded, strict=True):
            say("  ".join(line).rstrip())
        return
    for head in spare:
        if sum(widths[each] + 2 for each in columns) - 2 > out.width:
            del columns[head]
    shown = Table(box=None, pad_edge=False)
    for head in columns:
        shown.add_column(head, justify="right" if head in numbers else "left", overflow="fold")
    for row in zip(*columns.values(), strict=True):
        shown.add_row(*(Text(cell, style=_STYLES.get(cell, "")) for cell in row))
    out.print(shown)


def moment(time: datetime) -> str:
    """`2026-11-26 22:16`, in the time zone of this machine."""
    return f"{time.astimezone():%Y-%m-%d %H:%M}"


def lasted(seconds: float) -> str:
    """`9.5 s`, `2:03` or `1:02:03`."""
    return f"{seconds:.1f} s" if seconds < 60 else clock(seconds)


def size(count: float) -> str:
    """`848 kB`: bytes with three digits, in units of 1000."""
    for unit in ("B", "kB", "MB", "GB"):
        if count < 999.5:
            return f"{count:.3g} {unit}"
        count /= 1000
    return f"{count:.3g} TB"
