"""Limits of a process group, measured from outside: by /proc, and by psutil alone."""

import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from local_aws.sandbox import MEGABYTE, End, Limits, Processes
from local_aws.sandbox.processes import POLL_SECONDS, WATCHING_SHARE, folder_size, pause_after
from local_aws.system import NICE
from tests.waiting import gone, until

ROOT = Path(__file__).parents[3]


pytestmark = pytest.mark.usefixtures("way")


@pytest.fixture(scope="module")
def processes(way):
    running = Processes()
    yield running
    running.close()


def run(processes, tmp_path, program, limits=None, **kwargs):
    lines = []
    outcome = processes.run(
        [sys.executable, "-c", program],
        env=dict(os.environ),
        cwd=tmp_path,
        limits=limits or Limits(),
        on_line=lines.append,
        **kwargs,
    )
    return outcome, lines


def run_out_of_time(processes, tmp_path, program):
    """Run a program that never ends; its time is over once it has got ready, however long that takes."""
    running, lines = [], []

    def on_line(line):
        lines.append(line)
        if line == "ready":
            running[0].limits = Limits(seconds=0)

    program += "print('ready', flush=True); time.sleep(3600)"
    command = [sys.executable, "-c", program]
    outcome = processes.run(
        command, env=dict(os.environ), cwd=tmp_path, limits=Limits(), on_line=on_line, on_start=running.append
    )
    return outcome, lines


def test_both_outputs_line_by_line_and_the_exit_status(processes, tmp_path):
    program = "import sys; print('a'); sys.stdout.flush(); sys.stderr.write('b\\rc\\n\\xff'); sys.exit(4)"
    outcome, lines = run(processes, tmp_path, program, log=tmp_path / "logs" / "x.log")
    assert (outcome.end, outcome.returncode) == (End.EXITED, 4)
    assert lines[:3] == ["a", "b", "c"]
    assert (tmp_path / "logs" / "x.log").read_text().startswith("a\nb\nc\n")


CHILD_WITH_MEMORY = """
import subprocess, sys
program = "import time; b = bytearray(150 * 2**20); b[::4096] = b'1' * len(b[::4096]); time.sleep(3600)"
subprocess.run([sys.executable, "-c", program])
"""


def test_memory_of_children_counts(processes, tmp_path):
    outcome, _ = run(processes, tmp_path, CHILD_WITH_MEMORY, Limits(memory_bytes=100 * MEGABYTE))
    assert outcome.end is End.OUT_OF_MEMORY
    assert 100 * MEGABYTE < outcome.peak_memory_bytes < 250 * MEGABYTE


def test_a_job_may_tidy_up_when_it_is_asked_to_end(processes, tmp_path):
    program = "import signal, sys, time; signal.signal(15, lambda *_: (print('tidy'), sys.exit(0)))\n"
    outcome, lines = run_out_of_time(processes, tmp_path, program)
    assert (outcome.end, lines) == (End.TIMED_OUT, ["ready", "tidy"])


def test_one_that_does_not_listen_is_killed(processes, tmp_path, monkeypatch):
    monkeypatch.setattr("local_aws.sandbox.processes.GRACE_SECONDS", 0.3)
    outcome, _ = run_out_of_time(processes, tmp_path, "import signal, time; signal.signal(15, signal.SIG_IGN)\n")
    assert (outcome.end, outcome.returncode) == (End.TIMED_OUT, -9)


def test_the_clock_starts_when_initialisation_ends(processes, tmp_path):
    program = "import time, pathlib; time.sleep(1); pathlib.Path('ready').touch(); time.sleep(3600)"
    outcome, _ = run(processes, tmp_path, program, Limits(seconds=0.3, starts_with=tmp_path / "ready"))
    assert outcome.end is End.TIMED_OUT
    assert outcome.seconds >= 1.3


