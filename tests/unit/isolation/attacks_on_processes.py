"""Attacks on other processes, and on the kernel."""

from __future__ import annotations

import ctypes
import os
import signal

from tests.unit.isolation.registry import Facts, attack, syscall

#: x86-64
PTRACE, PROCESS_VM_READV, PIDFD_OPEN, PIDFD_GETFD, KEYCTL, BPF, IO_URING_SETUP, PERF, USERFAULTFD, UNSHARE, SHMGET = (
    *(101, 310, 434, 438),
    *(250, 321, 425, 298, 323, 272, 29),
)


# ---------------------------------------------------------------- other processes
@attack
def trace_the_parent(facts: Facts) -> object:
    syscall(PTRACE, 0x4206, ctypes.c_ulong(int(facts["parent"])), None, None)  # PTRACE_SEIZE
    syscall(PTRACE, 17, ctypes.c_ulong(int(facts["parent"])), None, None)
    return "traced"


@attack
def read_memory_of_the_parent(facts: Facts) -> object:
    buffer = ctypes.create_string_buffer(8)
    local = (ctypes.c_size_t * 2)(ctypes.addressof(buffer), 8)
    remote = (ctypes.c_size_t * 2)(int(facts["address"]), 8)
    syscall(PROCESS_VM_READV, ctypes.c_ulong(int(facts["parent"])), local, 1, remote, 1, 0)
    return buffer.raw


@attack
def take_a_file_of_the_parent(facts: Facts) -> object:
    process = syscall(PIDFD_OPEN, ctypes.c_ulong(int(facts["parent"])), 0)
    return syscall(PIDFD_GETFD, process, 0, 0)


@attack
def signal_the_parent(facts: Facts) -> object:
    os.kill(int(facts["parent"]), 0)
    return "may signal"


@attack
def signal_a_neighbour(facts: Facts) -> object:
    os.kill(int(facts["neighbour"]), 0)
    return "may signal"


@attack
def signal_by_descriptor(facts: Facts) -> object:
    signal.pidfd_send_signal(os.pidfd_open(int(facts["parent"])), 0)
    return "may signal"


@attack
def signal_all(facts: Facts) -> object:
    os.kill(-1, 0)
    return "may signal"


@attack
def leave_the_process_group(facts: Facts) -> object:
    os.setpgid(0, int(facts["parent_group"]))
    return os.getpgid(0)


@attack
def change_limits_of_the_parent(facts: Facts) -> object:
    import resource

    return resource.prlimit(int(facts["parent"]), resource.RLIMIT_NOFILE)


@attack
def shared_memory(facts: Facts) -> object:
    return f"segment {syscall(SHMGET, 0x7A7A, 4096, 0o1666)}"


# ---------------------------------------------------------------- the kernel
@attack
def namespaces(facts: Facts) -> object:
    return f"unshared {syscall(UNSHARE, 0x10000000)}"  # CLONE_NEWUSER


@attack
def keyring(facts: Facts) -> object:
    return f"key {syscall(KEYCTL, 0, ctypes.c_long(-3), 1)}"


@attack
def ring_of_requests(facts: Facts) -> object:
    return f"ring {syscall(IO_URING_SETUP, 1, ctypes.create_string_buffer(120))}"


@attack
def kernel_programs(facts: Facts) -> object:
    array = (ctypes.c_uint32 * 18)(2, 4, 8, 1)  # BPF_MAP_CREATE: type, sizes of key and value, entries
    return f"map {syscall(BPF, 0, array, ctypes.sizeof(array))}"


@attack
def page_faults(facts: Facts) -> object:
    return f"descriptor {syscall(USERFAULTFD, 1)}"
