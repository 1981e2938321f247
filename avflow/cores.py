"""The processor cores that this process may keep busy.

A container often sees all cores of its machine and is given the time of a few: the quota of its cgroup says of how
many. Threads beyond that only wait for each other, and each takes memory. Libraries count what they see; where
`usable_cores` is less they have to be told.
"""

from __future__ import annotations

import math
import os
import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

#: cores that work on one picture: more gain little, and a decoder holds a picture for each. FFmpeg converts 8K on eight
#: in 2.9 GB; on as many as it would take by itself, 16, in 4.1 GB
MOST_CODEC_THREADS = 8
_PROC = Path("/proc/self")
#: one line of mountinfo for a hierarchy of cgroups: root, mount point, version 1 or 2, options of the hierarchy
_MOUNT = re.compile(r"(?:\S+ ){3}(\S+) (\S+) .*? - cgroup(2?) \S+ (\S+)")


def usable_cores(proc: Path = _PROC) -> int:
    """Cores that the process may run on, that its quota pays for, and that it was told to use; 1 at least.

    A quota of 1.5 cores counts as 2, as in Java and Go: the second thread is held up, but nothing is left unused.
    PYTHON_CPU_COUNT and `-X cpu_count` are Python 3.13's way to tell; the variable is heeded on older ones, too.

    Parameters
    ----------
    proc:
        What the system tells of this process (Linux: proc(5)); there need not be any.
    """
    visible = visible_cores()
    return max(1, min(visible, _told() or visible, math.ceil(min(_quotas(proc), default=visible))))


def codec_threads() -> int:
    """Threads of a decoder or encoder: as FFmpeg chooses, but by the quota, and for `MOST_CODEC_THREADS` at most."""
    cores = min(usable_cores(), MOST_CODEC_THREADS)
    return cores + 1 if cores > 1 else 1


def visible_cores() -> int:
    """Cores that the system lets this process run on, which is what libraries count; 1 at least."""
    with suppress(AttributeError, OSError):  # macOS has no affinity; a sandbox may forbid to ask for it
        return len(os.sched_getaffinity(0))
    return max(1, os.sysconf("SC_NPROCESSORS_ONLN"))  # os.cpu_count says what Python was told, if it was


def _told() -> int | None:
    """Cores that this Python was told to use."""
    if hasattr(os, "process_cpu_count"):
        counted: int | None = os.process_cpu_count()
        return counted
    told = os.environ.get("PYTHON_CPU_COUNT", "")
    return int(told) if told.isdecimal() else None


def _quotas(proc: Path) -> Iterator[float]:
    """Each limit, in cores, of the process's cgroup and of those around it (Linux: cgroups(7), both versions)."""
    try:
        groups = _groups(_text(proc / "cgroup"))
        mounts = _text(proc / "mountinfo")
    except OSError:
        return
    for line in mounts.splitlines():
        if mount := _MOUNT.match(line):
            root, top, version, options = mount.groups()
            group = groups.get("" if version else "cpu")
            if group is not None and (version or "cpu" in options.split(",")):
                folder = Path(_unescaped(top)) / _below(group, _unescaped(root))
                while folder.is_relative_to(_unescaped(top)):
                    yield from _limit(folder)
                    folder = folder.parent


def _groups(text: str) -> dict[str, str]:
    """The path of the process's cgroup for each controller of version 1, and under "" that of version 2."""
    found: dict[str, str] = {}
    for line in text.splitlines():
        _, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        found |= dict.fromkeys(controllers.split(","), path)
    return found


def _below(group: str, root: str) -> str:
    """A cgroup's path from where its hierarchy is mounted; that place itself where it lies elsewhere.

    A container's own cgroup is mounted there, while its path may be told as the machine sees it.
    """
    path, around = Path(group), Path(root)
    inside = path.is_relative_to(around) and ".." not in path.parts
    return os.fspath(path.relative_to(around)) if inside else ""


def _limit(folder: Path) -> Iterator[float]:
    """How many cores one cgroup may keep busy, where it has a limit: microseconds in each period of so many."""
    with suppress(OSError, ValueError):
        quota, period = _text(folder / "cpu.max").split()
        yield from _cores(quota, period)
    with suppress(OSError):
        yield from _cores(_text(folder / "cpu.cfs_quota_us").strip(), _text(folder / "cpu.cfs_period_us").strip())


def _cores(quota: str, period: str) -> Iterator[float]:
    # "max" and -1 are no limit
    if quota.isdecimal() and period.isdecimal() and int(quota) and int(period):
        yield int(quota) / int(period)


def _unescaped(path: str) -> str:
    return re.sub(r"\\([0-7]{3})", lambda code: chr(int(code[1], 8)), path)


def _text(path: Path) -> str:
    return os.fsdecode(path.read_bytes())