def test_a_detached_child_does_not_hold_the_end_up(processes, tmp_path):
    program = "import subprocess, sys; subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(3600)'])"
    outcome, _ = run(processes, tmp_path, program)
    assert outcome.end is End.EXITED
    assert outcome.seconds < 3600


def test_watching_costs_little(processes, tmp_path):
    def share_of_a_core(work):
        before, started = resource.getrusage(resource.RUSAGE_SELF), time.monotonic()
        work()
        after = resource.getrusage(resource.RUSAGE_SELF)
        used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        return used / (time.monotonic() - started)

    others = share_of_a_core(lambda: time.sleep(1))  # threads that tests before this one have left
    limits = Limits(60, 10**9, tmp_path, 10**9)
    assert share_of_a_core(lambda: run(processes, tmp_path, "import time; time.sleep(2)", limits)) - others < 0.1


def test_what_cannot_be_started_raises(processes, tmp_path):
    with pytest.raises(FileNotFoundError):
        processes.run(["nothing-of-that-name"], env={}, cwd=tmp_path, limits=Limits(), on_line=print)


def test_the_size_of_a_folder(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "b").write_bytes(bytes(10_000))
    assert 10_000 <= folder_size(tmp_path) < 30_000
    assert folder_size(tmp_path / "nowhere") == 0


def test_scratch_space_is_limited(processes, tmp_path):
    (tmp_path / "tmp").mkdir()
    program = "import time; open('tmp/a', 'wb').write(bytes(3 * 2**20)); time.sleep(3600)"
    limits = Limits(scratch=tmp_path / "tmp", scratch_bytes=2 * MEGABYTE)
    outcome, _ = run(processes, tmp_path, program, limits)
    assert (outcome.end, outcome.returncode) == (End.OUT_OF_SCRATCH, -signal.SIGKILL)


TREE = """
import os, subprocess, sys, time
depth = int(sys.argv[1])
print(os.getpid(), flush=True)
if depth:
    subprocess.run([sys.executable, "-c", sys.argv[2], str(depth - 1), sys.argv[2]])
time.sleep(3600)
"""


def test_a_whole_tree_ends_with_its_leader(processes, tmp_path):
    pids = []

    def on_line(line):
        pids.append(int(line))
        if len(pids) == 4:
            os.kill(pids[0], signal.SIGKILL)

    command = [sys.executable, "-c", TREE, "3", TREE]
    processes.run(command, env=dict(os.environ), cwd=tmp_path, limits=Limits(), on_line=on_line)
    assert len(set(pids)) == 4
    until(lambda: all(gone(pid) for pid in pids))


OWNER = """
import os, pathlib, sys
from local_aws import system
from local_aws.sandbox import Limits, Processes
if sys.argv[1] == "without":
    system.PROC = pathlib.Path("nowhere")
program = "import os, time; print(os.getpid(), flush=True); time.sleep(3600)"
Processes().run(
    [sys.executable, "-c", program], env=dict(os.environ), cwd=pathlib.Path(), limits=Limits(memory_bytes=2**30),
    on_line=lambda line: print(line, flush=True),
)
"""


def test_everything_ends_with_its_owner_however_that_ends(way):
    command = [sys.executable, "-c", OWNER, way.split()[0]]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as owner:
        pid = int(owner.stdout.readline())
        assert not gone(pid)
        owner.kill()
    until(lambda: gone(pid))


def test_all_that_it_starts_gives_way_to_its_owner(processes, tmp_path):
    program = "import os, subprocess, sys; print(os.nice(0), flush=True)\n"
    program += "subprocess.run([sys.executable, '-c', 'import os; print(os.nice(0))'])"
    _, lines = run(processes, tmp_path, "import time; time.sleep(0.2); " + program)
    assert lines == [str(os.nice(0) + NICE)] * 2


def test_where_looking_is_dear_it_is_done_less_often():
    assert pause_after(0) == pause_after(0.001) == POLL_SECONDS
    assert pause_after(0.02) == pytest.approx(0.02 / WATCHING_SHARE) == 0.4
