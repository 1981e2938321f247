"""What differs between operating systems: by /proc where there is one, and by psutil alone elsewhere."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from local_aws import system
from local_aws.sandbox import MEGABYTE

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.usefixtures("way")


def test_the_memory_of_a_process():
    assert system.group_memory(os.getpid()) > MEGABYTE
    assert system.group_memory(2**22 + 1) == 0


def test_the_memory_is_the_smaller_of_the_machines_and_the_containers(monkeypatch, tmp_path):
    machine = psutil.virtual_memory().total >> 20
    files = (tmp_path / "memory.max", tmp_path / "memory.limit_in_bytes")
    monkeypatch.setattr(system, "CGROUP_MEMORY", files)
    assert system.memory_mb() == machine
    files[0].write_text("max\n")
    assert system.memory_mb() == machine
    files[0].write_text(f"{300 * MEGABYTE}\n")
    assert system.memory_mb() == 300
    files[0].unlink()
    files[1].write_text("9223372036854771712\n")
    assert system.memory_mb() == machine


@pytest.mark.parametrize("lacks", [None, "children", "statm", "another PID namespace"])
def test_proc_is_believed_where_it_tells_all(monkeypatch, tmp_path, lacks):
    """No `children`: a kernel without CONFIG_PROC_CHILDREN."""
    pid = str(os.getpid())
    (tmp_path / pid / "task" / pid).mkdir(parents=True)
    (tmp_path / "self").symlink_to("1" if lacks == "another PID namespace" else pid)
    if lacks != "children":
        (tmp_path / pid / "task" / pid / "children").write_text("")
    if lacks != "statm":
        (tmp_path / pid / "statm").write_text("100 50 20 1 0 30 0")
    monkeypatch.setattr(system, "PROC", tmp_path)
    assert system.proc_tells.__wrapped__() is (lacks is None)


def test_the_memory_of_a_whole_tree_is_summed_though_one_of_it_ends_meanwhile(monkeypatch):
    command = [sys.executable, "-c", "import time; print('ready', flush=True); time.sleep(3600)"]
    with (
        subprocess.Popen(command, stdout=subprocess.PIPE) as child,
        subprocess.Popen(command, stdout=subprocess.PIPE) as other,
    ):
        assert child.stdout.readline() == other.stdout.readline() == b"ready\n"
        with_both = system.group_memory(os.getpid())
        real = psutil.Process.memory_info

        def memory_info(process):
            if process.pid == other.pid:
                raise psutil.NoSuchProcess(process.pid)
            return real(process)

        monkeypatch.setattr(psutil.Process, "memory_info", memory_info)
        if not system.proc_tells():
            seen = system.group_memory(os.getpid())
            assert psutil.Process(os.getpid()).memory_info().rss < seen < with_both
        other.kill()
        other.wait()
        alone = system.group_memory(os.getpid())
        child.kill()
    assert psutil.Process(os.getpid()).memory_info().rss < alone < with_both


def test_a_folder_belongs_to_one_process(tmp_path):
    program = "import sys; from local_aws.system import lock; lock(open(sys.argv[1], 'w'))"
    with (tmp_path / "lock").open("w") as file:
        system.lock(file)
        with pytest.raises(BlockingIOError), (tmp_path / "lock").open("w") as second:
            system.lock(second)
        other = subprocess.run(
            [sys.executable, "-c", program, tmp_path / "lock"], cwd=ROOT, capture_output=True, text=True, check=False
        )
        assert "BlockingIOError" in other.stderr
    subprocess.run([sys.executable, "-c", program, tmp_path / "lock"], cwd=ROOT, check=True)


def test_a_group_of_which_only_a_zombie_is_left_is_no_error(monkeypatch):
    def killpg(group, number):
        raise PermissionError  # as on macOS

    monkeypatch.setattr(os, "killpg", killpg)
    system.signal_group(12345, signal.SIGKILL)


def test_cores_without_affinity(way, monkeypatch):
    assert system.cores() == (os.cpu_count() if way.startswith("without") else len(os.sched_getaffinity(0)))
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    assert system.cores() == 1
