"""A stand-in for a decoder that an upload has taken over: Python code in the media process.

Each attack returns what it got. An attack that the system stops raises OSError or returns nothing.
"""

from __future__ import annotations

import ctypes
import os
import signal
import socket
import stat
import subprocess
from collections.abc import Callable
from pathlib import Path

from tests.unit.isolation.requests import Attack, Done, Found, Run

Facts = dict[str, str]
ATTACKS: dict[str, Callable[[Facts], object]] = {}
#: x86-64
PTRACE, PROCESS_VM_READV, PIDFD_OPEN, PIDFD_GETFD, KEYCTL, BPF, IO_URING_SETUP, PERF, USERFAULTFD, UNSHARE, SHMGET = (
    *(101, 310, 434, 438),
    *(250, 321, 425, 298, 323, 272, 29),
)
RUN_SH = ["/bin/sh", "-c", "echo started"]


def attack(act: Callable[[Facts], object]) -> Callable[[Facts], object]:
    ATTACKS[act.__name__] = act
    return act


def syscall(number: int, *arguments: object) -> int:
    libc = ctypes.CDLL(None, use_errno=True)
    result = int(libc.syscall(ctypes.c_long(number), *arguments))
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result


# ---------------------------------------------------------------- credentials
@attack
def environment(facts: Facts) -> object:
    return [name for name in os.environ if "AWS" in name or facts["secret"] in os.environ[name]]


@attack
def environment_of_the_parent(facts: Facts) -> object:
    return Path(f"/proc/{facts['parent']}/environ").read_bytes()


@attack
def memory_of_the_parent(facts: Facts) -> object:
    with Path(f"/proc/{facts['parent']}/mem").open("rb", buffering=0) as memory:
        memory.seek(int(facts["address"]))
        return memory.read(8)


@attack
def command_line_of_the_parent(facts: Facts) -> object:
    return Path(f"/proc/{facts['parent']}/cmdline").read_bytes()


@attack
def files_of_the_parent(facts: Facts) -> object:
    return [*Path(f"/proc/{facts['parent']}/fd").iterdir()]


@attack
def root_of_the_parent(facts: Facts) -> object:
    return Path(f"/proc/{facts['parent']}/root{facts['credentials']}").read_text()


@attack
def environment_of_init(facts: Facts) -> object:
    return Path("/proc/1/environ").read_bytes()


@attack
def credentials_file(facts: Facts) -> object:
    return Path(facts["credentials"]).read_text()


@attack
def another_uploads_folder(facts: Facts) -> object:
    return Path(facts["other"]).read_text()


@attack
def list_temporary_files(facts: Facts) -> object:
    return [*Path(facts["other"]).parents[2].iterdir()]


@attack
def password_file(facts: Facts) -> object:
    return Path("/etc/passwd").read_text()


# ---------------------------------------------------------------- network
def _sends(family: int, kind: int, address: object) -> str:
    with socket.socket(family, kind) as made:
        made.settimeout(1)
        made.connect(address)
        made.send(b"taken over")
    return "sent"


@attack
def tcp_4(facts: Facts) -> object:
    return _sends(socket.AF_INET, socket.SOCK_STREAM, ("127.0.0.1", int(facts["tcp_4"])))


@attack
def tcp_6(facts: Facts) -> object:
    return _sends(socket.AF_INET6, socket.SOCK_STREAM, ("::1", int(facts["tcp_6"])))


@attack
def udp_4(facts: Facts) -> object:
    return _sends(socket.AF_INET, socket.SOCK_DGRAM, ("127.0.0.1", int(facts["udp_4"])))


@attack
def udp_6(facts: Facts) -> object:
    return _sends(socket.AF_INET6, socket.SOCK_DGRAM, ("::1", int(facts["udp_6"])))


@attack
def abstract_socket(facts: Facts) -> object:
    return _sends(socket.AF_UNIX, socket.SOCK_STREAM, f"\0{facts['abstract']}")


@attack
def path_socket(facts: Facts) -> object:
    return _sends(socket.AF_UNIX, socket.SOCK_STREAM, facts["path_socket"])


