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
#: limits of a container's memory in bytes, where they are mounted (Linux: cgroups(7), versions 2 and 1)
CGROUP_MEMORY = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))
#: how much nicer than the server functions and jobs are: the server answers while they use all cores
NICE = 5


def cores() -> int:
    """The number of cores on which this process may run."""
    with contextlib.suppress(AttributeError, OSError):  # macOS has no affinity
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def memory_mb() -> int:
    """The memory that this machine, or the container around this process, has, in MiB."""
    limits = [psutil.virtual_memory().total]
    for path in CGROUP_MEMORY:
        with contextlib.suppress(OSError, ValueError):  # there is no such file, or it says "max"
            limits.append(int(path.read_text()))
    return min(limits) >> 20


def give_way(leader: int) -> None:
    """Let the leader of a new session, and all that it will start, have less processor time than this process.

    Linux may weigh whole sessions, and then only within one the processes (sched(7), "The autogroup feature").
    """
    with contextlib.suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, leader, min(19, os.getpriority(os.PRIO_PROCESS, 0) + NICE))
    with contextlib.suppress(OSError):
        (PROC / str(leader) / "autogroup").write_text(str(NICE))


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


def strays(leader: int) -> list[int]:
    """The descendants of a process that are not in its process group: no signal to the group reaches them."""
    found = []
    for pid in descendants(leader):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            if os.getpgid(pid) != leader:
                found.append(pid)
    return found


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
    tasks = f"{PROC}/{pid}/task"
    with contextlib.suppress(OSError):
        for thread in os.listdir(tasks):  # noqa: PTH208 - paths as text are three times as fast
            for child in _read(f"{tasks}/{thread}/children").split():
                found += _descendants(int(child))
    return found


def _resident_pages(pid: int) -> int:
    try:
        return int(_read(f"{PROC}/{pid}/statm").split()[1])
    except (OSError, IndexError):
        return 0


def _read(path: str) -> bytes:
    """A file of /proc; without the layers of `open`, because the watcher of all processes reads thousands a second."""
    file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return os.read(file, 1 << 16)
    finally:
        os.close(file)


def lock(file: IO[str]) -> None:
    """Lock an open file for this process alone, until the file is closed.

    Raises
    ------
    BlockingIOError
        Another process has locked it.
    """
    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
