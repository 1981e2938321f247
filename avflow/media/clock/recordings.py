"""Finds the recordings that were appended to one another, byte by byte, in one file.

Recorders, browsers and `cat` append one complete file to another. FFmpeg's demuxers read only the first recording of
such a file, or misread the header of the second one. So every recording is read as a file of its own.

In MPEG-TS, MPEG-PS, MP3 and other streams without a header, nothing marks the start of the second recording. There only
the clock shows it: see `avflow.media.clock.restarts`. Raw AAC (ADTS) has no clock either: FFmpeg counts all of its
frames at the rate of the first one, so each change of the rate begins another recording.
"""

from __future__ import annotations

import mmap
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from avflow.errors import InvalidMediaDamaged
from avflow.media.patience import check
from avflow.media.seekable import SeekableFile

#: more recordings in one file are not the work of a recorder
MAX_RECORDINGS = 3_000

_READ_BYTES = 1 << 20
#: bytes that a signature's check may look at
_LOOK_AHEAD = 64
#: bytes at the start of a fragment's header that hold the time of its first track
_MOST_MOOF = 1_024
#: bytes of the longest box `ftyp`: 250 names
_MOST_FTYP = 1_024

_EBML = b"\x1a\x45\xdf\xa3"
_OGG_PAGE = b"OggS\x00"
_FIRST_PAGE = b"OggS\x00\x02"
_ID3 = b"ID3"
_ADTS_HEADER_BYTES = 7


@dataclass(frozen=True)
class Recording:
    """The bytes `start` to `end` of a file, after the first `head` bytes of the file, which all recordings share."""

    start: int
    end: int
    head: int = 0

    @property
    def size(self) -> int:
        """The number of its bytes."""
        return self.head + self.end - self.start

    def is_whole(self, path: Path) -> bool:
        """Whether this is the whole file."""
        return self.start == 0 and self.end == path.stat().st_size


