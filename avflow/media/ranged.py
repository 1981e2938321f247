"""A source of which this process has only the ranges that it asked for.

The file has the size of the source and begins with holes. Before a range is read, whoever fetches the source is asked
for it: in a media process that is the parent (`avflow.isolation.ranges`), which has the network and the credentials.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path

from avflow.media.key_frames import KeyFrames, Piece
from avflow.media.seekable import SeekableFile

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


class RangedStream(SeekableFile):
    """A seekable binary file over pieces of a `RangedFile`."""

    def __init__(self, ranged: RangedFile, pieces: Sequence[Piece]) -> None:
        super().__init__(ranged.path.name, sum(piece.length for piece in pieces))
        self._ranged, self._pieces = ranged, pieces
        self._file = os.open(ranged.path, os.O_RDONLY)

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

    def close(self) -> None:
        """Close the file."""
        if not self.closed:
            os.close(self._file)
        super().close()
