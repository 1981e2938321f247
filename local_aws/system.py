"""What differs between operating systems: Linux (and so WSL 2) and macOS.

No other module of the embedded AWS asks which system it runs on. Where a fast way of one system works, it is used;
everywhere else a portable way by the standard library or psutil. The death of the owner is detected by
`sandbox/watchdog.py`, which is portable itself.
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

#: where Linux describes processes; tests point it elsewhere
PROC = Path("/proc")


def cores() -> int:
    """The number of cores on which this process may run."""
    with contextlib.suppress(AttributeError, OSError):  # macOS has no affinity
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def signal_group(leader: int, number: signal.Signals) -> None:
    """Send a signal to a process group; a group that has ended is no error."""
    # macOS answers EPERM, not ESRCH, if only zombies are left
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, number)


def kill_descendants(leader: int) -> None:
    """Kill all descendants of a process, also those in process groups of their own."""
    for pid in descendants(leader):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, signal.SIGKILL)


def descendants(leader: int) -> list[int]:
    """The children of a process and their children; empty once the process is gone."""
    if proc_tells():
        return _descendants(leader)[1:]
    with contextlib.suppress(psutil.Error, OSError):
        return [child.pid for child in psutil.Process(leader).children(recursive=True)]
    return []


def group_memory(leader: int) -> int:
    """Resident memory of a process and its descendants in bytes; 0 once the process is gone."""
    if proc_tells():
        page = os.sysconf("SC_PAGE_SIZE")
        return page * sum(_resident_pages(pid) for pid in _descendants(leader))
    total = 0
    with contextlib.suppress(psutil.Error, OSError):
        top = psutil.Process(leader)
        for process in (top, *top.children(recursive=True)):
            with contextlib.suppress(psutil.Error):  # it ended meanwhile: count the others
                total += process.memory_info().rss
    return total


@cache
def proc_tells() -> bool:
    """Whether /proc shows a process's memory and children; reading it takes a hundredth of psutil's time.

    False where there is no /proc (macOS), where it shows another PID namespace, and in a kernel without
    CONFIG_PROC_CHILDREN.
    """
    pid = os.getpid()
    try:
        (PROC / str(pid) / "task" / str(pid) / "children").read_bytes()
        return (PROC / "self").readlink().name == str(pid) and _resident_pages(pid) > 0
    except OSError:
        return False


def _descendants(pid: int) -> list[int]:
    found = [pid]
    with contextlib.suppress(OSError), os.scandir(PROC / str(pid) / "task") as threads:
        for thread in threads:
            for child in Path(thread.path, "children").read_text().split():
                found += _descendants(int(child))
    return found


def _resident_pages(pid: int) -> int:
    try:
        return int((PROC / str(pid) / "statm").read_text().split()[1])
    except (OSError, IndexError):
        return 0


def lock(file: IO[str]) -> None:
    """Lock an open file for this process alone, until the file is closed.

    Raises
    ------
    BlockingIOError
        Another process has locked it.
    """
    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
