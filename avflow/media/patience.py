"""How long the description of an upload may take, and how many packets it may read, whatever the upload contains.

`probe` sets the limits for its own work; the loops over packets and header elements in this package obey them. Small
files can make a demuxer yield the same bytes for hours: an edit list of 12 bytes shows a whole film again (ISO/IEC
14496-12, 8.6.6), and a header of a few bytes opens another level of elements.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path

from avflow.cores import usable_cores
from avflow.errors import InvalidMediaOutOfProportion, InvalidMediaTooSlow
from avflow.media import memory

#: Seconds for any file up to so many bytes; a larger file gets more in proportion. The parent of the media process ends
#: it two seconds later (`avflow.media_work.limits.describing`).
SECONDS, BYTES = 28.0, 100_000_000
#: Share of the time after which measurements end with what they have, so that the rest can be finished; before that,
#: they go on with samples of what is left.
_SHARE_OF_MEASUREMENTS, _SHARE_BEFORE_SAMPLES = 0.8, 0.65
#: Packets that any file may have. A larger number needs at least one byte each: no codec stores a frame in less, but
#: an edit list repeats frames for nothing.
_ALWAYS_PACKETS = 100_000


#: a look at the clock takes a tenth as long as a packet
_PACKETS_BETWEEN_CHECKS = 10


#: Bytes of a packet, where it is more than one: an entry in the index of MP4, where edit lists are, has four.
_LEAST_BYTES = {"mov,mp4,m4a,3gp,3g2,mj2": 4}


@dataclass
class _Patience:
    path: Path
    size: int
    seconds: float
    begun: float = field(default_factory=time.monotonic)
    thread: float = field(default_factory=time.thread_time)
    process: float = field(default_factory=time.process_time)
    #: how many times faster than the clock `passed` may be
    pace: float = field(default_factory=lambda: max(1.0, usable_cores() / 2))

    def passed(self) -> float:
        """Seconds of processor time of this thread, or half of that of all threads, such as a decoder's.

        The clock would count the work of other programs, too.
        """
        return max(time.thread_time() - self.thread, (time.process_time() - self.process) / 2)

    def is_over(self, share: float = 1.0) -> bool:
        # the clock is cheaper to read than the processor time, and tells when that can't be over
        seconds = share * self.seconds
        return (time.monotonic() - self.begun) * self.pace > seconds and self.passed() > seconds

    def check(self) -> None:
        if self.is_over():
            raise InvalidMediaTooSlow(
                f"{self.path.name} ({self.size} bytes) could not be described within {self.seconds:.0f} s"
            )


_current: ContextVar[_Patience | None] = ContextVar("patience", default=None)


@contextmanager
def limited(path: Path) -> Iterator[None]:
    """Limit the time and memory of the work in this block that reads `path`.

    Within another limited block, that one's limits stay.

    Raises
    ------
    InvalidMediaOutOfProportion
        As `avflow.media.memory.limited`.
    """
    if _current.get() is not None:
        yield
        return
    size = path.stat().st_size
    token = _current.set(_Patience(path, size, SECONDS * max(1.0, size / BYTES)))
    try:
        with memory.limited(path):
            yield
    finally:
        _current.reset(token)


def check() -> None:
    """Call it in every loop over the contents of an upload.

    Raises
    ------
    InvalidMediaTooSlow
        The time of the block is over.
    """
    patience = _current.get()
    if patience is not None:
        patience.check()


def seconds_left() -> float | None:
    """The rest of the time, at least a second; None without a limit."""
    patience = _current.get()
    return None if patience is None else max(1.0, patience.seconds - patience.passed())


def measured_enough(*, samples: bool = False) -> bool:
    """Whether measurements, which may be incomplete, should end. With `samples`: whether only samples should follow."""
    patience = _current.get()
    return patience is not None and patience.is_over(_SHARE_BEFORE_SAMPLES if samples else _SHARE_OF_MEASUREMENTS)


class Packets:
    """Counts the packets of one pass over a file. `container` is FFmpeg's name of the demuxer."""

    def __init__(self, container: str) -> None:
        self._count, self._least = 0, _LEAST_BYTES.get(container, 1)

    def add(self) -> None:
        """Count one packet.

        Raises
        ------
        InvalidMediaTooSlow
            The time of the block is over.
        InvalidMediaOutOfProportion
            The file yields more packets than it has bytes.
        """
        self._count += 1
        if self._count % _PACKETS_BETWEEN_CHECKS:
            return
        patience = _current.get()
        if patience is None:
            return
        patience.check()
        if self._count > max(_ALWAYS_PACKETS, patience.size // self._least):
            raise InvalidMediaOutOfProportion(
                f"{patience.path.name} has {patience.size} bytes, but repeats them in more than {self._count} frames "
                "or pieces of sound"
            )
