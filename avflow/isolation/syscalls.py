"""Numbers of system calls: what a media process must not ask of the kernel.

Source: the kernel's `arch/x86/entry/syscalls/syscall_64.tbl` and `include/uapi/asm-generic/unistd.h` (for arm64). A
test compares the tables with libseccomp.
"""

from __future__ import annotations

import platform
from collections.abc import Mapping
from dataclasses import dataclass

#: for both: x86-64, arm64; None where an architecture has no such call
_Numbers = Mapping[str, tuple[int | None, int | None]]

#: network, and sockets of every kind
_SOCKETS: _Numbers = {
    "socket": (41, 198),
    "socketpair": (53, 199),
    "connect": (42, 203),
    "bind": (49, 200),
    "listen": (50, 201),
    "accept": (43, 202),
    "accept4": (288, 242),
    "sendto": (44, 206),
    "sendmsg": (46, 211),
    "sendmmsg": (307, 269),
    "recvfrom": (45, 207),
    "recvmsg": (47, 212),
    "recvmmsg": (299, 243),
}
#: memory, files and signals of other processes
_OTHER_PROCESSES: _Numbers = {
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "process_madvise": (440, 440),
    "process_mrelease": (448, 448),
    "pidfd_open": (434, 434),
    "pidfd_getfd": (438, 438),
    "pidfd_send_signal": (424, 424),
    "kcmp": (312, 272),
    "rt_sigqueueinfo": (129, 138),
    "rt_tgsigqueueinfo": (297, 240),
    "tkill": (200, 130),
    "migrate_pages": (256, 238),
    "move_pages": (279, 239),
    "setpriority": (141, 140),
    "ioprio_set": (251, 30),
    "inotify_init": (253, None),  # tells the names of files in folders that Landlock closes
    "inotify_init1": (294, 26),
    "inotify_add_watch": (254, 27),
    "setsid": (112, 157),  # the parent kills the process group
    "setpgid": (109, 154),
    "shmget": (29, 194),
    "shmat": (30, 196),
    "shmctl": (31, 195),
    "msgget": (68, 186),
    "msgsnd": (69, 189),
    "msgrcv": (70, 188),
    "msgctl": (71, 187),
    "semget": (64, 190),
    "semop": (65, 193),
    "semctl": (66, 191),
    "semtimedop": (220, 192),
    "mq_open": (240, 180),
    "mq_unlink": (241, 181),
    "mq_notify": (244, 184),
    "mq_timedsend": (242, 182),
    "mq_timedreceive": (243, 183),
}
#: parts of the kernel that holes are found in, and that need no privilege
_ATTACK_SURFACE: _Numbers = {
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "userfaultfd": (323, 282),
    "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "io_setup": (206, 0),
    "io_submit": (209, 2),
    "keyctl": (250, 219),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "vmsplice": (278, 75),
    "personality": (135, 92),
    "modify_ldt": (154, None),
    "seccomp": (317, 277),
    "fanotify_init": (300, 262),
    "fanotify_mark": (301, 263),
    "lookup_dcookie": (212, 18),
    "syslog": (103, 116),
    "quotactl": (179, 60),
    "quotactl_fd": (443, 443),
}
#: what needs privileges, which a process of root may have
_PRIVILEGED: _Numbers = {
    "mount": (165, 40),
    "umount2": (166, 39),
    "pivot_root": (155, 41),
    "chroot": (161, 51),
    "fsopen": (430, 430),
    "fsconfig": (431, 431),
    "fsmount": (432, 432),
    "fspick": (433, 433),
    "open_tree": (428, 428),
    "move_mount": (429, 429),
    "mount_setattr": (442, 442),
    "swapon": (167, 224),
    "swapoff": (168, 225),
    "acct": (163, 89),
    "unshare": (272, 97),
    "setns": (308, 268),
    "reboot": (169, 142),
    "kexec_load": (246, 104),
    "kexec_file_load": (320, 294),
    "init_module": (175, 105),
    "finit_module": (313, 273),
    "delete_module": (176, 106),
    "sethostname": (170, 161),
    "setdomainname": (171, 162),
    "settimeofday": (164, 170),
    "clock_settime": (227, 112),
    "clock_adjtime": (305, 266),
    "adjtimex": (159, 171),
    "iopl": (172, None),
    "ioperm": (173, None),
    "name_to_handle_at": (303, 264),
    "open_by_handle_at": (304, 265),
    "setuid": (105, 146),
    "setgid": (106, 144),
    "setreuid": (113, 145),
    "setregid": (114, 143),
    "setresuid": (117, 147),
    "setresgid": (119, 149),
    "setfsuid": (122, 151),
    "setfsgid": (123, 152),
    "setgroups": (116, 159),
    "capset": (126, 91),
}
#: changes of files that Landlock does not cover, links, and programs that are no file
_FILES: _Numbers = {
    "chmod": (90, None),
    "fchmod": (91, 52),
    "fchmodat": (268, 53),
    "fchmodat2": (452, 452),
    "chown": (92, None),
    "fchown": (93, 55),
    "lchown": (94, None),
    "fchownat": (260, 54),
    "utime": (132, None),
    "utimes": (235, None),
    "utimensat": (280, 88),
    "futimesat": (261, None),
    "setxattr": (188, 5),
    "lsetxattr": (189, 6),
    "fsetxattr": (190, 7),
    "removexattr": (197, 14),
    "lremovexattr": (198, 15),
    "fremovexattr": (199, 16),
    "link": (86, None),
    "linkat": (265, 37),
    "symlink": (88, None),
    "symlinkat": (266, 36),
    "mknod": (133, None),
    "mknodat": (259, 33),
    "memfd_create": (319, 279),
    "memfd_secret": (447, 447),
    "execveat": (322, 281),
}
#: calls that `avflow.isolation.seccomp` decides on by their arguments
_BY_ARGUMENT: _Numbers = {
    "clone": (56, 220),
    "clone3": (435, 435),
    "kill": (62, 129),
    "tgkill": (234, 131),
    "prlimit64": (302, 261),
    "ioctl": (16, 29),
    "fcntl": (72, 25),
}
_PROGRAMS: _Numbers = {"execve": (59, 221), "fork": (57, None), "vfork": (58, None)}

_DENIED = {**_SOCKETS, **_OTHER_PROCESSES, **_ATTACK_SURFACE, **_PRIVILEGED, **_FILES}
#: AUDIT_ARCH of linux/audit.h
_ARCHITECTURES = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}
#: the highest number that the tables were made from (`mseal`): a newer call does not exist for a media process
HIGHEST = 462


@dataclass(frozen=True)
class Syscalls:
    """The system calls of one architecture."""

    #: AUDIT_ARCH, which the kernel shows to a filter
    architecture: int
    #: numbers by name of what no media process may call
    denied: Mapping[str, int]
    by_argument: Mapping[str, int]
    #: starting a program or another process
    programs: Mapping[str, int]


def of_machine(machine: str = platform.machine()) -> Syscalls | None:
    """The calls of a processor architecture, named as by `uname -m`; None of one that has no table here."""
    if machine not in _ARCHITECTURES:
        return None
    column, audit = _ARCHITECTURES[machine]

    def numbers(table: _Numbers) -> dict[str, int]:
        return {name: number for name, both in table.items() if (number := both[column]) is not None}

    return Syscalls(audit, numbers(_DENIED), numbers(_BY_ARGUMENT), numbers(_PROGRAMS))
