"""What differs between the systems that the sandbox runs on: Linux, which WSL 2 is too, and macOS.

Nothing else in the embedded AWS asks which system it is on. A quick way of one system's own is taken where it is
seen to work, and a portable one, by the standard library or psutil, everywhere else. The death of the parent is
`watchdog`'s, which is portable by itself.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
from functools import cache
from pathlib import Path
from typing import IO

import psutil

_PROC = Path("/proc")


def cores() -> int:
    """Cores that this process may run on."""
    with contextlib.suppress(AttributeError, OSError):  # macOS has no affinity
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def signal_group(leader: int, number: signal.Signals) -> None:
    """Send a signal to a process group; one that has ended is no error."""
    # macOS answers EPERM, not ESRCH, where only zombies are left
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, number)


def group_memory(leader: int) -> int:
    """Bytes of resident memory of a process and its descendants; 0 once it is gone."""
    if proc_tells():
        page = os.sysconf("SC_PAGE_SIZE")
        return page * sum(_resident_pages(pid) for pid in _descendants(leader))
    total = 0
    with contextlib.suppress(psutil.Error, OSError):
        top = psutil.Process(leader)
        for process in (top, *top.children(recursive=True)):
            with contextlib.suppress(psutil.Error):  # ended meanwhile: the others count all the same
                total += process.memory_info().rss
    return total


@cache
def proc_tells() -> bool:
    """Whether /proc tells of a process's memory and children, for a hundredth of the time that psutil needs.

    It doesn't where there is none (macOS), where it shows another PID namespace, and in a kernel without
    CONFIG_PROC_CHILDREN.
    """
    pid = os.getpid()
    try:
        (_PROC / str(pid) / "task" / str(pid) / "children").read_bytes()
        return (_PROC / "self").readlink().name == str(pid) and _resident_pages(pid) > 0
    except OSError:
        return False


def _descendants(pid: int) -> list[int]:
    found = [pid]
    with contextlib.suppress(OSError), os.scandir(_PROC / str(pid) / "task") as threads:
        for thread in threads:
            for child in Path(thread.path, "children").read_text().split():
                found += _descendants(int(child))
    return found


def _resident_pages(pid: int) -> int:
    try:
        return int((_PROC / str(pid) / "statm").read_text().split()[1])
    except (OSError, IndexError):
        return 0


def lock(file: IO[str]) -> None:
    """Take an open file for this process alone, until it is closed.

    Raises
    ------
    BlockingIOError
        Another process has it.
    """
    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
