"""The parent's side: start a media process, ask it for tasks, and end it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from threading import Lock, Thread
from types import TracebackType
from typing import Any, TypeVar, cast

from avflow.cores import usable_cores
from avflow.errors import AvflowError, IsolationUnavailable, MediaAnswerInvalid, MediaWorkFailed, MemoryExhausted
from avflow.filenames import printable
from avflow.isolation import answers, linux, messages
from avflow.isolation.nursery import Nursery, available
from avflow.isolation.permissions import environment, harmless_environment, policy
from avflow.isolation.policy import Isolation, Limits
from avflow.isolation.ranges import RangedSource
from avflow.isolation.requests import Request
from avflow.isolation.time_limit import Clock, TimeLimit
from avflow.isolation.workplace import Workplace
from avflow.media.contract import Contract
from avflow.progress import TICK_SECONDS, Progress, Report, ignore

A = TypeVar("A", bound=Contract)

ROOT = Path(__file__).parents[2]
#: seconds for the child to start and give up its rights
_START_SECONDS = 60.0
#: bytes of standard error that are kept for the message of a crash
_KEPT = 4000


class MediaWorker:
    """A media process. A context manager, which kills the process and all that it started at its end.

    It starts at once, and imports its libraries while the caller downloads.

    Parameters
    ----------
    tasks:
        The module whose class `Tasks` does the work, such as `avflow.media_work.ffmpeg`.
    place:
        The folders that it may use.
    limits:
        Upper limits of what it may use.
    programs:
        Whether it runs FFmpeg. If not, it can start no process at all.
    gpu:
        Whether it works on an NVIDIA GPU. Then it may use the GPU's device files.
    required:
        Whether to refuse a system that lacks a part of the isolation.
    readable, writable:
        More files and folders that it may read, or write too.
    without:
        Parts of the isolation to leave out, for tests of what each part stops.
    nursery:
        Forks the process, if it can, in place of an exec.
    """

    def __init__(
        self,
        tasks: str,
        place: Workplace,
        *,
        limits: Limits | None = None,
        programs: bool = False,
        gpu: bool = False,
        required: bool = False,
        readable: Sequence[Path] = (),
        writable: Sequence[Path] = (),
        without: Sequence[str] = (),
        nursery: Nursery | None = None,
    ) -> None:
        with suppress(OSError):
            linux.hide_memory()
        rules = policy(
            tasks,
            place,
            limits or Limits(),
            programs=programs,
            gpu=gpu,
            readable=readable,
            writable=writable,
            without=without,
        )
        forked = nursery.fork(environment(place), place.work) if nursery else None
        if forked and nursery:
            rules = replace(rules, parent=nursery.pid, others=(os.getpid(),))
        self._process = forked or _Executed(
            [*_command(), _START.format(root=str(ROOT), module="child", tasks=tasks)],
            env=environment(place),
            cwd=place.work,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,
            process_group=0,  # to kill all that it has started
        )
        self._writing = Lock()
        self._required = required
        self._isolation: Isolation | None = None
        self._starts_until = time.monotonic() + _START_SECONDS
        assert self._process.stdout is not None
        self._lines = answers.Lines(self._process.stdout.fileno())
        self._printed: deque[bytes] = deque(maxlen=_KEPT // 100)
        self._reader = Thread(target=self._keep_printed, name="media process's output", daemon=True)
        self._reader.start()
        self._write(messages.line("enter", rules.to_dict()))

    @property
    def pid(self) -> int:
        """The id of the process."""
        return self._process.pid

    # ------------------------------------------------------------ tasks
    @property
    def isolation(self) -> Isolation:
        """The isolation that is in force. Waits until it is.

        Raises
        ------
        IsolationUnavailable
            A part is missing, and all are required.
        """
        while self._isolation is None:
            if (line := self._next_line("start")) is not None:
                self._enter(line)
        if self._required and (missing := self._isolation.missing):
            raise IsolationUnavailable(
                f"Isolation is `required`, and this system lacks {', '.join(missing)} for the media process"
            )
        return self._isolation

    def begin(self, request: Request[Any]) -> None:
        """Send a request without waiting for its answer, which `finish` returns.

        Raises
        ------
        IsolationUnavailable
        """
        if self._required:
            _ = self.isolation
        self._write(messages.line("do", {"task": request.task, "request": request.to_dict()}))

    def finish(
        self,
        request: Request[A],
        report: Report = ignore,
        limit: TimeLimit | None = None,
        source: RangedSource | None = None,
    ) -> A:
        """Wait for the answer to the oldest request without one. Requests are done in turn.

        Parameters
        ----------
        report:
            Is called at least every `TICK_SECONDS`. What it raises ends the wait; the end of the block then kills the
            process.
        limit:
            The most seconds that this wait may take.
        source:
            The source that the task reads by ranges, if it does.

        Raises
        ------
        Exception
            What fetching the source raised.
        AvflowError
            The task's own error, one of `answers.MAY_RAISE`, or the limit's.
        MediaAnswerInvalid
            The process sent something else than what a task sends.
        MediaWorkFailed, MemoryExhausted
            The process has ended.
        """
        clock = Clock(limit, self.pid if self._isolation else None)
        throttle = answers.Throttle(TICK_SECONDS / 2)
        last = Progress(request.task, 0.0, None, "seconds", 0.0)
        while True:
            line = self._next_line(request.task)
            if line is not None and self._isolation is None:
                self._enter(line)
                clock = Clock(limit, self.pid)  # from here on it works
            elif line is not None:
                kind, value = answers.message(line)
                if kind == "answer":
                    return cast(A, answers.read(request.answer, value))
                if kind == "error":
                    raise answers.error(value, request.task)
                if kind == "progress":
                    last = answers.progress(value)
                    clock.note(last)
                elif kind == "need":
                    self._bring(*answers.needed(value, source), source)
                else:
                    raise MediaAnswerInvalid(f"The media process sent {printable(kind[:40])!r}")
            if source is not None:
                source.check()
            if limit and clock.is_over():
                raise limit.error
            if last.done == last.total or throttle.passes():
                report(last)

    def do(
        self,
        request: Request[A],
        report: Report = ignore,
        limit: TimeLimit | None = None,
        source: RangedSource | None = None,
    ) -> A:
        """`begin` and `finish`."""
        self.begin(request)
        return self.finish(request, report, limit, source)

    def _bring(self, first: int, end: int, source: RangedSource | None) -> None:
        """Have bytes of the source fetched, and tell the process when they are there."""
        assert source is not None
        source.ask(first, end, partial(self._write, messages.line("there", [first, end])))

    def _next_line(self, task: str) -> bytes | None:
        """The next line; None if none comes within a tick."""
        line = self._lines.next(TICK_SECONDS)
        if line is None and self._lines.ended:
            raise self._ended(task)
        if line is None and self._isolation is None and time.monotonic() > self._starts_until:
            raise MediaWorkFailed(f"The media process did not start within {_START_SECONDS:.0f} s")
        return line

    def _enter(self, line: bytes) -> None:
        """The first line says how the process is isolated."""
        kind, value = answers.message(line)
        if kind != "entered":
            raise MediaAnswerInvalid("The media process does not say how it is isolated")
        self._isolation = answers.read(Isolation, value)

    def _write(self, line: bytes) -> None:
        assert self._process.stdin is not None
        with self._writing, suppress(BrokenPipeError):  # it has ended: the next read says how
            if not self._process.stdin.closed:
                self._process.stdin.write(line)

    # ------------------------------------------------------------ the end
    def _ended(self, task: str) -> AvflowError:
        """Why the process ended before its answer."""
        self._kill()
        status = self._process.wait()
        if status == -signal.SIGKILL:
            return MemoryExhausted(f"The media process was killed at the task {task}: it ran out of memory")
        if status == -signal.SIGXCPU:
            return MediaWorkFailed(f"The media process used up its processor time at the task {task}")
        name = signal.Signals(-status).name if status < 0 else f"status {status}"
        printed = printable(b"".join(self._printed).decode(errors="replace").strip()[-500:].replace("\n", " | "))
        return MediaWorkFailed(f"The media process ended with {name} at the task {task}: {printed or 'no message'}")

    def _keep_printed(self) -> None:
        assert self._process.stderr is not None
        with suppress(ValueError, OSError):  # closed
            while printed := self._process.stderr.read(100):
                self._printed.append(printed)

    def _kill(self) -> None:
        """Kill the process and its process group, which it can't leave. Its FFmpeg dies with it."""
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(0.2 if self._lines.ended else 0)
        self._process.kill_group()
        self._process.wait()

    def __enter__(self) -> MediaWorker:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._kill()
        self._reader.join()
        with self._writing:  # another thread may have been about to answer it
            for pipe in (self._process.stdin, self._process.stdout, self._process.stderr):
                if pipe is not None:
                    pipe.close()


class _Executed(subprocess.Popen[bytes]):
    """A media process that was started by an exec."""

    def kill_group(self) -> None:
        """Kill it and all that it has started."""
        if not linux.ON_LINUX:
            self.terminate()
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)
        self.kill()  # without seccomp it may have left its group


def nursery_of(tasks: str) -> Nursery | None:
    """The nursery of the module `tasks` in this process, which is started at the first call. None where there is none.

    It ends with this process.
    """
    if not available():
        return None
    command = [*_command(), _START.format(root=str(ROOT), module="nursery", tasks=tasks)]
    found = _nurseries.get(tasks)
    if found is None or not found.fits(command, harmless_environment()):
        if found:
            found.close()
        found = _nurseries[tasks] = Nursery(command, harmless_environment())
    return found


_nurseries: dict[str, Nursery] = {}
_START = "import sys; sys.path.insert(0, {root!r}); from avflow.isolation.{module} import main; main({tasks!r})"


def _command() -> list[str]:
    """Python without its environment variables and the user's packages (`-I`), and with as many cores as here."""
    return [sys.executable, "-I", "-B", "-X", "utf8", "-X", f"cpu_count={usable_cores()}", "-c"]
