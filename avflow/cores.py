"""How many processor cores this process may keep busy.

A container often sees all cores of its machine, but its cgroup quota grants it the time of only a few. More threads
than that wait for each other, and each takes memory. Libraries count the visible cores. If `usable_cores` is lower,
the caller has to set the number of threads.
"""

from __future__ import annotations

import math
import os
import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

#: Cores that work on one video stream. More cores gain little, and a decoder holds one frame per core: FFmpeg converts
#: 8K in 2.9 GB with 8 cores, and in 4.1 GB with 16, its own choice.
MOST_CODEC_THREADS = 8
_PROC = Path("/proc/self")
#: a line of mountinfo that mounts a cgroup hierarchy: root, mount point, version ("" or "2"), options of the hierarchy
_MOUNT = re.compile(r"(?:\S+ ){3}(\S+) (\S+) .*? - cgroup(2?) \S+ (\S+)")


def usable_cores(proc: Path = _PROC) -> int:
    """The number of cores this process should use; at least 1.

    It is the lowest of three limits: the affinity mask, the cgroup quotas, and the count that the user set. A quota of
    1.5 cores counts as 2, as in Java and Go: the kernel throttles the second thread, but no time is left unused. The
    user sets the count with PYTHON_CPU_COUNT or `-X cpu_count`. Python reads both from 3.13 on; this function reads
    the variable on older versions too.

    Parameters
    ----------
    proc:
        The folder that describes this process (Linux: proc(5)). It need not exist.
    """
    visible = visible_cores()
    return max(1, min(visible, user_set_count() or visible, math.ceil(min(quotas(proc), default=visible))))


def codec_threads() -> int:
    """Threads for a decoder or encoder: cores + 1, FFmpeg's own rule, for at most `MOST_CODEC_THREADS` cores."""
    cores = min(usable_cores(), MOST_CODEC_THREADS)
    return cores + 1 if cores > 1 else 1


def visible_cores() -> int:
    """The number of cores in the affinity mask, which is what libraries count; at least 1."""
    with suppress(AttributeError, OSError):  # macOS has no affinity; a sandbox may forbid the call
        return len(os.sched_getaffinity(0))
    return max(1, os.sysconf("SC_NPROCESSORS_ONLN"))  # os.cpu_count would return the count that the user set


def user_set_count() -> int | None:
    """The number of cores that the user told Python to use; None if not set."""
    if hasattr(os, "process_cpu_count"):
        counted: int | None = os.process_cpu_count()
        return counted
    text = os.environ.get("PYTHON_CPU_COUNT", "")
    return int(text) if text.isdecimal() else None


def quotas(proc: Path) -> Iterator[float]:
    """Each limit, in cores, of the process's cgroup and of its parents (Linux: cgroups(7), versions 1 and 2)."""
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
                folder = Path(_unescaped(top)) / _relative_path(group, _unescaped(root))
                while folder.is_relative_to(_unescaped(top)):
                    yield from _limit(folder)
                    folder = folder.parent


def _groups(text: str) -> dict[str, str]:
    """The path of the process's cgroup: by controller for version 1, under "" for version 2."""
    found: dict[str, str] = {}
    for line in text.splitlines():
        _, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        found |= dict.fromkeys(controllers.split(","), path)
    return found


def _relative_path(group: str, root: str) -> str:
    """A cgroup's path relative to the root of its mounted hierarchy; "" if it lies outside that root.

    A container's own cgroup is the mount point, although its path may be the one on the host.
    """
    path, around = Path(group), Path(root)
    inside = path.is_relative_to(around) and ".." not in path.parts
    return os.fspath(path.relative_to(around)) if inside else ""


def _limit(folder: Path) -> Iterator[float]:
    """The number of cores that one cgroup may keep busy, if it has a limit: quota / period, both in microseconds."""
    with suppress(OSError, ValueError):
        quota, period = _text(folder / "cpu.max").split()
        yield from _cores(quota, period)
    with suppress(OSError):
        yield from _cores(_text(folder / "cpu.cfs_quota_us").strip(), _text(folder / "cpu.cfs_period_us").strip())


def _cores(quota: str, period: str) -> Iterator[float]:
    # "max" (version 2) and -1 (version 1) mean no limit
    if quota.isdecimal() and period.isdecimal() and int(quota) and int(period):
        yield int(quota) / int(period)


def _unescaped(path: str) -> str:
    return re.sub(r"\\([0-7]{3})", lambda code: chr(int(code[1], 8)), path)


def _text(path: Path) -> str:
    return os.fsdecode(path.read_bytes())