def find_recordings(path: Path) -> tuple[Recording, ...]:
    """The recordings in a file, in order. Nearly every file has one.

    Sources: RFC 8794 section 11.2 (EBML), RFC 9639 section 8 (FLAC), RFC 3533 section 6 (Ogg), Adobe "Video File Format
    Specification" version 10 (FLV), ISO/IEC 14496-12 section 4.2 (boxes), Microsoft "AVI RIFF File Reference",
    SMPTE ST 377-1 section 6 (MXF partitions), ISO/IEC 14496-3 section 1.A.2.2 (ADTS).

    Raises
    ------
    InvalidMediaDamaged
        The file has more than 3 000 of them.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        starts, heads = [0], [0]
        for start, head in _starts_and_heads(file, size):
            starts.append(start)
            heads.append(head)
            if len(starts) > MAX_RECORDINGS:
                raise InvalidMediaDamaged(f"{path.name} seems to consist of more than {MAX_RECORDINGS} recordings")
    return tuple(map(Recording, starts, [*starts[1:], size], heads))


def _starts_and_heads(file: BinaryIO, size: int) -> Iterator[tuple[int, int]]:
    magic = file.read(_LOOK_AHEAD)
    if magic[4:8] in (b"ftyp", b"styp"):
        return _later_boxes(file, size)
    return ((start, 0) for start in _later_starts(file, size, magic))


def _later_starts(file: BinaryIO, size: int, magic: bytes) -> Iterator[int]:
    if magic[:4] in (b"RIFF", b"RF64"):
        return _later_riffs(file, size, magic[8:12])
    if magic.startswith(_OGG_PAGE):
        return _later_chains(file)
    if size and (magic.startswith(_ID3) or _is_adts(magic)):
        return _later_rates(file)
    for signature, accepted in _SIGNATURES:
        if magic.startswith(signature) and accepted(magic):
            return (at for at in _find(file, signature, accepted) if at > 0)
    return iter(())


# ---------------------------------------------------------------- signatures
def is_matroska(head: bytes) -> bool:
    """Whether an EBML header names Matroska or WebM as its DocType (element 0x4282)."""
    at = head.find(b"\x42\x82")
    return at > 0 and any(name in head[at + 2 : at + 16] for name in (b"webm", b"matroska"))


def is_flv(head: bytes) -> bool:
    """Whether an FLV header has no reserved flag, its own length (9), and the first PreviousTagSize (0)."""
    return head[4:5] in (b"\x00", b"\x01", b"\x04", b"\x05") and head[5:13] == b"\x00\x00\x00\x09\x00\x00\x00\x00"


_SIGNATURES: tuple[tuple[bytes, Callable[[bytes], bool]], ...] = (
    (_EBML, is_matroska),
    (b"FLV\x01", is_flv),
    # the marker, and the header of a STREAMINFO block of 34 bytes
    (b"fLaC\x00\x00\x00\x22", lambda _: True),
    (b"nut/multimedia container\x00", lambda _: True),
    # the GUID of the ASF header object
    (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11\xa6\xd9\x00\xaa\x00\x62\xce\x6c", lambda _: True),
    # IVF: version 0, a header of 32 bytes
    (b"DKIF\x00\x00\x20\x00", lambda _: True),
    # the key of MXF's header partition; a body or footer partition has another last byte
    (b"\x06\x0e\x2b\x34\x02\x05\x01\x01\x0d\x01\x02\x01\x01\x02", lambda _: True),
)


def _find(file: BinaryIO, signature: bytes, accepted: Callable[[bytes], bool], start: int = 0) -> Iterator[int]:
    """Where `signature` occurs, from `start` on, and the bytes from it on are accepted. The file is read once."""
    file.seek(start)
    position, block = start, file.read(_READ_BYTES + _LOOK_AHEAD)
    while block:
        check()
        last = len(block) < _READ_BYTES + _LOOK_AHEAD
        at = block.find(signature)
        while 0 <= at < (len(block) if last else _READ_BYTES):
            if accepted(block[at : at + _LOOK_AHEAD]):
                yield position + at
            at = block.find(signature, at + 1)
        if last:
            return
        position += _READ_BYTES
        block = block[_READ_BYTES:] + file.read(_READ_BYTES)


# ---------------------------------------------------------------- chained structures
def _later_boxes(file: BinaryIO, size: int) -> Iterator[tuple[int, int]]:
    """The `ftyp` boxes after the first one: each begins another ISO base media file.

    And the fragments whose clock starts again, with the end of the first `moov`, which they share. libavformat would
    discard them (libavformat/mov.c, `mov_read_trun`).
    """
    position, before = 0, 0
    head = 0
    begun: dict[bytes, int] = {}
    while position + 8 <= size:
        check()
        file.seek(position)
        header = file.read(16)
        length = int.from_bytes(header[:4])
        if length == 1:
            length = int.from_bytes(header[8:16])
        if header[4:8] == b"ftyp" and position > 0:
            yield position, 0
            head = -1
        if header[4:8] == b"moov" and head == 0:
            head = position + length
        if header[4:8] == b"moof":
            track, time = _fragment_time(file, position, position + length)
            if track and time <= begun.get(track, -1) and head > 0:
                yield position, head
                begun = {}
            begun.setdefault(track, time)
        is_box = header[4:8].isalnum() and length >= 8
        if is_box and position + length <= size:
            position, before = position + length, position
            continue
        if length == 0 and header[4:8].isalnum():
            return
        # the recording is cut in this box, or was cut in the one before, whose end lies in a later recording
        found = _next_ftyp(file, (position if is_box else before) + 8)
        if found is None:
            return
        position = before = found


def _fragment_time(file: BinaryIO, start: int, end: int) -> tuple[bytes, int]:
    """The first track of a fragment, and its time; empty and 0 if unknown.

    Source: ISO/IEC 14496-12 sections 8.8.7 (`tfhd`) and 8.8.12 (`tfdt`).
    """
    file.seek(start)
    content = file.read(min(end - start, _MOST_MOOF))
    track, at = content.find(b"tfhd"), content.find(b"tfdt")
    if not 0 <= track < at:
        return b"", 0
    time = int.from_bytes(content[at + 8 : at + (16 if content[at + 4 : at + 5] == b"\1" else 12)])
    return content[track + 8 : track + 12], time


def _next_ftyp(file: BinaryIO, start: int) -> int | None:
    """Where the next box `ftyp` begins. It holds names of four printable characters only."""
    for at in _find(file, b"ftyp", lambda head: head[4:8].isascii() and head[4:8].strip().isalnum(), start):
        file_at = file.tell()
        file.seek(at - 4)
        length = int.from_bytes(file.read(4))
        file.seek(file_at)
        if 16 <= length <= _MOST_FTYP and length % 4 == 0:
            return at - 4
    return None


def _later_riffs(file: BinaryIO, size: int, kind: bytes) -> Iterator[int]:
    """The RIFF chunks of the same kind after the first one. The further chunks of one AVI are of the kind `AVIX`."""
    position, before = 0, 0
    while position + 12 <= size:
        check()
        file.seek(position)
        header = file.read(12)
        length = int.from_bytes(header[4:8], "little")
        is_riff = header[:4] in (b"RIFF", b"RF64")
        if is_riff and position > 0 and header[8:12] == kind:
            yield position
        end = position + 8 + length + length % 2
        if is_riff and length not in (0, 0xFFFF_FFFF) and end - 1 <= size:
            position, before = end, position
            continue
        # as for boxes; and a recorder that died left no length
        start = (position if is_riff else before) + 12
        following = _find(file, b"RIFF", lambda head: head[8:12] == kind and head[12:16].strip().isalnum(), start)
        found = next(following, None)
        if found is None:
            return
        position = before = found


def _later_chains(file: BinaryIO) -> Iterator[int]:
    """The first page of each chain after the first: a page that begins a stream, after one that doesn't."""
    begun_at: int | None = None
    for at in _find(file, _FIRST_PAGE, lambda head: head[6:14] == bytes(8)):
        if at != begun_at and at > 0:
            yield at
        file_at = file.tell()
        begun_at = at + _page_bytes(file, at)
        file.seek(file_at)


