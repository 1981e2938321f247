"""The attacks by their names, and what they share."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable

#: what an attacker can know or guess
Facts = dict[str, str]
ATTACKS: dict[str, Callable[[Facts], object]] = {}


def attack(act: Callable[[Facts], object]) -> Callable[[Facts], object]:
    """Add an attack. It returns what it got; one that the system stops raises OSError or returns nothing."""
    ATTACKS[act.__name__] = act
    return act


def syscall(number: int, *arguments: object) -> int:
    """Make a system call that Python has no function for."""
    libc = ctypes.CDLL(None, use_errno=True)
    result = int(libc.syscall(ctypes.c_long(number), *arguments))
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result
