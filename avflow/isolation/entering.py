"""Give up all rights that media work does not need. A media process does this before it loads a decoder."""

from __future__ import annotations

import resource
from collections.abc import Callable
from contextlib import suppress

from avflow.isolation import landlock, linux, seccomp, syscalls
from avflow.isolation.policy import CPU, FILE_SIZE, MEMORY, PROCESSES, Isolation, Limits, Policy

#: open files of one process
_OPEN_FILES = 256


def enter(policy: Policy) -> Isolation:
    """Restrict this process and all that it starts to `policy`, as far as the system can. There is no way back.

    Call it while the process has one thread: Landlock restricts only the thread that calls, and those that it starts.

    Returns
    -------
    Isolation
        The parts that are in force.
    """
    limits = _limit(policy.limits)
    no_new_privs = _done(linux.no_new_privileges)
    with suppress(OSError):
        linux.drop_capabilities()
    found = _restrict_files(policy) if "landlock" not in policy.without else 0
    calls = syscalls.of_machine() if linux.ON_LINUX and "seccomp" not in policy.without else None
    filtered = calls is not None and _done(
        lambda: seccomp.install(
            calls,
            spared=(policy.parent, *policy.others),
            programs=bool(policy.execute),
            local_sockets=policy.local_sockets,
        )
    )
    return Isolation(True, no_new_privs, filtered, found, limits)


def _done(act: Callable[[], None]) -> bool:
    try:
        act()
    except OSError:
        return False
    return True


def _restrict_files(policy: Policy) -> int:
    try:
        return landlock.restrict(
            [
                (landlock.READ, policy.read),
                (landlock.WRITE, policy.write),
                (landlock.EXECUTE, policy.execute),
                (landlock.DEVICE, policy.devices),
            ]
        )
    except OSError:
        return 0


def _limit(limits: Limits) -> tuple[str, ...]:
    """Set the limits that this system has (setrlimit(2)). Returns the names of those in force."""
    wanted = {
        MEMORY: ("RLIMIT_AS", limits.memory),
        FILE_SIZE: ("RLIMIT_FSIZE", limits.file_size),
        PROCESSES: ("RLIMIT_NPROC", limits.processes),
        CPU: ("RLIMIT_CPU", limits.cpu),
        "open files": ("RLIMIT_NOFILE", _OPEN_FILES),
        "core dumps": ("RLIMIT_CORE", 0),
    }
    done = [name for name, (limit, most) in wanted.items() if most is not None and _lowered(limit, most)]
    return tuple(name for name in done if name in (MEMORY, FILE_SIZE, PROCESSES, CPU))


def _lowered(name: str, most: int) -> bool:
    try:
        number = getattr(resource, name)
        hard = resource.getrlimit(number)[1]
        value = most if hard == resource.RLIM_INFINITY else min(most, hard)
        # beyond the soft limit of processor time comes SIGXCPU, which tells why; beyond the hard one SIGKILL
        resource.setrlimit(number, (value, value + 5 if name == "RLIMIT_CPU" and value == most else value))
    except (AttributeError, OSError, ValueError):
        return False
    return True
