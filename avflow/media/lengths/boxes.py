"""Boxes of the ISO base media file format (ISO/IEC 14496-12), and how large a compressed index may become.

Sources: ISO/IEC 14496-12 section 4.2; Apple "QuickTime File Format Specification", "Compressed Movie Resources".
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from typing import BinaryIO

from avflow.errors import InvalidMediaOutOfProportion
from avflow.media.lengths import sound_headers
from avflow.media.patience import check

#: Longest walk through a container's elements. A file with more is a live recording, or was made to waste our time:
#: neither announces its end.
MAX_ELEMENTS = 100_000
#: bytes of no file: 1 PiB
MAX_BYTES = 2**50
#: Bytes of an index that is stored compressed: that of a day of film has 100 MB. libavformat allocates what the file
#: announces, and unpacks it at once.
_MAX_INDEX_BYTES = 128 * 2**20
#: samples that any index may announce, as `avflow.media.patience` has it for packets; and systems of encryption
_ALWAYS_SAMPLES, _MOST_SYSTEMS = 100_000, 1_000
#: an index may announce so many times the bytes of its file: a recording that was cut is told as cut
_MOST_CUT = 20
#: bytes that are unpacked at once
_BLOCK = 1 << 20


def is_placeholder(length: int) -> bool:
    """Whether a size is none: its writer didn't know it, or it is larger than any file."""
    return length >= MAX_BYTES or (length < 2**32 and sound_headers.unknown(length))


def children(file: BinaryIO, position: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """The kind of each box, the start of its content, and its end, which may lie beyond the end of the file."""
    for _ in range(MAX_ELEMENTS):
        if position + 8 > end:
            return
        file.seek(position)
        header = file.read(16)
        length, kind, start = int.from_bytes(header[:4]), header[4:8], position + 8
        if length == 1:
            length, start = int.from_bytes(header[8:16]), position + 16
        elif length == 0:
            length = end - position
        if position + length > end and is_placeholder(length):
            length = end - position
        if length < start - position:
            return
        position += length
        yield kind, start, position


def check_compressed_index(file: BinaryIO, start: int, stop: int, name: str) -> None:
    """Refuse a box `moov` whose compressed content (`cmov`, `cmvd`) unpacks to more than any index has.

    Raises
    ------
    InvalidMediaOutOfProportion
    """
    for kind, begin, end in children(file, start, stop):
        if kind != b"cmov":
            continue
        for inner, at, until in children(file, begin, end):
            if inner == b"cmvd":
                file.seek(at)
                told = int.from_bytes(file.read(4))
                size = max(told, _unpacked(file, min(until, stop) - at - 4))
                if size > _MAX_INDEX_BYTES:
                    raise InvalidMediaOutOfProportion(
                        f"the index of {name} has {until - at} bytes, and {size} or more when it is unpacked"
                    )


def check_tables(file: BinaryIO, start: int, stop: int, name: str, size: int) -> None:
    """Refuse a box `moov` whose tables make libavformat work for far more than its bytes.

    Chunks in one place, with samples of one size, announce millions of samples for four bytes each (`stco`, `stsc`).
    libavformat compares each `pssh` with all before it.

    Parameters
    ----------
    size:
        Bytes of the file.

    Raises
    ------
    InvalidMediaOutOfProportion
    """
    systems = 0
    for kind, begin, end in children(file, start, stop):
        check()
        systems += kind == b"pssh"
        if systems > _MOST_SYSTEMS:
            raise InvalidMediaOutOfProportion(f"{name} names more than {_MOST_SYSTEMS} systems of encryption")
        if kind != b"trak":
            continue
        place = (begin, end)
        for wanted in (b"mdia", b"minf", b"stbl"):
            place = next(((at, to) for inner, at, to in children(file, *place) if inner == wanted), (end, end))
        samples, each = _samples(file, *place)
        if samples > max(_ALWAYS_SAMPLES, size // 4) and samples * each > _MOST_CUT * size:
            raise InvalidMediaOutOfProportion(
                f"{name} has {size} bytes, but its index announces {samples} samples of {each} bytes"
            )


def _samples(file: BinaryIO, start: int, stop: int) -> tuple[int, int]:
    """The samples in the chunks of a sample table, and their size; 0 if each sample has its own size."""
    tables = {kind: (at, to) for kind, at, to in children(file, start, stop)}

    def numbers(kind: bytes, skip: int, most: int) -> tuple[int, ...]:
        at, to = tables.get(kind, (stop, stop))
        file.seek(at + skip)
        data = file.read(max(0, min(to - at - skip, 4 * most)))
        return struct.unpack(f">{len(data) // 4}I", data[: len(data) // 4 * 4])

    each, count = (*numbers(b"stsz", 4, 2), 0, 0)[:2]
    chunks = max((*numbers(b"stco", 4, 1), 0)[0], (*numbers(b"co64", 4, 1), 0)[0])
    at, to = tables.get(b"stco", tables.get(b"co64", (stop, stop)))
    chunks = min(chunks, max(0, to - at - 8) // 4)
    rows = numbers(b"stsc", 8, 3 * MAX_ELEMENTS)
    firsts = [*rows[0::3], chunks + 1]
    total = sum(max(0, firsts[n + 1] - firsts[n]) * samples for n, samples in enumerate(rows[1::3]))
    return (min(count, total), each) if each else (0, 0)


def _unpacked(file: BinaryIO, length: int) -> int:
    """The bytes that come out of a zlib stream, counted up to the limit."""
    unpacking, total = zlib.decompressobj(), 0
    while length > 0 and total <= _MAX_INDEX_BYTES and not unpacking.eof:
        check()
        block = unpacking.unconsumed_tail or file.read(min(_BLOCK, length))
        length -= 0 if unpacking.unconsumed_tail else len(block)
        if not block:
            break
        try:
            total += len(unpacking.decompress(block, _BLOCK))
        except zlib.error:
            break
    return total
