"""What a taken-over media process can't do, with all parts of the isolation and with one of them missing."""

from __future__ import annotations

import platform
from collections.abc import Callable

import pytest

from avflow.isolation import landlock, syscalls
from avflow.isolation.nursery import Nursery
from avflow.isolation.worker import MediaWorker
from avflow.isolation.workplace import Workplace
from tests.unit.isolation.attacks import ATTACKS
from tests.unit.isolation.requests import Attack, Run
from tests.unit.isolation.targets import TASKS

pytestmark = [
    pytest.mark.skipif(platform.machine() != "x86_64", reason="the attacks have the numbers of x86-64"),
    pytest.mark.skipif(syscalls.of_machine() is None, reason="this processor has no table of system calls"),
    pytest.mark.skipif(landlock.version() < 6, reason="this kernel has no Landlock, or an older one"),
]
#: what a media process may do on a kernel without Landlock: files of the same user, programs, the user's processes.
#: Not all of them work as every user
WITHOUT_LANDLOCK = {
    "another_uploads_folder",
    "change_the_code",
    "change_the_input",
    "change_the_models",
    "command_line_of_the_parent",
    "credentials_file",
    "crontab",
    "files_of_the_parent",
    "list_temporary_files",
    "move_a_file_away",
    "password_file",
    "python",
    "shared_memory_file",
    "shell",
    "shell_by_the_loader",
    "signal_a_neighbour",
    "write_beside_the_folder",
    "write_into_another_uploads_folder",
}
#: what it may do on a system that forbids the filter of system calls: what Landlock does not cover
WITHOUT_SECCOMP = {
    "change_attribute",
    "change_limits_of_the_parent",
    "change_mode",
    "change_times",
    "keyring",
    "leave_the_process_group",
    "namespaces",
    "page_faults",
    "path_socket",
    "program_in_memory",
    "ring_of_requests",
    "serve_a_neighbour",
    "shared_memory",
    "signal_all",
    "talk_to_the_kernel",
    "udp_4",
    "udp_6",
    "watch_another_uploads_folder",
}


@pytest.fixture
def succeeded(place: Workplace, facts: dict[str, str], nursery: Nursery | None) -> Callable[..., set[str]]:
    def attacked(*, programs: bool = True, gpu: bool = False, without: tuple[str, ...] = ()) -> set[str]:
        with MediaWorker(TASKS, place, programs=programs, gpu=gpu, without=without, nursery=nursery) as worker:
            assert set(worker.isolation.missing) == set(without)
            return set(worker.do(Attack(facts)).succeeded)

    return attacked


@pytest.mark.parametrize("gpu", [False, True])
@pytest.mark.parametrize("programs", [True, False])
def test_nothing_succeeds_with_all_parts(succeeded, programs, gpu):
    assert len(ATTACKS) >= 55
    assert succeeded(programs=programs, gpu=gpu) == set()


def test_what_cuda_needs_works_where_there_is_a_gpu_only(place):
    """As seen with strace: `cuInit` names a thread, and listens at an abstract name. No GPU is needed to try that."""
    code = """
import ctypes, os, socket, threading
text = ""
def tried(act):
    global text
    try:
        act()
        text += "yes "
    except OSError as error:
        text += f"{error.errno} "
def name_a_thread():
    with open(f"/proc/self/task/{threading.get_native_id()}/comm", "w") as file:
        file.write("cuda")
def listen():
    made = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    made.bind(f"\\0cuda-uvmfd-test-{os.getpid()}")
    made.listen()
for act in (name_a_thread, listen):
    tried(act)
"""
    for gpu, expected in ((True, "yes yes "), (False, "13 1 ")):
        with MediaWorker(TASKS, place, gpu=gpu) as worker:
            assert worker.do(Run(code)).text == expected


def test_the_attacks_are_real(succeeded):
    """Without the isolation most of them work. What stays closed is so by the process itself."""
    found = succeeded(without=("landlock", "seccomp"))
    assert len(found) >= 35, sorted(set(ATTACKS) - found)
    assert {"tcp_4", "udp_4", "tcp_6", "abstract_socket", "program_in_memory", "symbolic_link", "hard_link"} <= found
    assert not found & {"environment", "environment_of_the_parent", "memory_of_the_parent", "trace_the_parent"}


def test_what_stays_open_without_landlock(succeeded):
    found = succeeded(without=("landlock",))
    assert found <= WITHOUT_LANDLOCK
    assert {"credentials_file", "shell"} <= found


def test_without_landlock_a_step_without_ffmpeg_still_starts_no_program(succeeded):
    found = succeeded(programs=False, without=("landlock",))
    assert found <= WITHOUT_LANDLOCK - {"shell", "python", "shell_by_the_loader"}


def test_what_stays_open_without_seccomp(succeeded):
    found = succeeded(without=("seccomp",))
    assert found <= WITHOUT_SECCOMP
    assert {"udp_4", "path_socket"} <= found
