"""The life of a media process: how it starts, answers, is limited, and ends."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from avflow.errors import (
    InvalidMediaTooLong,
    IsolationUnavailable,
    LambdaBudgetExceeded,
    MediaAnswerInvalid,
    MediaWorkFailed,
    MemoryExhausted,
    ScratchFull,
)
from avflow.isolation import time_limit
from avflow.isolation.nursery import available
from avflow.isolation.policy import Limits
from avflow.isolation.time_limit import TimeLimit
from avflow.isolation.worker import MediaWorker, nursery_of
from tests.unit.isolation.requests import Run
from tests.unit.isolation.targets import SECRET, TASKS
from tests.waiting import until

ROOT = Path(__file__).parents[3]
needs_nurseries = pytest.mark.skipif(not available(), reason="this system has no nurseries")
FOR_EVER = "import time; time.sleep(600)"
#: writes to the pipe of answers, as a taken-over process can
SAY = "import os\ndef say(line): os.write(3, line)\n"


def test_it_knows_nothing_of_its_parents_environment(worker, monkeypatch):
    names = worker.do(Run("import os; text = ' '.join(sorted(os.environ))")).text.split()
    assert {"AVFLOW_MODELS", "HOME", "PYTHON_CPU_COUNT", "TMPDIR"} <= set(names)
    assert not [name for name in names if name.startswith(("AWS", "USER", "LOGNAME", "SSH"))]


def test_it_works_in_its_folder(worker, place):
    worker.do(Run("open('made.txt', 'w').write('text'); import tempfile; tempfile.mkdtemp()"))
    assert place.take("made.txt").read_text() == "text"


def test_a_prefix_of_a_task_is_done_while_the_parent_does_something_else(worker):
    worker.begin(first := Run("text = 1"))
    worker.begin(second := Run("text = 2"))
    assert (worker.finish(first).text, worker.finish(second).text) == ("1", "2")


@pytest.mark.parametrize(
    ("code", "error", "message"),
    [
        ("import os; os.kill(os.getpid(), 9)", MemoryExhausted, "was killed at the task run: it ran out of memory"),
        ("import os; os.abort()", MediaWorkFailed, "ended with SIGABRT at the task run"),
        ("import ctypes; ctypes.string_at(1)", MediaWorkFailed, "ended with SIGSEGV at the task run"),
        ("import os; os.write(2, b'bad \\x1b[31m'); os._exit(3)", MediaWorkFailed, r"status 3 .*: bad \\x1b\[31m"),
        ("text = 1 // 0", MediaWorkFailed, "run failed: ZeroDivisionError"),
        ("import errno; raise OSError(errno.ENOSPC, 'full')", ScratchFull, "The scratch space is full"),
        ("raise MemoryError", MemoryExhausted, "no more memory"),
        ("from avflow.errors import InvalidMediaTooLong; raise InvalidMediaTooLong('a.mkv', 'advice')",
         InvalidMediaTooLong, r"a\.mkv\."),
    ],
)  # fmt: skip
def test_an_end_has_a_name(worker, code, error, message):
    with pytest.raises(error, match=message) as raised:
        worker.do(Run(code))
    assert type(raised.value) is error


def test_the_traceback_of_a_fault_is_in_the_log(worker):
    with pytest.raises(MediaWorkFailed) as raised:
        worker.do(Run("def deeper(): return 1 // 0\ndeeper()"))
    assert "in deeper" in "".join(raised.value.__notes__)


@pytest.mark.parametrize(
    ("limits", "code", "error"),
    [
        (Limits(memory=1 << 30), "text = len(b'x' * (2 << 30))", MemoryExhausted),
        (Limits(file_size=1 << 20), "open('big', 'wb').write(b'x' * (2 << 20))", ScratchFull),
        (Limits(cpu=1), "while True: pass", MediaWorkFailed),
    ],
    ids=["memory", "file size", "cpu"],
)
def test_a_limit_has_a_name(place, nursery, limits, code, error):
    with MediaWorker(TASKS, place, limits=limits, nursery=nursery) as worker:
        assert len(worker.isolation.limits) == 1
        with pytest.raises(error):
            worker.do(Run(code))


# ---------------------------------------------------------------- a process that lies
def progress(step="detect", done="1"):
    """A line of progress, as Python code."""
    told = f'{{"progress": {{"step": "{step}", "done": {done}, "total": 2, "unit": "frames", "rate": 1}}}}'
    return repr(told.encode() + b"\n")


@pytest.mark.parametrize(
    "line",
    [
        "b'no JSON\\n'",
        "b'\\xff\\xfe\\n'",
        "b'[' * 200_000 + b'\\n'",
        "b'x' * (40 << 20)",
        "b'[]\\n'",
        "b'{}\\n'",
        "b'{\"answer\": {\"text\": 1}}\\n'",
        "b'{\"answer\": {\"text\": {\"a\": 1}}}\\n'",
        "b'{\"answer\": [1, 2]}\\n'",
        "b'{\"answer\": null}\\n'",
        "b'{\"run\": \"rm -rf /\"}\\n'",
        "b'{\"entered\": {}}\\n'",
        "b'{\"progress\": {\"step\": \"detect\"}}\\n'",
        progress(step="a\\u001b[31m"),
        progress(done="NaN"),
        progress(done="1e999"),
        "b'{\"error\": {\"error\": \"LambdaBudgetExceeded\", \"message\": \"m\", \"advice\": \"a\"}}\\n'",
        "b'{\"error\": {\"error\": \"SystemExit\", \"message\": \"m\", \"advice\": \"a\"}}\\n'",
        "b'{\"error\": {\"error\": [], \"message\": \"m\", \"advice\": \"a\"}}\\n'",
        "b'{\"error\": \"ScratchFull\"}\\n'",
    ],
)  # fmt: skip
def test_a_line_that_no_task_sends_is_named(worker, line):
    with pytest.raises(MediaAnswerInvalid):
        worker.do(Run(f"{SAY}say({line})\n{FOR_EVER}"))


def test_texts_of_a_taken_over_process_control_no_terminal(worker):
    assert worker.do(Run("text = 'a\\x1b[31m\\u202e'")).text == r"a\x1b[31m\u202e"


def test_a_flood_of_progress_does_not_fill_the_log(worker):
    told = []
    flood = (
        "from avflow.progress import Progress\n"
        "for n in range(20_000): report(Progress('detect', n, 1_000_000, 'frames', 1.0))"
    )
    began = time.monotonic()
    worker.do(Run(flood), told.append)
    assert len(told) <= (time.monotonic() - began) / 0.25 + 2


# ---------------------------------------------------------------- stopping
def test_the_report_is_called_and_ends_the_wait(worker):
    calls = []

    def report(progress):
        calls.append(progress)
        if len(calls) == 3:
            raise LambdaBudgetExceeded("out of time")

    began = time.monotonic()
    with pytest.raises(LambdaBudgetExceeded):
        worker.do(Run(FOR_EVER), report)
    assert time.monotonic() - began < 10


def test_a_task_has_a_time_limit_with_an_error_of_its_own(worker):
    with pytest.raises(InvalidMediaTooLong, match="took more than a second"):
        worker.do(Run(FOR_EVER), limit=TimeLimit(1.0, InvalidMediaTooLong("took more than a second")))


TOO_LONG = InvalidMediaTooLong("took more than its time")
REPORTS = "from avflow.progress import Progress\nimport time\nbegun = time.monotonic()\n"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("code", "least"),
    [
        # as a loop in C: no report, and no Python
        (f"{REPORTS}sum(range(10**12))", 0.8),
        # it waits for a slow disk
        pytest.param(f"{REPORTS}time.sleep(60)", 3, marks=pytest.mark.slow),
        # it is described again and again
        (f"{REPORTS}while True: report(Progress('probe', 0, None, 'seconds', 1.0))", 0.8),
        # a copy that does not get on
        (f"{REPORTS}while True: report(Progress('join', 1, 2, 'seconds', 1.0))", 0.8),
        # a copy that gets on for ever
        pytest.param(
            f"{REPORTS}while True: report(Progress('join', time.monotonic() - begun, 1e6, 'seconds', 1.0))",
            3,
            marks=pytest.mark.slow,
        ),
    ],
)
def test_reading_and_copying_have_limits_of_their_own(worker, code, least, monkeypatch):
    monkeypatch.setattr(time_limit, "_IMPORT_SECONDS", 1.0)
    began = time.monotonic()
    with pytest.raises(InvalidMediaTooLong, match="took more than its time"):
        worker.do(Run(code), limit=TimeLimit(1.0, TOO_LONG, with_copying=5.0))
    assert least < time.monotonic() - began < 60  # alone, each takes for ever


def test_a_copy_may_take_longer_than_reading(worker):
    each = "time.sleep(0.1); report(Progress('join', n, 30, 'seconds', 1.0))"
    code = f"{REPORTS}for n in range(30): {each}\ntext = 'done'"
    assert worker.do(Run(code), limit=TimeLimit(1.0, TOO_LONG, with_copying=60.0)).text == "done"


def test_nothing_of_it_outlives_the_block(place, nursery):
    forks = "import os, time\nfor n in range(8):\n if not os.fork(): time.sleep(600)"
    with MediaWorker(TASKS, place, programs=True, nursery=nursery) as worker:
        worker.do(Run(forks))
        group = int(worker.do(Run("import os; text = os.getpgid(0)")).text)
        assert len(_of_group(group)) > 5
    until(lambda: not _of_group(group))


def _of_group(group: int) -> list[int]:
    found = []
    for process in psutil.process_iter():
        try:
            if os.getpgid(process.pid) == group and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process.pid)
        except (ProcessLookupError, psutil.Error):
            continue
    return found


PARENT = f"""
import sys
sys.path.insert(0, {str(ROOT)!r})
from avflow.isolation.worker import MediaWorker, nursery_of
from avflow.isolation.workplace import workplace
from tests.unit.isolation.requests import Run
FFMPEG = '''
from avflow.ffmpeg import Process, binary
import os
with Process([binary(), "-f", "lavfi", "-i", "testsrc", "-f", "null", "-"], "endless") as process:
    print(os.getpid(), process._popen.pid, file=open("pids", "w"), flush=True)
    process.finish()
'''
nursery = nursery_of({TASKS!r}) if sys.argv[1] == "forked" else None
with workplace() as place, MediaWorker({TASKS!r}, place, programs=True, nursery=nursery) as worker:
    print(place.folder, flush=True)
    worker.do(Run(FFMPEG))
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
@pytest.mark.parametrize("how", ["executed", pytest.param("forked", marks=needs_nurseries)])
def test_it_dies_with_its_parent_and_so_does_its_ffmpeg(how, number):
    with subprocess.Popen([sys.executable, "-c", PARENT, how], stdout=subprocess.PIPE, text=True) as parent:
        folder = Path(parent.stdout.readline().strip())
        pids = folder / "work" / "pids"
        until(lambda: pids.exists() and len(pids.read_text().split()) == 2)
        processes = [psutil.Process(int(pid)) for pid in pids.read_text().split()]
        processes += psutil.Process(parent.pid).children()  # the nursery
        parent.send_signal(number)
    for process in processes:
        until(lambda process=process: not process.is_running() or process.status() == psutil.STATUS_ZOMBIE)


