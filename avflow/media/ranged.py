"""A source of which this process has only the ranges that it asked for.

The file has the size of the source and begins with holes. Before a range is read, whoever fetches the source is asked
for it: in a media process that is the parent (`avflow.isolation.ranges`), which has the network and the credentials.
"""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from avflow.media.key_frames import KeyFrames, Piece

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
    key_frames:
        Where decoding may begin, if the container has no index.
    """

    def __init__(self, path: Path, need: Need, key_frames: KeyFrames | None = None) -> None:
        self.path, self.size, self.key_frames = path, path.stat().st_size, key_frames
        self._need = need
        self._there = bytearray(-(-self.size // BLOCK))

    def require(self, first: int, end: int) -> None:
        """See to it that the bytes `[first, end)` are there."""
        missing = [block for block in range(first // BLOCK, -(-end // BLOCK)) if not self._there[block]]
        if missing:
            start, stop = missing[0], missing[-1] + 1
            self._need(start * BLOCK, min(stop * BLOCK, self.size))
            self._there[start:stop] = b"\1" * (stop - start)

    def open(self, pieces: Sequence[Piece] = ()) -> RangedStream:
        """A new view of the file, whole or in pieces."""
        return RangedStream(self, pieces or [Piece(self.size, 0)])


class RangedStream(io.RawIOBase):
    """A seekable binary file over pieces of a `RangedFile`, which libavformat reads through PyAV."""

    def __init__(self, ranged: RangedFile, pieces: Sequence[Piece]) -> None:
        super().__init__()
        self.name = ranged.path.name
        self._ranged, self._pieces, self._place = ranged, pieces, 0
        self._size = sum(piece.length for piece in pieces)
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
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._place, io.SEEK_END: self._size}[whence]
        self._place = max(0, base + offset)
        return self._place

    def read(self, size: int = -1) -> bytes:
        """At most `size` bytes; fewer at the end of a piece, as a file may return."""
        begin = 0
        for piece in self._pieces:
            if self._place < begin + piece.length:
                at = self._place - begin
                left = piece.length - at
                content = self._of(piece, at, left if size < 0 else min(size, left))
                self._place += len(content)
                return content
            begin += piece.length
        return b""

    def _of(self, piece: Piece, at: int, length: int) -> bytes:
        if isinstance(piece.content, bytes):
            return piece.content[at : at + length]
        place = piece.content + at
        self._ranged.require(place, place + length)
        return os.pread(self._file, length, place)

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
