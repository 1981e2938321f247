"""The filter of system calls (seccomp(2), Linux): no network, no other process, no program but by `programs`.

A refused call fails with EPERM, so that a library which only tries it goes on. Only a call by the numbers of another
architecture ends the process, because the tables don't apply to it.
"""

from __future__ import annotations

import ctypes
import errno
import socket
from collections.abc import Iterator, Sequence

from avflow.isolation import linux
from avflow.isolation.syscalls import HIGHEST, Syscalls

#: seccomp(2)
_SET_MODE_FILTER, _FLAG_TSYNC = 1, 1
_ALLOW, _ERRNO, _KILL_PROCESS = 0x7FFF0000, 0x00050000, 0x80000000
_REFUSE, _UNKNOWN = _ERRNO | errno.EPERM, _ERRNO | errno.ENOSYS
#: classic BPF: load a word, compare, return (linux/filter.h)
_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
#: offsets in struct seccomp_data; arguments have 64 bits, of which the lower come first
_NR, _ARCH, _ARGUMENTS = 0, 4, 16
_X32 = 0x40000000
_NEGATIVE = 0x80000000
_CLONE_THREAD = 0x00010000
#: CLONE_NEW* of sched.h: namespaces
_NAMESPACES = 0x7E020000 | 0x00000080
#: ioctls that type into a terminal
_TIOCSTI, _TIOCLINUX = 0x5412, 0x541C
#: fcntls that send signals to another process
_F_SETOWN, _F_SETSIG, _F_SETOWN_EX = 8, 10, 15

_Instruction = tuple[int, int, int, int]


def install(calls: Syscalls, *, spared: Sequence[int], programs: bool, local_sockets: bool = False) -> None:
    """Filter the system calls of all threads of this process, and of what it starts, for ever.

    Parameters
    ----------
    spared:
        Processes that get no signal.
    programs:
        Whether to allow fork and execve. Which programs, only Landlock can say.
    local_sockets:
        Whether to allow sockets of AF_UNIX that listen. None connects, accepts, sends or receives. `cuInit` makes one
        with an abstract name, and fails with CUDA_ERROR_OPERATING_SYSTEM without (seen with driver 580).

    Raises
    ------
    OSError
        The kernel, or the filter of a container, does not allow it.
    """
    code = [*_filter(calls, spared, programs, local_sockets)]
    words = b"".join(_packed(each) for each in code)
    instructions = ctypes.create_string_buffer(words, len(words))
    program = _Program(len(code), ctypes.cast(instructions, ctypes.c_void_p))
    linux.syscall(calls.denied["seccomp"], _SET_MODE_FILTER, _FLAG_TSYNC, ctypes.byref(program))


class _Program(ctypes.Structure):
    """struct sock_fprog."""

    _fields_ = (("len", ctypes.c_ushort), ("filter", ctypes.c_void_p))


def _packed(instruction: _Instruction) -> bytes:
    """struct sock_filter."""
    code, true, false, value = instruction
    return code.to_bytes(2, "little") + bytes((true, false)) + value.to_bytes(4, "little")


def _filter(calls: Syscalls, spared: Sequence[int], programs: bool, local_sockets: bool) -> Iterator[_Instruction]:
    yield _LOAD, 0, 0, _ARCH
    yield _EQUAL, 1, 0, calls.architecture
    yield _RETURN, 0, 0, _KILL_PROCESS
    yield _LOAD, 0, 0, _NR
    yield _AT_LEAST, 0, 1, _X32
    yield _RETURN, 0, 0, _KILL_PROCESS
    yield _AT_LEAST, 0, 1, HIGHEST + 1
    yield _RETURN, 0, 0, _UNKNOWN
    denied = dict(calls.denied) if programs else {**calls.denied, **calls.programs}
    if local_sockets:
        yield from _if_call(denied.pop("socket"), tuple(_only_local()))
        del denied["bind"], denied["listen"]
    for number in denied.values():
        yield from _if_call(number, ((_RETURN, 0, 0, _REFUSE),))
    for name, number in calls.by_argument.items():
        yield from _if_call(number, tuple(_by_argument(name, spared, programs)))
    yield _RETURN, 0, 0, _ALLOW


def _if_call(number: int, then: tuple[_Instruction, ...]) -> Iterator[_Instruction]:
    yield _EQUAL, 0, len(then), number
    yield from then


def _by_argument(name: str, spared: Sequence[int], programs: bool) -> Iterator[_Instruction]:
    """What decides on a call. It always returns."""
    match name:
        case "clone3":  # its flags are in memory, where no filter looks: libraries then take clone
            yield _RETURN, 0, 0, _UNKNOWN
            return
        case "clone":
            yield _load(0)
            yield from _refuse_if(_ANY_BIT, _NAMESPACES)
            if not programs:
                yield _ANY_BIT, 1, 0, _CLONE_THREAD
                yield _RETURN, 0, 0, _REFUSE
        case "kill":  # no group, not all, not the parent
            yield _load(0)
            yield from _refuse_if(_EQUAL, 0)
            yield from _refuse_if(_AT_LEAST, _NEGATIVE)
            for process in spared:
                yield from _refuse_if(_EQUAL, process)
        case "tgkill":
            yield _load(0)
            for process in spared:
                yield from _refuse_if(_EQUAL, process)
        case "prlimit64":  # 0 is the process itself
            yield _load(0)
            yield _EQUAL, 1, 0, 0
            yield _RETURN, 0, 0, _REFUSE
        case "ioctl":
            yield _load(1)
            yield from _refuse_if(_EQUAL, _TIOCSTI)
            yield from _refuse_if(_EQUAL, _TIOCLINUX)
        case "fcntl":
            yield _load(1)
            for command in (_F_SETOWN, _F_SETSIG, _F_SETOWN_EX):
                yield from _refuse_if(_EQUAL, command)
    yield _RETURN, 0, 0, _ALLOW


def _only_local() -> Iterator[_Instruction]:
    """What decides on `socket` by its family."""
    yield _load(0)
    yield _EQUAL, 1, 0, socket.AF_UNIX
    yield _RETURN, 0, 0, _REFUSE
    yield _RETURN, 0, 0, _ALLOW


def _load(argument: int) -> _Instruction:
    return _LOAD, 0, 0, _ARGUMENTS + 8 * argument


def _refuse_if(comparison: int, value: int) -> Iterator[_Instruction]:
    yield comparison, 0, 1, value
    yield _RETURN, 0, 0, _REFUSE
