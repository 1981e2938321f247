"""Finds a file of another kind behind the end of a recording, such as MP4 behind Matroska.

FFmpeg's demuxer reads the first file and ignores or misreads the rest, so the user must be told. What isn't media,
such as tags, thumbnails, archives, and the trailers of cameras and phones, is not reported. A file of the same kind is
another recording (`avflow.media.clock.recordings`).

Where a container tells the sizes of its outermost elements, only what lies behind the last complete one is searched: an
attachment of Matroska may be any file.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

from avflow.media.clock.recordings import Recording, is_flv, is_matroska
from avflow.media.lengths.mpeg_audio import frame_length
from avflow.media.notices import Notice
from avflow.media.patience import check

_READ_BYTES, _LOOK_AHEAD = 1 << 20, 64
#: bytes of the smallest file that is reported: fewer hold no film
_LEAST_BYTES = 512
#: bytes of the longest box `ftyp`: 250 names
_MOST_FTYP = 1_024
#: most outermost elements that are passed over; what has more is searched from there on
_MOST_ELEMENTS = 100_000
_EBML, _SEGMENT, _VOID = b"\x1a\x45\xdf\xa3", b"\x18\x53\x80\x67", b"\xec"
_TS_PACKETS = ((188, 0), (192, 4), (204, 0))
_TS_LOOKED_AT = 5
#: bytes behind a container that are looked at for two frames of MPEG audio, of at most 1 441 bytes, behind a small tag
_BEHIND_BYTES = 4_096


@dataclass(frozen=True)
class Foreign:
    """A file of another kind: where it begins and ends, and the name of its kind."""

    start: int
    end: int
    kind: str


def without_foreign(path: Path, recordings: Sequence[Recording]) -> tuple[tuple[Recording, ...], tuple[Notice, ...]]:
    """The recordings, each ended where a file of another kind begins, and a notice if there is any."""
    with path.open("rb") as file:
        found = [(recording, _find(file, recording)) for recording in recordings]
    foreign = [each for _, each in found if each is not None]
    ended = tuple(recording if each is None else replace(recording, end=each.start) for recording, each in found)
    if not foreign:
        return ended, ()
    first, more = foreign[0], f" There are {len(foreign)} such files." if len(foreign) > 1 else ""
    message = (
        f"At byte {first.start} of {path.name} begins a file of another kind ({first.kind}, "
        f"{first.end - first.start} bytes). It was left out: upload it as a file of its own.{more}"
    )
    return ended, (Notice("FileAppended", message),)


def _find(file: BinaryIO, recording: Recording) -> Foreign | None:
    """The first file of another kind in a recording."""
    start, end = recording.start, recording.end
    file.seek(start)
    magic = file.read(_LOOK_AHEAD)
    own = next((kind for kind, mark, place, accepted in _SIGNATURES if _begins(magic, mark, place, accepted)), "")
    last, behind = _END_OF.get(own, _unknown)(file, start, end)
    if end - behind < _LEAST_BYTES:
        return None
    file.seek(behind)
    following = file.read(_BEHIND_BYTES)
    kind = _kind_without_signature(following, own) if behind > last else ""
    if kind:
        return Foreign(behind, end, kind)
    # the last element may be cut, so that its end lies within the file behind it
    whole = any(_begins(following, *each[1:]) for each in _SIGNATURES) or not any(following[:_LOOK_AHEAD])
    for at, kind in _signatures(file, behind if whole else last, end, own):
        if end - at >= _LEAST_BYTES:
            return Foreign(at, end, kind)
    return None


# ---------------------------------------------------------------- signatures
def _begins(head: bytes, mark: bytes, place: int, accepted: Callable[[bytes], bool]) -> bool:
    return head[place : place + len(mark)] == mark and accepted(head)


def _is_ftyp(head: bytes) -> bool:
    """Whether a box `ftyp` begins here. Of its name and version, the name has four printable characters."""
    length = int.from_bytes(head[:4])
    return 16 <= length <= _MOST_FTYP and length % 4 == 0 and head[8:12].isascii() and head[8:12].strip().isalnum()


def _is_riff(*kinds: bytes) -> Callable[[bytes], bool]:
    """Whether a RIFF or FORM chunk is of one of these kinds, and another chunk begins in it."""
    return lambda head: head[8:12] in kinds and head[12:16].strip().isalnum()


#: kind, mark, the place of the mark in the file, and what its first bytes must be; sources as for `find_recordings`
_SIGNATURES: tuple[tuple[str, bytes, int, Callable[[bytes], bool]], ...] = (
    ("MP4", b"ftyp", 4, _is_ftyp),
    ("Matroska", _EBML, 0, is_matroska),
    ("AVI", b"RIFF", 0, _is_riff(b"AVI ")),
    ("WAV", b"RIFF", 0, _is_riff(b"WAVE")),
    ("WAV", b"RF64", 0, _is_riff(b"WAVE")),
    ("AIFF", b"FORM", 0, _is_riff(b"AIFF", b"AIFC")),
    ("CAF", b"caff\0\1\0\0desc", 0, lambda _: True),
    ("FLV", b"FLV\x01", 0, is_flv),
    ("Ogg", b"OggS\0\2" + bytes(8), 0, lambda _: True),
    ("FLAC", b"fLaC\0\0\0\x22", 0, lambda _: True),
    ("NUT", b"nut/multimedia container\0", 0, lambda _: True),
    ("ASF", bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c"), 0, lambda _: True),
    ("IVF", b"DKIF\0\0\x20\0", 0, lambda _: True),
    ("MXF", bytes.fromhex("060e2b34020501010d0102010102"), 0, lambda _: True),
)


def _signatures(file: BinaryIO, start: int, end: int, own: str) -> Iterator[tuple[int, str]]:
    """Where files of other kinds begin, the first of each block in order. The file is read once."""
    wanted = [each for each in _SIGNATURES if each[0] != own]
    file.seek(start)
    position, block = start, file.read(_READ_BYTES + _LOOK_AHEAD)
    while block and position < end:
        check()
        found = []
        for kind, mark, place, accepted in wanted:
            at = block.find(mark)
            while at >= 0:
                begin = at - place
                if 0 <= begin < _READ_BYTES and position + begin < end and accepted(block[begin : begin + _LOOK_AHEAD]):
                    found.append((position + begin, kind))
                    break
                at = block.find(mark, at + 1)
        here = file.tell()
        yield from sorted(found)
        file.seek(here)
        position += _READ_BYTES
        block = block[_READ_BYTES:] + file.read(_READ_BYTES)


def _kind_without_signature(head: bytes, own: str) -> str:
    """The kind of a file without a mark of its own, directly behind the end of a container; empty if it is none."""
    for length, sync in _TS_PACKETS:
        if len(head) >= _TS_LOOKED_AT * length and all(head[sync + n * length] == 0x47 for n in range(_TS_LOOKED_AT)):
            return "MPEG-TS"
    if head[:4] == b"\0\0\1\xba" and head[4] >> 4 in (2, 4, 5, 6, 7):
        return "MPEG-PS"
    if head[4:8] in (b"moov", b"mdat", b"wide") and own != "MP4" and int.from_bytes(head[:4]) >= 8:
        return "MOV"
    return "MP3 or AAC" if _is_mpeg_audio(head) else ""


def _is_mpeg_audio(head: bytes) -> bool:
    """Whether two frames of MP3 or AAC begin here, or a tag that is longer than what was read, or frames behind it."""
    at = 0
    if head[:3] == b"ID3":
        at = 10 + sum((byte & 0x7F) << shift for byte, shift in zip(head[6:10], (21, 14, 7, 0), strict=True))
    if at >= len(head):
        return True
    length = frame_length(head[at : at + 6])
    return length > 6 and frame_length(head[at + length : at + length + 6]) > 6


# ---------------------------------------------------------------- where a container ends
#: where the search may begin in the last element, and where that ends
Place = tuple[int, int]


def _unknown(file: BinaryIO, start: int, end: int) -> Place:
    """A container without sizes is searched as a whole."""
    return start + 1, start + 1


def _walked(start: int, end: int, length: Callable[[int], int]) -> Place:
    """Pass over the elements, of which each has a length; 0 means that none begins there."""
    last = position = start
    for _ in range(_MOST_ELEMENTS):
        check()
        step = length(position)
        if step <= 0 or position + step > end:
            break
        last, position = position, position + step
    return last + 1, max(position, start + 1)


def _end_of_boxes(file: BinaryIO, start: int, end: int) -> Place:
    def length(position: int) -> int:
        file.seek(position)
        header = file.read(16)
        told = int.from_bytes(header[:4])
        told = int.from_bytes(header[8:16]) if told == 1 else told
        return told if header[4:8].isalnum() and told >= 8 else 0

    return _walked(start, end, length)


def _end_of_elements(file: BinaryIO, start: int, end: int) -> Place:
    """The outermost elements of Matroska: a header, a Segment, and what fills."""
    seen = []

    def length(position: int) -> int:
        file.seek(position)
        header = file.read(12)
        name = header[:1] if header[:1] == _VOID else header[:4]
        if name not in (_EBML, _SEGMENT, _VOID) or (name in seen and name != _VOID):
            return 0
        seen.append(name)
        width = 9 - header[len(name)].bit_length() if len(header) > len(name) else 9
        mask = (1 << 7 * width) - 1
        told = int.from_bytes(header[len(name) : len(name) + width]) & mask
        return 0 if width > 8 or told == mask else len(name) + width + told

    return _walked(start, end, length)


def _end_of_chunks(file: BinaryIO, start: int, end: int) -> Place:
    """The RIFF chunks. A recorder that died left no length."""

    def length(position: int) -> int:
        file.seek(position)
        header = file.read(12)
        told = int.from_bytes(header[4:8], "little")
        if header[:4] not in (b"RIFF", b"RF64") or (position > start and header[8:12] != b"AVIX") or told < 4:
            return 0
        return min(8 + told + told % 2, max(8 + told, end - position))  # the last byte may be missing

    return _walked(start, end, length)


def _end_of_tags(file: BinaryIO, start: int, end: int) -> Place:
    """The tags of FLV: a header of 11 bytes, the content, and the size of both."""

    def length(position: int) -> int:
        file.seek(position)
        header = file.read(11)
        if len(header) < 11 or header[0] & 0x1F not in (8, 9, 18):
            return 0
        return 15 + int.from_bytes(header[1:4])

    return _walked(start + 13, end, length)


def _end_of_pages(file: BinaryIO, start: int, end: int) -> Place:
    """The pages of Ogg."""

    def length(position: int) -> int:
        file.seek(position)
        header = file.read(27 + 255)
        if header[:4] != b"OggS" or len(header) < 27:
            return 0
        count = header[26]
        return 27 + count + sum(header[27 : 27 + count])

    return _walked(start, end, length)


_END_OF: dict[str, Callable[[BinaryIO, int, int], Place]] = {
    "MP4": _end_of_boxes,
    "Matroska": _end_of_elements,
    "AVI": _end_of_chunks,
    "WAV": _end_of_chunks,
    "FLV": _end_of_tags,
    "Ogg": _end_of_pages,
}
