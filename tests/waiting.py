"""Waiting for what another thread or process does, however slow the machine is."""

from __future__ import annotations

import time
from collections.abc import Callable
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
