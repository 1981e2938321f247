"""Runs FFmpeg: reports its progress, stops when the report says so, names its failure, never leaves it behind."""

from __future__ import annotations

import io
import selectors
import signal
import subprocess
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType

import imageio_ffmpeg  # type: ignore[import-untyped]

from avflow.errors import AvflowError, FFmpegFailed, MemoryExhausted, ScratchFull
from avflow.progress import TICK_SECONDS, Meter, Report, ignore

#: lines of FFmpeg's log that are kept for the error message
_KEPT_LINES = 12
_SHOWN_LINES = 4


def binary() -> str:
    """Path of the FFmpeg that comes with `imageio-ffmpeg`."""
    executable: str = imageio_ffmpeg.get_ffmpeg_exe()
    return executable


@contextmanager
def written_whole(target: Path) -> Iterator[Path]:
    """A path to write to that becomes `target` if the block ends well, and vanishes if it doesn't."""
    partial = target.with_name(f".{target.name}.partial")
    try:
        yield partial
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)


class Process:
    """A running FFmpeg. As a context manager it is killed on the way out if it still runs.

    Parameters
    ----------
    command:
        The argument list, the binary first.
    name:
        The input's name, for error messages.
    stdin:
        Another process's output to read; nothing when left out.
    stdout:
        As for `subprocess.Popen`.
    """

    def __init__(
        self, command: Sequence[str], name: str, stdin: io.FileIO | None = None, stdout: int | None = None
    ) -> None:
        self.name = name
        self._popen = subprocess.Popen(
            list(command),
            stdin=subprocess.DEVNULL if stdin is None else stdin,
            stdout=stdout,
            stderr=subprocess.PIPE,
            bufsize=0,
        )
        self._log: deque[str] = deque(maxlen=_KEPT_LINES)
        # FFmpeg would block on a full pipe if nobody read its log
        self._reader = threading.Thread(target=self._read_log, name=f"ffmpeg log of {name}", daemon=True)
        self._reader.start()

    def _read_log(self) -> None:
        stream = self._popen.stderr
        assert stream is not None
        for line in stream:
            text = line.decode(errors="replace").strip()
            if text:
                self._log.append(text[:500])

    @property
    def stdout(self) -> io.FileIO:
        """Where a process started with `stdout=PIPE` writes to; unbuffered."""
        assert isinstance(self._popen.stdout, io.FileIO)
        return self._popen.stdout

    def finish(self) -> None:
        """Wait for the end.

        Raises
        ------
        ScratchFull
            The disk is full, or the file it writes may not grow.
        MemoryExhausted
            The kernel killed it, which it does for memory.
        FFmpegFailed
            Any other end than a good one.
        """
        status = self._popen.wait()
        self._reader.join()
        if status != 0:
            raise self._failure(status)

    def _failure(self, status: int) -> AvflowError:
        """The name of an end with this status, which is negative after a signal."""
        full = ("No space left on device", "File too large", "Disk quota exceeded")
        if status == -signal.SIGXFSZ or any(reason in line for line in self._log for reason in full):
            return ScratchFull(f"The scratch space is full while FFmpeg works on {self.name}")
        if status == -signal.SIGKILL:
            return MemoryExhausted(f"FFmpeg was killed while it worked on {self.name}: its memory is used up")
        lines = " | ".join(list(self._log)[-_SHOWN_LINES:]) or "it left no message"
        return FFmpegFailed(f"FFmpeg ended with status {status} on {self.name}: {lines}")

    def kill(self) -> None:
        """End it at once, if it still runs."""
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
    """Run an FFmpeg command whose `-progress pipe:1` is set, to its end.

    Parameters
    ----------
    command:
        The argument list, the binary first.
    name:
        The input's name, for error messages.
    step:
        What it does, for reports.
    seconds:
        Length of the media that it writes.
    stdin:
        Another process's output to read; closed here, so that its writer notices when FFmpeg ends.

    Returns
    -------
    Pictures that it wrote.

    Raises
    ------
    FFmpegFailed
        With the last lines of FFmpeg's log.
    ScratchFull, MemoryExhausted
        The machine has not enough of it.
    Exception
        Whatever `report` raises; FFmpeg is killed.
    """
    meter = Meter(step, seconds, "seconds", report)
    done, frames = 0.0, 0
    with Process(command, name, stdin, subprocess.PIPE) as process, selectors.DefaultSelector() as selector:
        if stdin is not None:
            stdin.close()
        selector.register(process.stdout, selectors.EVENT_READ)
        rest = b""
        while True:
            if selector.select(TICK_SECONDS):
                chunk = process.stdout.read(65_536)
                if not chunk:
                    break
                *lines, rest = (rest + chunk).split(b"\n")
                done = max([done, *(time / 1e6 for time in _progress(lines, b"out_time_us"))])
                frames = max([frames, *_progress(lines, b"frame")])
            meter.update(min(done, seconds))
        process.finish()
    meter.update(seconds)
    return frames


def _progress(lines: Sequence[bytes], wanted: bytes) -> Iterator[int]:
    """Values of one key in lines of FFmpeg's `-progress`."""
    for line in lines:
        key, _, value = line.partition(b"=")
        if key == wanted and value.lstrip(b"-").isdigit():
            yield int(value)
