"""What a file's header announces: the size of the file in bytes, and the length of the media in seconds.

Recorders that can't seek back, or that died, leave 0, -1 or a placeholder instead of a size. That announces nothing,
and neither does a length beyond that of any accepted recording.

Sources: ISO/IEC 14496-12 (boxes `mvhd`, `mehd`, `sidx`), RFC 8794 and RFC 9559 (EBML, Matroska), Microsoft "AVI RIFF
File Reference", EBU Tech 3306 (RF64), Adobe "Flash Video File Format Specification 10.1", RFC 3533 (Ogg), RFC 9639
(FLAC), ISO/IEC 13818-1 (transport packets).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import BinaryIO, cast

from avflow.media.clock.recordings import Recording, RecordingFile
from avflow.media.lengths import mpeg_audio, sound_headers
from avflow.media.lengths.boxes import (
    MAX_BYTES,
    MAX_ELEMENTS,
    check_compressed_index,
    check_tables,
    children,
    is_placeholder,
)
from avflow.media.limits import MAX_SECONDS

#: Longest walk through the chunks of an AVI without sizes: pictures and sound of about three hours
_MAX_CHUNKS = 500_000
#: bytes at the start of a file that may contain the header of FLV
_HEADER_BYTES = 65_536
_ASF_HEADER = bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c")
_ASF_FILE_PROPERTIES = bytes.fromhex("a1dcab8c47a9cf118ee400c00c205365")
_BOXES = (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot", b"styp", b"moof", b"sidx")
#: packet sizes of MPEG-TS: plain, with an arrival time (Blu-ray, AVCHD), with error correction (DVB); and the position
#: of the sync byte in a packet
_TS_PACKETS = ((188, 0), (192, 4), (204, 0))


@dataclass(frozen=True)
class Announced:
    """What the header says about the whole file. None means that it says nothing."""

    #: bytes of the whole file
    size: int | None = None
    #: seconds of the whole media
    seconds: Fraction | None = None
    #: whether the last element of the file lacks its end
    cut: bool = False
    #: whether the file lacks the index without which nothing can be played
    index_missing: bool = False


def announced(path: Path, recording: Recording | None = None) -> Announced:
    """Read the header of a file or of one recording in it, and the sizes of its outermost elements.

    Anything malformed announces nothing.

    Raises
    ------
    InvalidMediaOutOfProportion
        The index is compressed, and too large when it is unpacked.
    """
    part = recording or Recording(0, path.stat().st_size)
    size = part.size
    with cast("BinaryIO", RecordingFile(path, part)) as file:
        magic = file.read(16)
        for matches, read in (
            (magic[:4] == b"\x1a\x45\xdf\xa3", _ebml),
            (magic[:4] == b"RIFF" and magic[8:12] == b"AVI ", _avi),
            (magic[:3] == b"FLV", _flv),
            (magic[:4] == b"OggS", _ogg),
            (magic == _ASF_HEADER, _asf),
            (magic[4:8] in _BOXES or _is_box(magic, size), _boxes),
        ):
            if matches:
                return _plausible(read(file, size), size)
        return _plausible(_sound(file, magic, size), size)


def _is_box(magic: bytes, size: int) -> bool:
    """Whether any other box of the ISO base media file format may begin here: libavformat skips unknown ones."""
    return magic[4:8].isalnum() and 8 <= int.from_bytes(magic[:4]) <= size


def _plausible(found: Announced, size: int) -> Announced:
    """Without seconds beyond any accepted recording, and without a placeholder for a number of bytes."""
    if found.seconds is not None and not _is_plausible(found.seconds):
        found = replace(found, seconds=None)
    if found.size is not None and found.size > size and is_placeholder(found.size):
        found = replace(found, size=None, cut=False)
    return found


def _is_plausible(seconds: Fraction) -> bool:
    return 0 < seconds <= MAX_SECONDS


# ---------------------------------------------------------------- ISO base media file format
def _boxes(file: BinaryIO, size: int) -> Announced:
    end, seconds, has_index, fragmented = 0, Fraction(0), False, False
    indexed: dict[int, Fraction] = {}
    for kind, start, stop in children(file, 0, size):
        if kind in (b"moov", b"moof", b"mdat"):
            end = max(end, stop)
        if kind == b"moov" and stop <= size:
            check_compressed_index(file, start, stop, file.name)
            check_tables(file, start, stop, file.name, size)
            has_index, seconds = True, max(seconds, _movie_seconds(file, start, stop))
        elif kind == b"sidx":
            stream, length = _index_seconds(file, start, stop)
            indexed[stream] = indexed.get(stream, Fraction(0)) + length
        fragmented = fragmented or kind == b"moof"
    cut = end > size
    if has_index and not fragmented:
        return Announced(end, None, cut)  # the index knows the seconds, and libavformat reads it
    # the end of the last fragment says nothing about the end of the recording
    seconds = max(seconds, *indexed.values(), Fraction(0))
    return Announced(None, seconds or None, cut, index_missing=bool(end) and not has_index)


def _movie_seconds(file: BinaryIO, start: int, stop: int) -> Fraction:
    """The seconds in the boxes `mvhd` and `mvex`/`mehd` of a `moov`."""
    scale, ticks = 0, 0
    for kind, begin, end in children(file, start, stop):
        if kind == b"mvhd":
            file.seek(begin)
            content = file.read(32)
            if content[:1] == b"\1":
                scale, length = struct.unpack(">IQ", content[20:32])
            else:
                scale, length = struct.unpack(">II", content[12:20].ljust(8, b"\0"))
            ticks = 0 if is_placeholder(length) else length
        elif kind == b"mvex":
            for inner, at, _ in children(file, begin, end):
                if inner == b"mehd":
                    file.seek(at)
                    content = file.read(12)
                    ticks = max(ticks, int.from_bytes(content[4:12] if content[:1] == b"\1" else content[4:8]))
    seconds = Fraction(ticks, scale) if scale else Fraction(0)
    return seconds if _is_plausible(seconds) else Fraction(0)


def _index_seconds(file: BinaryIO, start: int, stop: int) -> tuple[int, Fraction]:
    """The stream that a `sidx` indexes, and the sum of its subsegments' durations."""
    file.seek(start)
    head = file.read(32)
    stream, scale = int.from_bytes(head[4:8]), int.from_bytes(head[8:12])
    entries_at = 32 if head[:1] == b"\1" else 24
    count = int.from_bytes(head[entries_at - 2 : entries_at])
    file.seek(start + entries_at)
    entries = file.read(max(0, min(12 * count, stop - start - entries_at)))
    ticks = sum(int.from_bytes(entries[12 * n + 4 : 12 * n + 8]) for n in range(len(entries) // 12))
    seconds = Fraction(ticks, scale) if scale else Fraction(0)
    return stream, seconds if _is_plausible(seconds) else Fraction(0)


# ---------------------------------------------------------------- AVI
#: the length of a stream where FFmpeg writes into a pipe (libavformat/avienc.c)
_UNSEEKABLE = 1 << 30


def _avi(file: BinaryIO, size: int) -> Announced:
    """The sizes of the RIFF chunks, and the longest stream by its header `strh`."""
    end = max(_riff_ends(file), default=None)
    file.seek(0)
    header = file.read(_HEADER_BYTES)
    seconds, place = Fraction(0), header.find(b"strh")
    while 0 <= place < len(header) - 44:
        scale, rate, _, length = struct.unpack("<4I", header[place + 28 : place + 44])
        length_in_seconds = Fraction(length * scale, rate) if rate else Fraction(0)
        if not (length == _UNSEEKABLE or is_placeholder(length)) and _is_plausible(length_in_seconds):
            seconds = max(seconds, length_in_seconds)
        place = header.find(b"strh", place + 4)
    last = _last_avi_chunk(file, size) if end is None else end
    return Announced(end, seconds or None, cut=last > size)


def _last_avi_chunk(file: BinaryIO, size: int) -> int:
    """The end of the last chunk of an AVI without sizes, where a recorder that died left the file."""
    position, end = 12, 0
    for _ in range(_MAX_CHUNKS):
        if position >= size:
            return end
        file.seek(position)
        header = file.read(12)
        kind, length = header[:4], int.from_bytes(header[4:8], "little")
        if len(header) < 8:  # a byte of padding may be missing
            return end if len(header) < 2 else position + 8
        if kind in (b"LIST", b"RIFF") and (header[8:] in (b"movi", b"rec ", b"AVIX")):
            position += 12
            continue
        end = position + 8 + length
        position = end + length % 2
    return 0


def _riff_ends(file: BinaryIO) -> Iterator[int]:
    """The end of each top-level chunk. An AVI over 1 GB has several. Recorders that can't seek leave size 0 or -1."""
    position = 0
    for _ in range(MAX_ELEMENTS):
        file.seek(position)
        header = file.read(12)
        length = int.from_bytes(header[4:8], "little")
        if len(header) < 12 or header[:4] != b"RIFF" or sound_headers.unknown(length):
            break
        position += 8 + length
        yield position
        position += length % 2


# ---------------------------------------------------------------- Matroska and WebM
_SEGMENT, _INFO, _CLUSTER = b"\x18\x53\x80\x67", b"\x15\x49\xa9\x66", b"\x1f\x43\xb6\x75"
_SCALE, _DURATION = b"\x2a\xd7\xb1", b"\x44\x89"


def _ebml(file: BinaryIO, size: int) -> Announced:
    budget = iter(range(MAX_ELEMENTS))
    for identifier, start, end in _elements(file, 0, size, budget):
        if identifier != _SEGMENT:
            continue
        stop = size if end is None else min(end, size)
        seconds, last = _segment(file, start, stop, budget, sized=end is not None)
        # the elements of a live recording, whose Segment has no size, end with the last complete one
        return Announced(end, seconds, cut=(last if end is None else end) > size)
    return Announced()


def _segment(
    file: BinaryIO, start: int, stop: int, budget: Iterator[int], *, sized: bool
) -> tuple[Fraction | None, int]:
    """The seconds that the element Info announces, and the end of the last element.

    In a Segment of known size, nothing after the first Cluster is read.
    """
    seconds, last = None, start
    for identifier, begin, end in _elements(file, start, stop, budget):
        if identifier == _CLUSTER and sized:
            break
        if identifier == _INFO and end is not None and end <= stop:
            seconds = _info_seconds(file, begin, end, budget)
        # a Cluster of unknown size has no end: the walk goes on with the elements in it
        last = begin if end is None else end
    return seconds, last


def _info_seconds(file: BinaryIO, start: int, stop: int, budget: Iterator[int]) -> Fraction | None:
    scale, duration = 1_000_000, 0.0
    for identifier, begin, end in _elements(file, start, stop, budget):
        if identifier in (_SCALE, _DURATION) and end is not None and end - begin in range(1, 9):
            file.seek(begin)
            content = file.read(end - begin)
            if identifier == _SCALE:
                scale = int.from_bytes(content)
            elif len(content) in (4, 8):
                duration = struct.unpack(">f" if len(content) == 4 else ">d", content)[0]
    seconds = duration * scale / 1e9
    return Fraction(seconds) if 0 < seconds < 1e9 else None  # neither NaN nor infinite


def _elements(
    file: BinaryIO, position: int, stop: int, budget: Iterator[int]
) -> Iterator[tuple[bytes, int, int | None]]:
    """Each element's identifier, the start of its content, and its end; None if its size is unknown (all ones).

    After an element of unknown size, the elements in it follow.
    """
    while position < stop and next(budget, None) is not None:
        file.seek(position)
        header = file.read(12)
        id_width = _vint_length(header[0])
        if len(header) <= id_width:
            return
        width = _vint_length(header[id_width])
        field = header[id_width : id_width + width]
        if width > 8 or len(field) < width:
            return
        length = int.from_bytes(bytes([field[0] & (0xFF >> width)]) + field[1:])
        start = position + id_width + width
        # all ones, or more than any file has, as left by a recorder that died
        end = None if length == (1 << 7 * width) - 1 or length >= MAX_BYTES else start + length
        yield header[:id_width], start, end
        position = start if end is None else end


def _vint_length(first: int) -> int:
    """The length in bytes of an EBML variable-length integer whose first byte is `first`."""
    return 9 - first.bit_length() if first else 9


# ---------------------------------------------------------------- ASF (WMV, WMA)
def _asf(file: BinaryIO, size: int) -> Announced:
    """The File Properties Object. A broadcast leaves its values undefined."""
    file.seek(0)
    header = file.read(_HEADER_BYTES)
    place = header.find(_ASF_FILE_PROPERTIES)
    fields = header[place + 40 : place + 92]
    if place < 0 or len(fields) < 52:
        return Announced()
    length, _, _, play, _, preroll, flags = struct.unpack("<6QI", fields)
    if flags & 1:
        return Announced()
    seconds = Fraction(play, 10_000_000) - Fraction(preroll, 1_000)
    return Announced(length or None, seconds if seconds > 0 else None, cut=length > size)


# ---------------------------------------------------------------- sound, MPEG-TS
def _sound(file: BinaryIO, magic: bytes, size: int) -> Announced:
    samples = sound_headers.samples(file)
    if samples is not None:
        return Announced(samples.end, samples.seconds, cut=samples.end is not None and samples.end > size)
    if magic[:4] == b"fLaC":
        return Announced(seconds=sound_headers.flac_seconds(file))
    seconds = sound_headers.mp3_seconds(file, magic, size)
    return Announced(seconds=seconds, cut=_ts_packet_is_cut(file, size) or mpeg_audio.last_frame_is_cut(file, size))


# ---------------------------------------------------------------- FLV, Ogg, MPEG-TS
def _flv(file: BinaryIO, size: int) -> Announced:
    """The values `duration` and `filesize` of onMetaData, and whether the last tag is complete."""
    file.seek(0)
    header = file.read(_HEADER_BYTES)

    def number(name: bytes) -> float:
        place = header.find(len(name).to_bytes(2) + name + b"\0")  # AMF0: 0 marks a double
        text = header[place + len(name) + 3 :][:8]
        value = struct.unpack(">d", text)[0] if place >= 0 and len(text) == 8 else 0.0
        return value if 0 < value < 1e15 else 0.0

    file.seek(max(0, size - 4))
    back = int.from_bytes(file.read(4))  # the size of the last tag with its header of 11 bytes
    file.seek(max(0, size - 4 - back))
    tag = file.read(11)
    whole = 11 <= back <= size and tag[0] & 0x1F in (8, 9, 18) and int.from_bytes(tag[1:4]) == back - 11
    seconds, length = number(b"duration"), number(b"filesize")
    return Announced(int(length) or None, Fraction(seconds) if 0 < seconds < 1e9 else None, cut=not whole)


def _ogg(file: BinaryIO, size: int) -> Announced:
    return Announced(cut=_ogg_page_is_cut(file, size))


def _ogg_page_is_cut(file: BinaryIO, size: int) -> bool:
    """Whether the last page lacks its end. A page has at most 65 307 bytes."""
    file.seek(max(0, size - 2 * 65_536))
    tail = file.read()
    last = tail.rfind(b"OggS")
    page = tail[last:]
    if last < 0:
        return False
    segments = page[26] if len(page) > 26 else 256
    return len(page) < 27 + segments or len(page) < 27 + segments + sum(page[27 : 27 + segments])


def _ts_packet_is_cut(file: BinaryIO, size: int) -> bool:
    """Whether a transport stream ends in the middle of a packet."""
    file.seek(0)
    start = file.read(4 * 204)
    for length, sync in _TS_PACKETS:
        if len(start) > 3 * length and all(start[sync + n * length] == 0x47 for n in range(4)):
            return size % length != 0
    return False
