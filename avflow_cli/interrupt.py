"""Ctrl-C, `kill` and a closed terminal end the command in the same way: by KeyboardInterrupt, and soon."""

from __future__ import annotations

import _thread
import contextlib
import os
import signal
import time
from collections.abc import Callable
from types import FrameType

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
#: the exit status of a command that was interrupted
STATUS = 128 + signal.SIGINT
#: seconds that the command has to tidy up after a signal; the watchdog of the embedded AWS ends its processes anyhow
SECONDS_TO_END = 1.5
_to_end = [SECONDS_TO_END]
_received: list[int] = []
_said: list[bool] = []


def install() -> None:
    """From now on, the first of these signals raises KeyboardInterrupt, and the process ends soon after it."""
    _handle(_raise)


def allow(seconds: float) -> None:
    """Let the command tidy up for so long after a signal, because it does that far away."""
    _to_end[0] = seconds


def end_at_once() -> None:
    """From now on until `install`, these signals end the process: there is nothing yet to tidy up."""
    _handle(_end)


def _handle(handler: Callable[[int, FrameType | None], None]) -> None:
    for number in _SIGNALS:
        if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:  # nohup
            signal.signal(number, handler)


def check() -> None:
    """Raise KeyboardInterrupt if a signal came. Python loses an exception that is raised while it imports a module."""
    if _received:
        raise KeyboardInterrupt


def _raise(number: int, frame: FrameType | None) -> None:
    if _received:  # it is tidying up
        return
    _received.append(number)
    _thread.start_new_thread(_end_at_last, ())  # threading.Thread takes a lock that the interrupted code may hold
    raise KeyboardInterrupt


def handled() -> None:
    """Keep Python from ending the process by SIGINT although the interruption was caught.

    CPython does so if KeyboardInterrupt left code that `exec` got as text, as that of dataclasses, and no other such
    code has run since (pythonrun.c, run_eval_code_obj).
    """
    exec("")  # noqa: S102


def say() -> None:
    """Tell the user, once."""
    if not _said:
        _said.append(True)
        with contextlib.suppress(OSError):  # nobody reads it any more
            os.write(2, b"avflow: interrupted\n")


def _end(number: int, frame: FrameType | None) -> None:
    say()
    os._exit(STATUS)


def _end_at_last() -> None:
    """End the process without further ado if tidying up takes too long."""
    time.sleep(_to_end[0])
    say()
    os._exit(STATUS)
