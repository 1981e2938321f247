"""Attacks: start a program, write outside, and leave traps for the parent."""

from __future__ import annotations

import os
import stat
import subprocess
from pathlib import Path

from tests.unit.isolation.registry import Facts, attack, syscall

#: numbers of x86-64, and a flag of inotify(7)
_INOTIFY_INIT1, _INOTIFY_ADD_WATCH, _IN_CREATE = 294, 254, 0x100
RUN_SH = ["/bin/sh", "-c", "echo started"]


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
    """Open a file for writing, and leave everything as it was: the file may be one of the product."""
    there = Path(path).exists()
    with Path(path).open("a"):
        pass
    if not there:
        Path(path).unlink()
    return f"may write {path}"


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


@attack
def watch_another_uploads_folder(facts: Facts) -> object:
    """inotify tells the names of files in it, also under Landlock."""
    folder = os.fsencode(Path(facts["other"]).parent)
    return f"watch {syscall(_INOTIFY_ADD_WATCH, syscall(_INOTIFY_INIT1, 0), folder, _IN_CREATE)}"
