"""Runs each command in a process group of its own, within limits; no process outlives the embedded AWS."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path

from local_aws import system

#: least seconds between two checks of the running processes
POLL_SECONDS = 0.05
#: the share of a core that checks may take: where a check is slow, as with psutil, there are fewer
WATCHING_SHARE = 0.05
#: checks between two measurements of a scratch folder, each of which walks the folder
POLLS_PER_SCRATCH_CHECK = 4
#: seconds between SIGTERM and SIGKILL
GRACE_SECONDS = 3.0
#: seconds of initialisation that do not count against the time-out (AWS Lambda's "Init phase")
INIT_SECONDS = 10.0
MEGABYTE = 1024 * 1024


class End(Enum):
    """How a process ended."""

    EXITED = "exited"
    TIMED_OUT = "timed out"
    OUT_OF_MEMORY = "out of memory"
    OUT_OF_SCRATCH = "out of scratch space"
    TERMINATED = "terminated"


@dataclass(frozen=True)
class Limits:
    """Limits of a process group; None means no limit.

    Parameters
    ----------
    seconds:
        Wall-clock time.
    memory_bytes:
        Resident memory of the whole group.
    scratch, scratch_bytes:
        A folder, and how many bytes its files may occupy.
    starts_with:
        The time-out runs from the moment when this file exists, at the latest after `INIT_SECONDS`.
    container:
        The file into which the command writes the process id of a container's first process, which is outside
        the command's group. The limits then apply to the container, and the container ends with the command.
    """

    seconds: float | None = None
    memory_bytes: int | None = None
    scratch: Path | None = None
    scratch_bytes: int | None = None
    starts_with: Path | None = None
    container: Path | None = None


@dataclass(frozen=True)
class Outcome:
    """How a command ended.

    `returncode` is as in `subprocess`; `seconds` is the time from start to end; `peak_memory_bytes` is the largest
    value that a check has seen.
    """

    end: End
    returncode: int
    seconds: float
    peak_memory_bytes: int


@dataclass(eq=False)
class Sandbox:
    """A running process group; any thread may call `terminate`."""

    process: subprocess.Popen[str]
    limits: Limits
    started: float = field(default_factory=time.monotonic)
    end: End = End.EXITED
    peak_memory_bytes: int = 0
    container: int | None = None
    #: a group that waits for work has no limits
    resting: bool = False
    _clock_started: float | None = None
    _kill_at: float | None = None

    def find_container(self) -> int | None:
        """The process id of the container's first process, when it is seen for the first time; otherwise None."""
        if self.limits.container is None or self.container is not None:
            return None
        with contextlib.suppress(OSError, ValueError):  # the file is missing or still empty
            self.container = int(self.limits.container.read_text())
        return self.container

    def begin(self, limits: Limits) -> None:
        """Start a further piece of work, with limits of its own, in a group that rested."""
        self.limits, self.started, self._clock_started = limits, time.monotonic(), None
        self.peak_memory_bytes, self.resting = 0, False
        self._signal(signal.SIGCONT)

    def rest(self) -> None:
        """Freeze the group until its next work."""
        self.resting = True
        self._signal(signal.SIGSTOP)

    def terminate(self, end: End = End.TERMINATED) -> None:
        """Ask the group to end; after `GRACE_SECONDS` it is killed."""
        if self.end is End.EXITED:
            self.end, self._kill_at = end, time.monotonic() + GRACE_SECONDS
            self._signal(signal.SIGTERM)

    def kill(self, end: End) -> None:
        """Kill the group."""
        if self.end is End.EXITED:
            self.end = end
        self._signal(signal.SIGKILL)

    def check(self, measure_scratch: bool, graceful: bool) -> None:
        """End the group if it has passed a limit or if its leader has exited.

        With `graceful`, a group that is out of time is asked to end; otherwise it is killed.
        """
        if self.process.poll() is not None:
            self._signal(signal.SIGKILL)
        elif self._kill_at is not None:
            if time.monotonic() > self._kill_at:
                self._signal(signal.SIGKILL)
        elif self.resting:
            return
        elif passed := self._passed_limit(measure_scratch):
            if graceful and passed is End.TIMED_OUT:
                self.terminate(passed)
            else:
                self.kill(passed)

    def _passed_limit(self, measure_scratch: bool) -> End | None:
        limits = self.limits
        if limits.seconds is not None and self._seconds_on_the_clock() > limits.seconds:
            return End.TIMED_OUT
        memory = system.group_memory(self.container or self.process.pid)
        self.peak_memory_bytes = max(self.peak_memory_bytes, memory)
        if limits.memory_bytes is not None and memory > limits.memory_bytes:
            return End.OUT_OF_MEMORY
        if measure_scratch and limits.scratch is not None and limits.scratch_bytes is not None:
            return End.OUT_OF_SCRATCH if folder_size(limits.scratch) > limits.scratch_bytes else None
        return None

    def _seconds_on_the_clock(self) -> float:
        now = time.monotonic()
        if self._clock_started is None:
            ready = self.limits.starts_with
            if ready is None:
                self._clock_started = self.started
            elif ready.exists() or now - self.started > INIT_SECONDS:
                self._clock_started = now
            else:
                return 0.0
        return now - self._clock_started

    def _signal(self, number: signal.Signals) -> None:
        groups = [self.process.pid]
        if self.container is not None and (self.process.returncode is None or self.process.returncode < 0):
            groups.insert(0, self.container)  # a command that ended by itself has outlived its container
        if number is signal.SIGKILL and self.process.returncode is None:
            system.kill_descendants(self.process.pid)  # some may have left the group
        for group in groups:
            system.signal_group(group, number)


