"""Runs FFmpeg processes: reports progress, names failures, and never leaves a process behind."""

from __future__ import annotations

import io
import os
import selectors
import signal
import subprocess
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType

import imageio_ffmpeg  # type: ignore[import-untyped]

from avflow.errors import AvflowError, FFmpegFailed, MemoryExhausted, ScratchFull
from avflow.isolation import linux
from avflow.progress import TICK_SECONDS, Meter, Report, ignore

#: lines of FFmpeg's log to keep, and to show in an error message
_KEPT_LINES = 12
_SHOWN_LINES = 4


def binary() -> str:
    """The path of the FFmpeg binary of `imageio-ffmpeg`."""
    executable: str = imageio_ffmpeg.get_ffmpeg_exe()
    return executable


@contextmanager
def written_whole(target: Path) -> Iterator[Path]:
    """A temporary path to write to. If the block succeeds, it is renamed to `target`; otherwise it is deleted."""
    partial = target.with_name(f".{target.name}.partial")
    try:
        yield partial
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)


class Process:
    """A running FFmpeg process. A context manager, which kills the process on exit if it still runs.

    Parameters
    ----------
    command:
        The argument list, starting with the binary.
    name:
        The name of the input, for error messages.
    stdin:
        The output of another process to read. The default is an empty standard input.
    stdout:
        As for `subprocess.Popen`.
    folder, environ:
        The working directory, and more environment variables.
    see:
        Is told each line of the log, by another thread.
    """

    def __init__(
        self,
        command: Sequence[str],
        name: str,
        stdin: io.FileIO | None = None,
        stdout: int | None = None,
        *,
        folder: Path | None = None,
        environ: Mapping[str, str] | None = None,
        see: Callable[[str], None] | None = None,
    ) -> None:
        self.name, self._see = name, see
        self._popen = subprocess.Popen(
            list(command),
            stdin=subprocess.DEVNULL if stdin is None else stdin,
            stdout=stdout,
            stderr=subprocess.PIPE,
            bufsize=0,
            cwd=folder,
            env={**os.environ, **environ} if environ else None,
            preexec_fn=linux.WITH_PARENT,  # noqa: PLW1509  one system call; a killed process leaves no FFmpeg
        )
        self._log: deque[str] = deque(maxlen=_KEPT_LINES)
        # FFmpeg blocks on a full pipe if nothing reads its log
        self._reader = threading.Thread(target=self._read_log, name=f"ffmpeg log of {name}", daemon=True)
        self._reader.start()

    def _read_log(self) -> None:
        stream = self._popen.stderr
        assert stream is not None
        for line in stream:
            text = line.decode(errors="replace").strip()
            if text:
                self._log.append(text[:500])
                if self._see:
                    self._see(text)

    @property
    def stdout(self) -> io.FileIO:
        """The standard output of a process started with `stdout=PIPE`; unbuffered."""
        assert isinstance(self._popen.stdout, io.FileIO)
        return self._popen.stdout

    def finish(self) -> None:
        """Wait until the process ends.

        Raises
        ------
        ScratchFull
            The disk is full, or the output file reached a size limit.
        MemoryExhausted
            The kernel killed the process, which it does when memory runs out.
        FFmpegFailed
            The process failed for another reason.
        """
        status = self._popen.wait()
        self._reader.join()
        if status != 0:
            raise self._failure(status)

    def _failure(self, status: int) -> AvflowError:
        """The error for an exit status, which is the negative signal number after a signal."""
        full = ("No space left on device", "File too large", "Disk quota exceeded")
        if status == -signal.SIGXFSZ or any(reason in line for line in self._log for reason in full):
            return ScratchFull(f"The scratch space is full while FFmpeg works on {self.name}")
        if status == -signal.SIGKILL:
            return MemoryExhausted(f"FFmpeg was killed while it worked on {self.name}: it ran out of memory")
        lines = " | ".join(list(self._log)[-_SHOWN_LINES:]) or "it printed no message"
        return FFmpegFailed(f"FFmpeg ended with status {status} on {self.name}: {lines}")

    def kill(self) -> None:
        """Kill the process if it still runs."""
        self._popen.kill()
        self._popen.wait()

    def __enter__(self) -> Process:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.kill()
        self._reader.join()
        for pipe in (self._popen.stdout, self._popen.stderr):
            if pipe is not None:
                pipe.close()


def run(
    command: Sequence[str],
    name: str,
    *,
    step: str,
    seconds: float,
    report: Report = ignore,
    stdin: io.FileIO | None = None,
) -> int:
    """Run an FFmpeg command until it ends. The command must contain `-progress pipe:1`.

    Parameters
    ----------
    command:
        The argument list, starting with the binary.
    name:
        The name of the input, for error messages.
    step, report:
        The name of the step, and the receiver of its progress.
    seconds:
        The duration of the output.
    stdin:
        The output of another process to read. It is closed here, so that the other process notices FFmpeg's end.

    Returns
    -------
    The number of frames that FFmpeg wrote.

    Raises
    ------
    FFmpegFailed
        The command failed. The message contains the last lines of FFmpeg's log.
    ScratchFull, MemoryExhausted
        The machine ran out of disk space or memory.
    Exception
        Whatever `report` raises. FFmpeg is killed first.
    """
    meter = Meter(step, seconds, "seconds", report)
    done, frames = 0.0, 0
    with Process(command, name, stdin, subprocess.PIPE) as process:
        if stdin is not None:
            stdin.close()
        for lines in _lines_by_tick(process.stdout):
            done = max([done, *(time / 1e6 for time in _progress(lines, b"out_time_us"))])
            frames = max([frames, *_progress(lines, b"frame")])
            meter.update(min(done, seconds))
        process.finish()
    meter.update(seconds)
    return frames


def _lines_by_tick(output: io.FileIO) -> Iterator[list[bytes]]:
    """The new lines of `output` as they arrive, and an empty list every `TICK_SECONDS` without output."""
    rest = b""
    with selectors.DefaultSelector() as selector:
        selector.register(output, selectors.EVENT_READ)
        while True:
            lines: list[bytes] = []
            if selector.select(TICK_SECONDS):
                chunk = output.read(65_536)
                if not chunk:
                    return
                *lines, rest = (rest + chunk).split(b"\n")
            yield lines


def _progress(lines: Sequence[bytes], wanted: bytes) -> Iterator[int]:
    """The values of one key in the output lines of `-progress`."""
    for line in lines:
        key, _, value = line.partition(b"=")
        if key == wanted and value.lstrip(b"-").isdigit():
            yield int(value)
