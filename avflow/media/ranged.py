"""A source of which this process has only the ranges that it asked for.

The file has the size of the source and begins with holes. Before a range is read, whoever fetches the source is asked
for it: in a media process that is the parent (`avflow.isolation.ranges`), which has the network and the credentials.
"""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

#: Bytes of a block, in which ranges are asked for. Smaller ones cost more requests; larger ones fetch more that nobody
#: reads, up to one block at each end of a range (measured: docs/benchmarks.md).
BLOCK = 256 << 10
#: Sees to it that the bytes `[first, end)` are in the file, both at the edge of a block or the end of the file. Returns
#: when they are.
Need = Callable[[int, int], None]


class RangedFile:
    """A file, and which blocks of it are known to be there.

    Parameters
    ----------
    path:
        The file. It has the size of the whole source.
    need:
        Is called once for each block, from the thread that reads. What it raises, the read raises.
    """

    def __init__(self, path: Path, need: Need) -> None:
        self.path, self.size = path, path.stat().st_size
        self._need = need
        self._there = bytearray(-(-self.size // BLOCK))

    def require(self, first: int, end: int) -> None:
        """See to it that the bytes `[first, end)` are there."""
        missing = [block for block in range(first // BLOCK, -(-end // BLOCK)) if not self._there[block]]
        if missing:
            start, stop = missing[0], missing[-1] + 1
            self._need(start * BLOCK, min(stop * BLOCK, self.size))
            self._there[start:stop] = b"\1" * (stop - start)

    def open(self) -> RangedStream:
        """A new view from the start of the file."""
        return RangedStream(self)


class RangedStream(io.RawIOBase):
    """A seekable binary file over a `RangedFile`, which libavformat reads through PyAV."""

    def __init__(self, ranged: RangedFile) -> None:
        super().__init__()
        self.name = ranged.path.name
        self._ranged, self._place = ranged, 0
        self._file = os.open(ranged.path, os.O_RDONLY)

    def readable(self) -> bool:
        """Always true."""
        return True

    def seekable(self) -> bool:
        """Always true."""
        return True

    def tell(self) -> int:
        """The position in the file."""
        return self._place

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move to a position in the file."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._place, io.SEEK_END: self._ranged.size}[whence]
        self._place = max(0, base + offset)
        return self._place

    def read(self, size: int = -1) -> bytes:
        """At most `size` bytes."""
        left = max(0, self._ranged.size - self._place)
        wanted = left if size < 0 else min(size, left)
        if not wanted:
            return b""
        self._ranged.require(self._place, self._place + wanted)
        content = os.pread(self._file, wanted, self._place)
        self._place += len(content)
        return content

    def readinto(self, buffer: Any) -> int:
        """Read into a buffer, as `io.BufferedReader` does."""
        content = self.read(len(buffer))
        buffer[: len(content)] = content
        return len(content)

    def close(self) -> None:
        """Close the file."""
        if not self.closed:
            os.close(self._file)
        super().close()