# ---------------------------------------------------------------- what is required
def test_a_missing_part_is_refused_only_if_all_are_required(place):
    with MediaWorker(TASKS, place, without=("landlock",)) as worker:
        assert worker.isolation.landlock == 0
        assert worker.do(Run("text = 1")).text == "1"
    with (
        pytest.raises(IsolationUnavailable, match=r"lacks landlock"),
        MediaWorker(TASKS, place, required=True, without=("landlock",)) as worker,
    ):
        worker.begin(Run("text = 1"))


def test_no_message_has_the_secret(place, monkeypatch):
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    with MediaWorker(TASKS, place) as worker:
        code = "import pathlib; text = pathlib.Path('/proc/self/environ').read_text()"
        with pytest.raises(MediaWorkFailed) as raised:
            worker.do(Run(code))
    assert re.search("PermissionError", raised.value.message)
    assert SECRET not in raised.value.message


# ---------------------------------------------------------------- nurseries
@needs_nurseries
def test_each_upload_has_a_process_that_saw_no_other(place, shared_nursery):
    """What one process changes in its memory, the next one does not find; it is another process, of the same parent."""
    pids = set()
    for _ in range(3):
        with MediaWorker(TASKS, place, nursery=shared_nursery) as worker:
            code = "import builtins, os; text = hasattr(builtins, 'mark'), os.getpid(), os.getppid(); builtins.mark = 1"
            said = worker.do(Run(code)).text
            assert said == f"(False, {worker.pid}, {shared_nursery.pid})"
            pids.add(worker.pid)
    assert len(pids) == 3


