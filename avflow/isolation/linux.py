"""Calls of Linux that Python has no function for, by ctypes. On another system each of them raises OSError."""

from __future__ import annotations

import ctypes
import errno
import os
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

ON_LINUX = sys.platform == "linux"
#: linux/prctl.h
_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE, _PR_SET_NO_NEW_PRIVS = 1, 4, 38
#: linux/capability.h: version 3 of the structures; the two capabilities by which root reads files of other users
_CAPABILITY_VERSION = 0x20080522
_KEPT_CAPABILITIES = 1 << 1 | 1 << 2  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH

_libc = ctypes.CDLL(None, use_errno=True) if ON_LINUX else None


def syscall(number: int, *arguments: object) -> int:
    """Make a system call. Pointers are ctypes objects, numbers are ints.

    Raises
    ------
    OSError
    """
    return _called("syscall", ctypes.c_long(number), *(_argument(each) for each in arguments))


def _argument(value: object) -> object:
    return ctypes.c_ulong(value) if isinstance(value, int) else value


def _called(name: str, *arguments: object) -> int:
    if _libc is None:
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))
    result: int = getattr(_libc, name)(*arguments)
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result


def _prctl(option: int, value: int) -> None:
    zero = ctypes.c_ulong(0)
    _called("prctl", ctypes.c_int(option), ctypes.c_ulong(value), zero, zero, zero)


def no_new_privileges() -> None:
    """No program that this process starts gets more rights than it has, by set-user-ID or capabilities (prctl(2))."""
    _prctl(_PR_SET_NO_NEW_PRIVS, 1)


def hide_memory() -> None:
    """No process of the same user may read this process's memory and environment, in /proc or by ptrace (prctl(2)).

    Root with the capability CAP_SYS_PTRACE still may. The setting ends with an exec.
    """
    _prctl(_PR_SET_DUMPABLE, 0)


def die_with_parent() -> None:
    """Be killed when the thread that started this process ends (prctl(2), PR_SET_PDEATHSIG). It survives an exec."""
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


#: for `subprocess.Popen(preexec_fn=…)`: one prctl that allocates nothing, or None on other systems
WITH_PARENT: Callable[[], None] | None = die_with_parent if ON_LINUX else None


def drop_capabilities() -> None:
    """Give up what root may do beyond reading files (capabilities(7)). A process without capabilities keeps none.

    Raises
    ------
    OSError
    """
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION, 0)
    data = (ctypes.c_uint32 * 6)()  # effective, permitted, inheritable of the lower 32 capabilities, then of the upper
    _called("capget", ctypes.byref(header), ctypes.byref(data))
    kept = (data[0] & _KEPT_CAPABILITIES, data[1] & _KEPT_CAPABILITIES, 0, 0, 0, 0)
    _called("capset", ctypes.byref(header), ctypes.byref((ctypes.c_uint32 * 6)(*kept)))


def threads_of_user() -> int | None:
    """How many threads this process's user has on the machine, all of which RLIMIT_NPROC counts. None if unknown."""
    user, count = os.getuid(), 0
    try:
        processes = [entry for entry in os.scandir("/proc") if entry.name.isdecimal()]
    except OSError:
        return None
    for process in processes:
        with suppress(OSError):  # it has ended
            if process.stat().st_uid == user:
                count += Path(process.path, "task").stat().st_nlink - 2  # a folder for each thread
    return count
