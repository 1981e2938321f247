"""Where decoding may begin in a file that has no index: an index of its key frames, for readers of ranges.

MPEG-TS, FLV, Matroska without cues and fragmented MP4 without `sidx` don't say where their frames are. A reader would
have to read them from the start. `avflow.media.probe` reads every packet, and notes where some key frames are. A reader
then takes the file to consist of its head, which says what the streams are, and of what follows such a place.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from avflow.media.contract import Contract

#: Places that are kept, at most: they are in media.json. A film of 10 hours has one in every 18 to 35 s.
_MOST_PLACES = 2048
#: bytes of the longest head, and between a key frame and the start of its cluster or fragment
_MOST_HEAD, _MOST_BACK = 4 << 20, 16 << 20
_MATROSKA, _MP4 = "matroska,webm", "mov,mp4,m4a,3gp,3g2,mj2"
#: containers that have an index, or for which `KeyScan` makes one
INDEXED = (_MATROSKA, _MP4, "avi")
#: containers whose packets may follow the head from any place on: they name no other place of the file
_CUT_ANYWHERE = ("mpegts", "flv")
#: by container: the identifier of its index, and what begins the part of the file that a packet is in, with the bytes
#: before that (RFC 9559, section 5.1, "Cues" and "Cluster"; ISO/IEC 14496-12, sections 8.16.3 and 8.8.4)
_INDEX = {_MATROSKA: b"\x1c\x53\xbb\x6b", _MP4: b"sidx"}
_PART = {_MATROSKA: (b"\x1f\x43\xb6\x75", 0), _MP4: (b"moof", 4)}


@dataclass(frozen=True)
class Piece:
    """`length` bytes of a view of a file: those of the file from an offset on, or others."""

    length: int
    content: int | bytes


@dataclass(frozen=True)
class KeyFrames(Contract):
    """Key frames of a file without an index."""

    #: FFmpeg's name of the demuxer
    container: str
    #: seconds of a tick
    time_base: Fraction
    #: bytes before the first packet
    head: int
    #: timestamp in ticks, and the byte where the part of the file with this key frame begins; in order
    places: tuple[tuple[int, int], ...]

    def before(self, ticks: int, size: int) -> tuple[int, int] | None:
        """The last place at or before a timestamp in a file of `size` bytes; None if there is none."""
        there = (place for place in reversed(self.places) if self.head <= place[1] < size)
        return next((place for place in there if place[0] <= ticks), None)

    def end(self, seconds: Fraction) -> int | None:
        """The byte at which reading may end that needs all frames up to a time; None: at the end of the file.

        To open a fragmented MP4, libavformat reads the headers of all fragments, one after another.
        """
        if self.container != _MP4:
            return None
        return next((byte for ticks, byte in self.places if ticks * self.time_base > seconds), None)

    def start(self, seconds: Fraction) -> tuple[Piece, ...]:
        """The beginning of the file, up to so many seconds after its first key frame; empty: the whole file."""
        end = self.end(self.places[0][0] * self.time_base + seconds) if self.places else None
        return (Piece(end, 0),) if end else ()

    def pieces(self, byte: int, end: int) -> tuple[Piece, ...]:
        """The file as its head and the bytes `byte` to `end`.

        Matroska and MP4 name places of the file. There an element that readers skip takes the place of what is left
        out, so that all places stay what they are.
        """
        if self.container in _CUT_ANYWHERE:
            return (Piece(self.head, 0), Piece(end - byte, byte))
        filler = _filler(self.container, byte - self.head)
        after = self.head + len(filler)
        return (Piece(self.head, 0), Piece(len(filler), filler), Piece(end - after, after))


class KeyScan:
    """Collects the key frames of one pass over a file."""

    def __init__(self) -> None:
        self._places: list[tuple[int, int]] = []
        self._container, self._time_base = "", Fraction(1)
        self._first: int | None = None
        self._every, self._seen = 1, 0
        self._usable = False

    def begin(self, stream: Any) -> None:
        """Begin anew, with a video stream."""
        self.__init__()  # type: ignore[misc]
        self._container, self._usable = stream.container.format.name, True
        self._time_base = stream.time_base

    def add(self, packet: Any) -> None:
        """Note a packet of the stream."""
        if packet.pos is None or packet.pos < 0 or packet.pts is None:
            self._usable = False
            return
        if self._first is None:
            self._first = packet.pos
        if not packet.is_keyframe or packet.is_corrupt or packet.is_discard:
            return
        if self._seen % self._every == 0:
            self._places.append((packet.pts, packet.pos))
        self._seen += 1
        if len(self._places) > _MOST_PLACES:
            self._places = self._places[::2]
            self._every *= 2

    def found(self, path: Path) -> KeyFrames | None:
        """The key frames of the file that was read; None if it has an index, or needs one of another kind."""
        if not self._usable or self._first is None or self._places != sorted(self._places):
            return None
        if self._container in _CUT_ANYWHERE:
            return KeyFrames(self._container, self._time_base, self._first, tuple(self._places))
        if self._container not in _PART:
            return None
        with path.open("rb") as file:
            head = _part_before(file, self._first, self._container)
            if head is None or not 0 < head <= _MOST_HEAD:
                return None
            file.seek(0)
            start = file.read(head)
            if _has_index(start, self._container) or (self._container == _MP4 and b"mvex" not in start):
                return None
            places = [(ticks, _part_before(file, byte, self._container)) for ticks, byte in self._places]
        return KeyFrames(
            self._container, self._time_base, head, tuple((ticks, byte) for ticks, byte in places if byte is not None)
        )


def _has_index(head: bytes, container: str) -> bool:
    """Whether the head of a file is, or names, an index of the whole file."""
    at = head.find(_INDEX[container])
    if container != _MP4 or at < 0:
        return at >= 0
    # a `sidx` with one reference is that of a single fragment; version 1 has longer times
    count = at + (36 if head[at + 4 : at + 5] == b"\1" else 28) - 2
    return int.from_bytes(head[count : count + 2]) > 1


def _part_before(file: Any, byte: int, container: str) -> int | None:
    """Where the cluster or fragment with this byte begins."""
    mark, before = _PART[container]
    step = 1 << 16
    end = byte
    while end > max(0, byte - _MOST_BACK):
        start = max(0, end - step)
        file.seek(start)
        at = file.read(min(end + len(mark), byte) - start).rfind(mark)
        if at >= 0:
            return int(start + at - before)
        end = start
    return None


def _filler(container: str, length: int) -> bytes:
    """The header of an element of `length` bytes that readers skip: `free`, or Void. Empty if there is no room."""
    if length < 16:
        return b""
    if container == _MP4:
        return b"\0\0\0\1free" + length.to_bytes(8)
    return b"\xec\x01" + (length - 9).to_bytes(7)