@needs_nurseries
def test_a_nursery_is_where_no_secret_is(place, monkeypatch):
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    nursery = nursery_of(TASKS)
    assert nursery is nursery_of(TASKS)
    with MediaWorker(TASKS, place, nursery=nursery) as worker:
        assert worker.do(Run("import os; text = ' '.join(os.environ.values())")).text.count(str(place.work)) == 2
        found = Path(f"/proc/{nursery.pid}/environ").read_bytes()
    assert SECRET.encode() not in found
    assert str(place.folder).encode() not in found


@needs_nurseries
def test_it_loads_once_what_its_processes_need(place, shared_nursery):
    code = "from tests.unit.isolation import attacks; text = attacks.prepared_by"
    for nursery in (None, shared_nursery, shared_nursery):
        with MediaWorker(TASKS, place, nursery=nursery) as worker:
            assert worker.do(Run(code)).text == str(nursery and nursery.pid)


@pytest.mark.parametrize(
    ("step", "needed"),
    [("ffmpeg", {"av", "numpy"}), ("audio2srt", {"faster_whisper", "onnxruntime"}), ("merge", {"ffmpeg"})],
)
def test_what_a_step_loads_late_is_loaded_before_there_is_an_upload(step, needed):
    code = f"import sys, avflow.media_work.{step} as step; step.prepare(); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert needed <= set(done.stdout.split())


