"""How long a task of a media process may take, as its parent sees it: whatever the process does, its parent ends it."""

from __future__ import annotations

import os
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from avflow.errors import AvflowError
from avflow.progress import Progress

#: seconds on the clock for one of processor time: other programs may have the processor, or the disk is slow
_WAITING = 10.0
#: seconds for the process to import its libraries before its first report
_IMPORT_SECONDS = 60.0


@dataclass(frozen=True)
class TimeLimit:
    """The most seconds that a task may take, and the error if it takes longer."""

    seconds: float
    error: AvflowError
    #: The task reads a file, and then may copy it. `seconds` are those of reading, from the first report on. They count
    #: only as far as the process had the processor, up to ten times of them. While it copies, each progress starts
    #: them again. None: it is any other task, and the clock counts.
    with_copying: float | None = None


class Clock:
    """Tells whether the time of one task is over.

    Parameters
    ----------
    limit:
        None if the task may take for ever.
    pid:
        The id of the process; None while it starts, which takes no time of the task.
    """

    def __init__(self, limit: TimeLimit | None, pid: int | None) -> None:
        self._limit, self._pid = limit, pid
        self._begun = self._restarted = time.monotonic()
        self._used = 0.0
        self._last: Progress | None = None

    def note(self, progress: Progress) -> None:
        """The process has reported."""
        last, self._last = self._last, progress
        copies = progress.total is not None
        if last is None or copies != (last.total is not None) or (copies and progress.done > last.done):
            self._restarted, self._used = time.monotonic(), _processor_seconds(self._pid) or 0.0

    def is_over(self) -> bool:
        """Whether the task has taken longer than it may."""
        limit, now = self._limit, time.monotonic()
        if limit is None or self._pid is None:
            return False
        if limit.with_copying is None:
            return now > self._begun + limit.seconds
        if now > self._begun + limit.with_copying + _IMPORT_SECONDS:
            return True
        passed = now - self._restarted
        if self._last is None or passed <= limit.seconds:
            return passed > limit.seconds + _IMPORT_SECONDS
        used = _processor_seconds(self._pid)
        return used is None or used - self._used > limit.seconds or passed > _WAITING * limit.seconds


def _processor_seconds(pid: int | None) -> float | None:
    """Seconds of processor time that all threads of a process have used (proc(5), stat); None if unknown."""
    with suppress(OSError, ValueError, IndexError):
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return None
