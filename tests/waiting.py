"""Waits for other threads and processes, even on a slow machine."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import psutil

#: A time limit that only broken code reaches. A busy machine may make a test slow, but must not make it fail.
PATIENCE_SECONDS = 180.0
#: the pause between two looks, in seconds: a look may be a request that takes more processor time than what is awaited
_SHORTEST_PAUSE, _LONGEST_PAUSE = 0.02, 0.25
#: a wait becomes at most so much longer by its pauses
_PAUSE_SHARE = 0.05

T = TypeVar("T")


def until(condition: Callable[[], T], what: str = "it", seconds: float = PATIENCE_SECONDS) -> T:
    """Wait for `condition()` to return a true value, and return that value. It is asked less often as time passes.

    Raises
    ------
    AssertionError
        The condition did not become true within `seconds`. The message contains `what`.
    """
    begun = time.monotonic()
    while not (found := condition()):
        waited = time.monotonic() - begun
        assert waited < seconds, f"{what} did not happen within {seconds:g} s"
        time.sleep(min(max(_SHORTEST_PAUSE, waited * _PAUSE_SHARE), _LONGEST_PAUSE))
    return found


def gone(pid: int | str) -> bool:
    """Whether the process no longer exists, not even as a zombie."""
    return not psutil.pid_exists(int(pid))


def process_in(pid_file: Path) -> int:
    """The process id that a process writes into a file as soon as it runs."""
    until(lambda: pid_file.exists() and pid_file.read_text(), f"the start of what writes {pid_file}")
    return int(pid_file.read_text())
