"""What a process may open, run and connect to, as the kernel's Landlock enforces it (landlock(7), Linux 5.13 on).

Rights that an older kernel does not know stay open there; `seccomp` covers some of them.
"""

from __future__ import annotations

import ctypes
import os
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from avflow.isolation import linux

#: the same numbers on all architectures
_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_GET_VERSION = 1
_PATH_BENEATH = 1
#: LANDLOCK_ACCESS_FS_* of linux/landlock.h
_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR, _REMOVE_DIR, _REMOVE_FILE = (1 << bit for bit in range(6))
_MAKE_DIR, _MAKE_REG, _REFER, _TRUNCATE, _IOCTL = 1 << 7, 1 << 8, 1 << 13, 1 << 14, 1 << 15
#: how many rights of files each version of Landlock knows
_RIGHTS = {1: 13, 2: 14, 3: 15, 4: 15, 5: 16}
#: LANDLOCK_ACCESS_NET_*: bind and connect with TCP (from version 4)
_TCP = 0b11
#: LANDLOCK_SCOPE_*: abstract sockets and signals to processes outside (from version 6)
_SCOPES = 0b11
_OF_FILES = _EXECUTE | _WRITE_FILE | _READ_FILE | _TRUNCATE | _IOCTL

READ = _READ_FILE | _READ_DIR
#: everything but links, sockets, pipes and devices
WRITE = READ | _WRITE_FILE | _REMOVE_DIR | _REMOVE_FILE | _MAKE_DIR | _MAKE_REG | _REFER | _TRUNCATE
EXECUTE = _EXECUTE | _READ_FILE
#: for the files of a device such as a GPU
DEVICE = READ | _WRITE_FILE | _IOCTL


def version() -> int:
    """Landlock's version in this kernel; 0 without Landlock, or where a container forbids it."""
    try:
        return linux.syscall(_CREATE_RULESET, 0, 0, _GET_VERSION)
    except OSError:
        return 0


def restrict(rules: Iterable[tuple[int, Iterable[str]]]) -> int:
    """Allow this thread, and the threads and processes that it starts, nothing but `rules`. Returns the version.

    Parameters
    ----------
    rules:
        Rights, and the files and folders that have them. A path that does not exist is left out.

    Raises
    ------
    OSError
    """
    known = version()
    if not known:
        return 0
    handled = (1 << _RIGHTS.get(known, 16)) - 1
    fields = [handled, *([_TCP] if known >= 4 else []), *([_SCOPES] if known >= 6 else [])]
    attributes = (ctypes.c_uint64 * len(fields))(*fields)
    ruleset = linux.syscall(_CREATE_RULESET, ctypes.byref(attributes), ctypes.sizeof(attributes), 0)
    try:
        for rights, paths in rules:
            for path in paths:
                _add(ruleset, path, rights & handled)
        linux.syscall(_RESTRICT_SELF, ruleset, 0)
    finally:
        os.close(ruleset)
    return known


def _add(ruleset: int, path: str, rights: int) -> None:
    with suppress(FileNotFoundError, NotADirectoryError, PermissionError), _opened(Path(path)) as beneath:
        if not stat.S_ISDIR(os.fstat(beneath).st_mode):
            rights &= _OF_FILES
        linux.syscall(_ADD_RULE, ruleset, _PATH_BENEATH, ctypes.byref(_PathBeneath(rights, beneath)), 0)


class _PathBeneath(ctypes.Structure):
    """struct landlock_path_beneath_attr."""

    _pack_ = 1
    _fields_ = (("allowed_access", ctypes.c_uint64), ("parent_fd", ctypes.c_int32))


@contextmanager
def _opened(path: Path) -> Iterator[int]:
    descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        yield descriptor
    finally:
        os.close(descriptor)
