"""Waiting for what another thread or process does, however slow the machine is."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import psutil

#: A limit that only something broken reaches: a loaded machine must make a test slower, never wrong.
PATIENCE_SECONDS = 180.0

T = TypeVar("T")


def until(condition: Callable[[], T], what: str = "it", seconds: float = PATIENCE_SECONDS) -> T:
    """The first true value of `condition()`.

    Raises
    ------
    AssertionError
        There is none within `seconds`; it names `what`.
    """
    end = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < end, f"{what} did not happen within {seconds:g} s"
        time.sleep(0.02)
    return found


def gone(pid: int | str) -> bool:
    """Whether there is no such process, not even one that nobody has waited for."""
    return not psutil.pid_exists(int(pid))


def process_in(pid_file: Path) -> int:
    """The process id that a process writes into a file as soon as it runs."""
    until(lambda: pid_file.exists() and pid_file.read_text(), f"the start of what writes {pid_file}")
    return int(pid_file.read_text())