def folder_size(folder: Path) -> int:
    """Bytes that the files below a folder occupy; files that vanish meanwhile do not count."""
    total = 0
    pending = [os.fspath(folder)]
    while pending:
        with contextlib.suppress(OSError), os.scandir(pending.pop()) as entries:
            for entry in entries:
                with contextlib.suppress(OSError):
                    if entry.is_dir(follow_symlinks=False):
                        pending.append(entry.path)
                    else:
                        total += entry.stat(follow_symlinks=False).st_blocks * 512
    return total


def outcome_of(sandbox: Sandbox) -> Outcome:
    """How a group ended, or (return code 0) that it has done its work and goes on."""
    seconds = time.monotonic() - sandbox.started
    return Outcome(sandbox.end, sandbox.process.returncode or 0, seconds, sandbox.peak_memory_bytes)


def pause_after(seconds: float) -> float:
    """Seconds until the next check, after a check that kept a core busy for `seconds`."""
    return max(POLL_SECONDS, seconds / WATCHING_SHARE)


class Processes:
    """All processes of one embedded AWS; they end when it closes and when its own process dies."""

    def __init__(self) -> None:
        self._sandboxes: set[Sandbox] = set()
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self._wake = threading.Event()
        self._watchdog = subprocess.Popen(
            [sys.executable, "-ISE", os.fspath(Path(__file__).with_name("watchdog.py"))],
            stdin=subprocess.PIPE,
            text=True,
            bufsize=1,
            start_new_session=True,  # Ctrl-C in the terminal must not reach it
        )
        threading.Thread(target=self._watch, name="local-aws-processes", daemon=True).start()

    def working(self) -> list[Sandbox]:
        """The groups that work, and do not rest."""
        with self._lock:
            return [sandbox for sandbox in self._sandboxes if not sandbox.resting]

    def run(
        self,
        command: Sequence[str],
        *,
        env: Mapping[str, str],
        cwd: Path,
        limits: Limits,
        on_line: Callable[[str], None],
        log: Path | None = None,
        on_start: Callable[[Sandbox], None] | None = None,
    ) -> Outcome:
        """Run a command to its end.

        Its output, stdout and stderr together, goes line by line to `on_line` and to the file `log`.

        Raises
        ------
        OSError
            The command cannot be started.
        """
        sandbox = self._start(command, env, cwd, limits, subprocess.DEVNULL)
        try:
            if on_start:
                on_start(sandbox)
            self.read(sandbox, on_line, log)
            sandbox.process.wait()
        finally:
            self.discard(sandbox)
        return outcome_of(sandbox)

    def open(self, command: Sequence[str], env: Mapping[str, str], cwd: Path, limits: Limits) -> Sandbox:
        """Start a command that gets its work line by line on its standard input; end it by `discard`.

        Raises
        ------
        OSError
            The command cannot be started.
        """
        return self._start(command, env, cwd, limits, subprocess.PIPE)

    def _start(self, command: Sequence[str], env: Mapping[str, str], cwd: Path, limits: Limits, stdin: int) -> Sandbox:
        with self._lock:
            if self._closed.is_set():
                raise OSError("the embedded AWS is shutting down")
            process = subprocess.Popen(
                list(command),
                env=dict(env),
                cwd=cwd,
                stdin=stdin,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                encoding="utf-8",
                errors="replace",
                start_new_session=True,
            )
            system.give_way(process.pid)
            sandbox = Sandbox(process, limits)
            self._sandboxes.add(sandbox)
            self._tell_watchdog("+", process.pid)
        self._wake.set()
        return sandbox

    @staticmethod
    def read(sandbox: Sandbox, on_line: Callable[[str], None], log: Path | None, end_mark: str | None = None) -> bool:
        """Pass on what a group prints, until a line ends with `end_mark`; False if the output ends before."""
        assert sandbox.process.stdout is not None
        with contextlib.ExitStack() as stack:
            file = None
            if log is not None:
                with contextlib.suppress(OSError):  # a full disk costs the log, not the work
                    log.parent.mkdir(parents=True, exist_ok=True)
                    file = stack.enter_context(log.open("a", encoding="utf-8", buffering=1))
            for line in sandbox.process.stdout:
                marked = end_mark is not None and line.endswith(f"{end_mark}\n")
                text = line[: -len(f"{end_mark}\n")] if marked else line
                if file and text:
                    with contextlib.suppress(OSError):
                        file.write(text)
                if text:
                    on_line(text.rstrip("\n"))
                if marked:
                    return True
        return False

    def discard(self, sandbox: Sandbox) -> None:
        """End a group with its descendants, and forget it."""
        if sandbox.process.poll() is None:
            sandbox.kill(End.TERMINATED)
            sandbox.process.wait()
        else:
            sandbox.check(measure_scratch=False, graceful=False)  # end its descendants
        for stream in (sandbox.process.stdin, sandbox.process.stdout):
            if stream is not None:
                with contextlib.suppress(OSError):
                    stream.close()
        with self._lock:
            self._sandboxes.discard(sandbox)
            self._tell_watchdog("-", sandbox.process.pid)
            if sandbox.container is not None:
                self._tell_watchdog("-", sandbox.container)

    def _tell_watchdog(self, sign: str, group: int) -> None:
        assert self._watchdog.stdin is not None
        with contextlib.suppress(OSError, ValueError):
            self._watchdog.stdin.write(f"{sign}{group}\n")

    def _watch(self) -> None:
        polls = 0
        while not self._closed.is_set():
            with self._lock:
                sandboxes = list(self._sandboxes)
                if not sandboxes:
                    self._wake.clear()
            if not sandboxes:
                self._wake.wait()
                continue
            polls += 1
            before = time.thread_time()
            for sandbox in sandboxes:
                if container := sandbox.find_container():
                    self._tell_watchdog("+", container)
                sandbox.check(polls % POLLS_PER_SCRATCH_CHECK == 0, graceful=sandbox.limits.starts_with is None)
            self._closed.wait(pause_after(time.thread_time() - before))

    def close(self) -> None:
        """Kill all running processes; later calls of `run` raise OSError."""
        with self._lock:
            self._closed.set()
            running = list(self._sandboxes)
        self._wake.set()
        for sandbox in running:
            sandbox.kill(End.TERMINATED)
        assert self._watchdog.stdin is not None
        with contextlib.suppress(OSError):
            self._watchdog.stdin.close()  # it then ends, with its list of groups that are dead already
        self._watchdog.wait()