@needs_nurseries
@pytest.mark.parametrize("lost", ["it died", "it is busy"])
def test_without_a_nursery_a_process_starts_by_an_exec(place, lost):
    nursery = nursery_of(TASKS)
    with MediaWorker(TASKS, place, nursery=nursery) as first:
        assert first.do(Run("text = 1")).text == "1"
        if lost == "it died":
            os.kill(nursery.pid, signal.SIGKILL)
            until(lambda: not psutil.pid_exists(first.pid))  # the kernel kills it, a moment later
            with pytest.raises(MemoryExhausted):
                first.do(Run("text = 1"))
        with MediaWorker(TASKS, place, nursery=nursery) as worker:
            assert worker.do(Run("import os; text = os.getppid()")).text == str(os.getpid())
    again = nursery_of(TASKS)
    assert (again is nursery) == (lost == "it is busy")
    with MediaWorker(TASKS, place, nursery=again) as worker:
        assert worker.do(Run("import os; text = os.getppid()")).text == str(again.pid)


@needs_nurseries
def test_the_report_ends_the_wait_for_a_nursery_that_still_loads(place):
    nursery = nursery_of("tests.unit.isolation.slow")

    def report(progress):
        raise LambdaBudgetExceeded("out of time")

    began = time.monotonic()
    with pytest.raises(LambdaBudgetExceeded), MediaWorker(TASKS, place, nursery=nursery) as worker:
        worker.do(Run("text = 1"), report)
    assert time.monotonic() - began < 10
    assert not psutil.pid_exists(nursery.pid)
