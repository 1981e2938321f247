"""Ctrl-C, `kill` and a closed terminal end the command in the same way: by KeyboardInterrupt."""

from __future__ import annotations

import signal
from types import FrameType

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_received: list[int] = []


def install() -> None:
    """From now on, each of these signals raises KeyboardInterrupt."""
    for number in _SIGNALS:
        signal.signal(number, _raise)


def check() -> None:
    """Raise KeyboardInterrupt if a signal came. Python loses an exception that is raised while it imports a module."""
    if _received:
        raise KeyboardInterrupt


def _raise(number: int, frame: FrameType | None) -> None:
    _received.append(number)
    raise KeyboardInterrupt
