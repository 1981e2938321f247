"""The parent's side of a source that is read by ranges: what a media process asks for is fetched into a sparse file.

The media process has no network, so it asks (`avflow.isolation.messages`, "need"), waits for the answer ("there"), and
reads the file (`avflow.media.ranged`). Whatever it asks for, each block is fetched at most once: all of its requests
together cost at most one download of the source.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from avflow.errors import DISK_FULL, ScratchFull
from avflow.filenames import printable
from avflow.media.ranged import BLOCK

#: returns the bytes `[first, end)` of the source; called from several threads at once
Fetch = Callable[[int, int], bytes]

#: ranges that are fetched at once
PARALLEL = 8
#: What is read ahead, in bytes: a share of what was last read without a jump, so that little of it is in vain where a
#: segment ends, and within these limits. It is never more than was read since the last jump.
_AHEAD_SHARE, _LEAST_AHEAD, _MOST_AHEAD = 16, 2 * BLOCK, 32 << 20
#: requests for what is read ahead; none is for more bytes than `MOST_RANGE`, or for less than a block
_AHEAD_REQUESTS, MOST_RANGE = 4, 8 << 20
#: seconds between two looks at whether the fetching has failed
_TICK = 0.1

_MISSING, _COMING, _THERE = range(3)


@dataclass
class _Asked:
    """The blocks that the media process waits for, and how to tell it that they are there."""

    first: int
    end: int
    there: Callable[[], None]


class RangedSource:
    """A source of `size` bytes, and the sparse file with what was fetched of it. A context manager.

    Parameters
    ----------
    path:
        The file to make.
    fetch:
        Fetches a range. Its error ends the fetching, and `check` raises it.
    """

    def __init__(self, path: Path, size: int, fetch: Fetch) -> None:
        self.path, self.size = path, size
        #: bytes and requests so far
        self.fetched = self.requests = 0
        self._fetch = fetch
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        os.truncate(self._file, size)
        self._states = bytearray(-(-size // BLOCK))
        self._lock = threading.Lock()
        self._fetching = ThreadPoolExecutor(PARALLEL, thread_name_prefix="range")
        # a media process that does not read its answers blocks this thread, and no other
        self._answering = ThreadPoolExecutor(1, thread_name_prefix="range's answer")
        self._ahead: list[tuple[Future[None], int, int]] = []
        self._asked: _Asked | None = None
        self._error: BaseException | None = None
        #: the block after the last that was asked for, and the bytes that were read without a jump
        self._next = self._run = 0

    # ------------------------------------------------------------ what the media process asks
    @property
    def is_busy(self) -> bool:
        """Whether a request has no answer yet."""
        return self._asked is not None

    def ask(self, first: int, end: int, there: Callable[[], None]) -> None:
        """Fetch the bytes `[first, end)`, and call `there` once from another thread when they are in the file."""
        start, stop = first // BLOCK, -(-end // BLOCK)
        with self._lock:
            jumps = not self._next <= start <= self._next + self._window // BLOCK
            if jumps:
                self._forget_ahead()
            self._run = (0 if jumps else self._run) + (stop - start) * BLOCK
            self._next = stop
            self._start(start, stop, BLOCK * -(-(stop - start) // PARALLEL))
            self._read_ahead(stop)
            self._asked = _Asked(start, stop, there)
            self._answer()

    def wait(self, first: int, end: int) -> None:
        """`ask`, and wait for it."""
        there = threading.Event()
        self.ask(first, end, there.set)
        while not there.wait(_TICK):
            self.check()

    def check(self) -> None:
        """Raise the error that ended the fetching, if there is one."""
        if self._error is not None:
            raise self._error

    def begin(self) -> None:
        """Fetch the start of the source, which every reader reads first."""
        with self._lock:
            self._ahead = self._start(0, min(_LEAST_AHEAD // BLOCK, len(self._states)), BLOCK)

    # ------------------------------------------------------------ fetching; the lock is held
    @property
    def _window(self) -> int:
        """Bytes to read ahead."""
        return min(max(min(self._run, _LEAST_AHEAD), self._run // _AHEAD_SHARE), _MOST_AHEAD)

    def _read_ahead(self, block: int) -> None:
        """Start to fetch what probably comes after `block`, once half of what was read ahead is used up."""
        window = self._window // BLOCK
        end = min(block + window, len(self._states))
        covered = next((each for each in range(block, end) if self._states[each] == _MISSING), end)
        if covered < end and covered - block <= window // 2:
            self._ahead = [each for each in self._ahead if not each[0].done()]
            self._ahead += self._start(covered, end, self._window // _AHEAD_REQUESTS)

    def _start(self, first: int, end: int, most: int) -> list[tuple[Future[None], int, int]]:
        """Start to fetch the missing ones of these blocks, in ranges of at most `most` bytes."""
        begun = []
        blocks = max(1, min(most, MOST_RANGE) // BLOCK)
        while first < end:
            stop = first
            while stop < min(end, first + blocks) and self._states[stop] == _MISSING:
                stop += 1
            if stop > first:
                self._states[first:stop] = bytes([_COMING]) * (stop - first)
                begun.append((self._fetching.submit(self._bring, first, stop), first, stop))
            first = max(stop, first + 1)
        return begun

    def _forget_ahead(self) -> None:
        """Drop what was to be read ahead and has not begun."""
        for future, first, stop in self._ahead:
            if future.cancel():
                self._states[first:stop] = bytes([_MISSING]) * (stop - first)
        self._ahead = []

    def _answer(self) -> None:
        """Answer the media process if all that it asked for is there."""
        asked = self._asked
        if asked and self._states.count(_THERE, asked.first, asked.end) == asked.end - asked.first:
            self._asked = None
            self._answering.submit(asked.there)

    # ------------------------------------------------------------ in the threads that fetch
    def _bring(self, first: int, stop: int) -> None:
        start, end = first * BLOCK, min(stop * BLOCK, self.size)
        try:
            with self._lock:
                self.fetched += end - start
                self.requests += 1
            if self._error is None:
                self._write(self._fetch(start, end), start)
        except BaseException as error:
            self._error = self._error or error
        with self._lock:
            if self._error is None:
                self._states[first:stop] = bytes([_THERE]) * (stop - first)
                self._answer()

    def _write(self, content: bytes, place: int) -> None:
        try:
            written = 0
            while written < len(content):
                written += os.pwrite(self._file, content[written:], place + written)
        except OSError as error:
            if error.errno in DISK_FULL:
                name = printable(self.path.name)
                raise ScratchFull(f"The scratch space has no room for the ranges of {name}: {error.strerror}") from None
            raise

    # ------------------------------------------------------------ the end
    def end(self) -> None:
        """Fetch nothing more, and wait for what is on its way."""
        self._fetching.shutdown(cancel_futures=True)

    def __enter__(self) -> RangedSource:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """End the media process first: its answers may wait for it."""
        self.end()
        self._answering.shutdown(cancel_futures=True)
        os.close(self._file)
