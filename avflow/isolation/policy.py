"""What a media process may do (`Policy`), and which parts of that the system enforces (`Isolation`)."""

from __future__ import annotations

from dataclasses import dataclass, field

from avflow.media.contract import Contract

#: names of the limits, as docs/architecture.md lists them
MEMORY, FILE_SIZE, PROCESSES, CPU = "memory", "file size", "processes", "cpu"


@dataclass(frozen=True)
class Isolation(Contract):
    """The isolation that was in force while a step worked on media."""

    #: a process of its own, without credentials and environment
    process: bool
    no_new_privs: bool
    #: the filter of system calls: no network, no other process
    seccomp: bool
    #: version of the kernel's Landlock, which limits the files; 0 without
    landlock: int
    #: what is limited: memory, file size, processes, cpu
    limits: tuple[str, ...] = ()

    @property
    def missing(self) -> tuple[str, ...]:
        """The parts that the system lacks."""
        parts = {"no_new_privs": self.no_new_privs, "seccomp": self.seccomp, "landlock": self.landlock > 0}
        return tuple(name for name, there in parts.items() if not there)


@dataclass(frozen=True)
class Limits(Contract):
    """Upper limits of each process; None for none."""

    #: bytes of address space
    memory: int | None = None
    #: bytes of one file
    file_size: int | None = None
    #: threads of the user on the whole machine
    processes: int | None = None
    #: seconds of processor time
    cpu: int | None = None


@dataclass(frozen=True)
class Policy(Contract):
    """What a media process may do. Paths are absolute; those that don't exist are left out."""

    read: tuple[str, ...]
    write: tuple[str, ...]
    #: programs and their loader; empty: the process starts none, and no other process
    execute: tuple[str, ...]
    #: device files, for ioctl too
    devices: tuple[str, ...]
    #: the process that has started this one, which must get no signal
    parent: int
    limits: Limits
    #: whether CUDA needs a local socket, which it never connects
    local_sockets: bool = False
    #: parts to leave out, for tests of what each part stops
    without: tuple[str, ...] = field(default=())
    #: more processes that must get no signal
    others: tuple[int, ...] = field(default=())