def _page_bytes(file: BinaryIO, at: int) -> int:
    """The length of the Ogg page at a position: its header, its segment table, and the segments."""
    file.seek(at)
    header = file.read(27)
    table = file.read(header[26] if len(header) == 27 else 0)
    return len(header) + len(table) + sum(table)


# ---------------------------------------------------------------- raw AAC
def _is_adts(head: bytes) -> bool:
    """Whether an ADTS header begins here: twelve bits that are 1, layer 0, and a frame longer than its header."""
    return (
        len(head) >= _ADTS_HEADER_BYTES
        and head[0] == 0xFF
        and head[1] & 0xF6 == 0xF0
        and _adts_bytes(head) > _ADTS_HEADER_BYTES
    )


def _adts_bytes(head: bytes) -> int:
    """The length of an ADTS frame, its header included: 13 bits."""
    return (head[3] & 3) << 11 | head[4] << 3 | head[5] >> 5


def _tag_bytes(head: bytes) -> int:
    """The length of an ID3v2 tag, its header of 10 bytes included: four times 7 bits."""
    return 10 + sum((byte & 0x7F) << shift for byte, shift in zip(head[6:10], (21, 14, 7, 0), strict=True))


def _later_rates(file: BinaryIO) -> Iterator[int]:
    """The ADTS frames whose rate is not that of the frame before. A frame counts if another one or the end follows."""
    with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        position, rate = 0, None
        while position + _ADTS_HEADER_BYTES <= len(data):
            check()
            head = data[position : position + 10]
            if head.startswith(_ID3) and len(head) == 10:
                position += _tag_bytes(head)
                continue
            following = position + _adts_bytes(head)
            if _is_adts(head) and (following >= len(data) or _follows(data[following : following + 10])):
                found = head[2] >> 2 & 0x0F
                if rate is not None and found != rate:
                    yield position
                rate, position = found, following
            elif rate is None:  # behind the tag is another format, such as MP3
                return
            else:
                position = data.find(b"\xff", position + 1)
                if position < 0:
                    return


def _follows(head: bytes) -> bool:
    """Whether an ADTS frame or a tag begins here, or the file ends within a header."""
    return len(head) < _ADTS_HEADER_BYTES or _is_adts(head) or head.startswith(_ID3)


class RecordingFile(SeekableFile):
    """The bytes of one recording as a seekable binary file, which libavformat reads through PyAV."""

    def __init__(self, path: Path, recording: Recording) -> None:
        super().__init__(path.name, recording.size)
        self._file, self._recording = path.open("rb"), recording

    def read(self, size: int = -1) -> bytes:
        """At most `size` bytes."""
        part = self._recording
        left = max(0, part.size - self._place)
        if not left:  # a header may point further than a file system can seek
            return b""
        if self._place < part.head:  # fewer at the joint, as a file may return
            left, at = part.head - self._place, self._place
        else:
            at = part.start + self._place - part.head
        self._file.seek(at)
        content = self._file.read(left if size < 0 else min(size, left))
        self._place += len(content)
        return content

    def close(self) -> None:
        """Close the file."""
        self._file.close()
        super().close()