def _may_ask(address: str) -> object:
    """Whether anything but the system's own network stops a request."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as made:
        made.settimeout(0.2)
        try:
            made.connect((address, 80))
        except PermissionError:
            raise
        except OSError as error:  # no such network here
            return str(error)
    return "connected"


@attack
def credentials_of_containers(facts: Facts) -> object:
    return _may_ask("169.254.170.2")


@attack
def credentials_of_instances(facts: Facts) -> object:
    return _may_ask("169.254.169.254")


@attack
def listen(facts: Facts) -> object:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as made:
        made.bind(("127.0.0.1", 0))
        made.listen()
    return "listens"


@attack
def raw_packets(facts: Facts) -> object:
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 3):
        return "sees all packets"


# ---------------------------------------------------------------- programs
def _ran(*command: str) -> object:
    return subprocess.run(command, capture_output=True, check=True, timeout=20).stdout


@attack
def shell(facts: Facts) -> object:
    return _ran(*RUN_SH)


@attack
def python(facts: Facts) -> object:
    return _ran(facts["python"], "-c", "print('started')")


@attack
def shell_by_the_loader(facts: Facts) -> object:
    return _ran(facts["loader"], *RUN_SH)


@attack
def program_in_memory(facts: Facts) -> object:
    made = os.memfd_create("program")
    os.write(made, Path(facts["program"]).read_bytes())
    return subprocess.run(
        [f"/proc/self/fd/{made}", "-version"], pass_fds=[made], capture_output=True, check=True, timeout=20
    ).stdout


@attack
def program_by_descriptor(facts: Facts) -> object:
    opened = os.open("/bin/sh", os.O_RDONLY)
    if os.fork() == 0:
        try:
            os.execve(opened, RUN_SH, {})
        finally:
            os._exit(9)
    if os.waitstatus_to_exitcode(os.wait()[1]) != 0:
        raise OSError("not started")
    return "started"


@attack
def program_from_the_upload(facts: Facts) -> object:
    Path("program").write_bytes(Path(facts["program"]).read_bytes())
    Path("program").chmod(0o700)
    return _ran("./program", "-version")


# ---------------------------------------------------------------- writing outside, and leaving traps
def _writes(path: str) -> object:
    with Path(path).open("a") as file:
        file.write("\n")
    return f"wrote {path}"


@attack
def write_beside_the_folder(facts: Facts) -> object:
    return _writes(f"{facts['folder']}/taken/planted")


@attack
def write_into_another_uploads_folder(facts: Facts) -> object:
    return _writes(facts["other"])


@attack
def change_the_input(facts: Facts) -> object:
    return _writes(facts["input"])


@attack
def change_the_models(facts: Facts) -> object:
    return _writes(f"{facts['models']}/planted")


@attack
def change_the_code(facts: Facts) -> object:
    return _writes(facts["code"])


@attack
def shared_memory_file(facts: Facts) -> object:
    return _writes("/dev/shm/planted")


@attack
def crontab(facts: Facts) -> object:
    return _writes(facts["crontab"])


@attack
def symbolic_link(facts: Facts) -> object:
    Path("result.avi").symlink_to(facts["credentials"])
    return Path("result.avi").is_symlink()


@attack
def hard_link(facts: Facts) -> object:
    os.link(facts["credentials"], "linked.avi")
    return "linked"


@attack
def pipe_in_place_of_a_result(facts: Facts) -> object:
    os.mkfifo("pipe.avi")
    return stat.S_ISFIFO(Path("pipe.avi").stat().st_mode)


@attack
def device(facts: Facts) -> object:
    os.mknod("device.avi", stat.S_IFCHR | 0o600, os.makedev(1, 1))
    return "made"


@attack
def move_a_file_away(facts: Facts) -> object:
    Path(facts["other"]).rename("moved")
    Path("moved").rename(facts["other"])
    return "moved"


@attack
def change_mode(facts: Facts) -> object:
    Path(facts["credentials"]).chmod(0o644)
    return "changed"


@attack
def change_attribute(facts: Facts) -> object:
    os.setxattr(facts["credentials"], "user.taken", b"over")
    return "changed"


@attack
def change_times(facts: Facts) -> object:
    os.utime(facts["credentials"])
    return "changed"


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


class Tasks:
    """What the tests ask for."""

    REQUESTS = {"attack": Attack, "run": Run}  # noqa: RUF012

    def attack(self, asked: Attack, report: object) -> Found:
        found = {}
        for name in asked.names or ATTACKS:
            try:
                got = ATTACKS[name](dict(asked.facts))
            except (OSError, subprocess.SubprocessError, AttributeError):
                continue
            if got:
                found[name] = repr(got)[:200]
        return Found(found)

    def run(self, asked: Run, report: object) -> Done:
        scope = {"facts": asked.facts, "report": report, "text": ""}
        exec(asked.code, scope)
        return Done(str(scope["text"]))
