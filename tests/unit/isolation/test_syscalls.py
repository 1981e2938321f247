"""The numbers of system calls are libseccomp's, where that is installed."""

from __future__ import annotations

import ctypes
from ctypes.util import find_library

import pytest

from avflow.isolation import syscalls

ARCHITECTURES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}


@pytest.mark.parametrize("machine", ARCHITECTURES)
def test_the_numbers_are_libseccomps(machine):
    name = find_library("seccomp")
    if name is None:
        pytest.skip("libseccomp is not installed")
    resolve = ctypes.CDLL(name).seccomp_syscall_resolve_name_arch
    calls = syscalls.of_machine(machine)
    assert calls.architecture == ARCHITECTURES[machine]
    numbers = {**calls.denied, **calls.by_argument, **calls.programs}
    assert len(numbers) > 120
    newer = {"fchmodat2"}  # than the library
    for call in numbers.keys() - newer:
        assert resolve(ctypes.c_uint32(calls.architecture), call.encode()) == numbers[call], call
    assert max(numbers.values()) <= syscalls.HIGHEST


def test_an_unknown_processor_has_no_filter():
    assert syscalls.of_machine("riscv64") is None
