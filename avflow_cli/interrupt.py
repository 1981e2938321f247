"""Ctrl-C, `kill` and a closed terminal end the command in the same orderly way."""

from __future__ import annotations

import signal
from types import FrameType

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_came: list[int] = []


def install() -> None:
    """From now on each of these signals raises KeyboardInterrupt."""
    for number in _SIGNALS:
        signal.signal(number, _raise)


def check() -> None:
    """Raise KeyboardInterrupt if a signal came: Python drops one that comes within an import's own bookkeeping."""
    if _came:
        raise KeyboardInterrupt


def _raise(number: int, frame: FrameType | None) -> None:
    _came.append(number)
    raise KeyboardInterrupt
