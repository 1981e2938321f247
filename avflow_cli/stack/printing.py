"""What the commands print: lines of JSON for programs, and times, sizes and tables for people."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import cache
from typing import Any

from rich.table import Table
from rich.text import Text

from avflow.filenames import printable
from avflow_cli import terminal
from avflow_cli.rows import clock

_console = cache(terminal.console)


def line_of_json(value: Any) -> None:
    """Print one line of JSON, in ASCII."""
    print(json.dumps(value), file=sys.stdout, flush=True)


def say(text: str) -> None:
    """Print a line that the terminal may break, and a pipe gets whole."""
    _console().print(Text(printable(text, keep="\n")), soft_wrap=True)


def table(heads: Sequence[str], rows: Iterable[Sequence[str]], right: Iterable[str] = ()) -> None:
    """Print a table: on a terminal within its width, in a pipe with whole cells.

    Parameters
    ----------
    right:
        The heads of the columns that are aligned at the right.
    """
    console, numbers = _console(), {*right}
    shown = Table(box=None, pad_edge=False)
    for head in heads:
        shown.add_column(head, justify="right" if head in numbers else "left", overflow="fold")
    cells = [[printable(cell) for cell in row] for row in rows]
    for row in cells:
        shown.add_row(*map(Text, row))
    if console.is_terminal:
        console.print(shown)
    else:
        wide = sum(max((len(row[at]) for row in cells), default=0) + len(head) + 2 for at, head in enumerate(heads))
        console.print(shown, width=max(wide, 1), soft_wrap=True)


def moment(time: datetime) -> str:
    """`2026-11-26 22:16`, in the time zone of this machine."""
    return f"{time.astimezone():%Y-%m-%d %H:%M}"


def lasted(seconds: float) -> str:
    """`9.5 s`, `2:03` or `1:02:03`."""
    return f"{seconds:.1f} s" if seconds < 60 else clock(seconds)


def size(count: float) -> str:
    """`847 kB`: bytes in the units of S3's console and of disks, of which each is 1000 times the one before."""
    if count < 1000:
        return f"{count:.0f} B"
    power = min(4, int(math.log10(count) // 3))
    return f"{count / 1000**power:.3g} {'kMGT'[power - 1]}B"
