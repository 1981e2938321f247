"""Edit lists, sample tables and fragments of MP4 whose numbers lie or repeat what is there."""

from __future__ import annotations

import struct
import tempfile
from functools import cache
from pathlib import Path

from tests.corpus.boxes import mp4_box, mp4_boxes, mp4_edited
from tests.corpus.case import Kind, Right
from tests.corpus.film import H264, record
from tests.corpus.kinds.common import FRAGMENTS
from tests.corpus.kinds.hostile_common import (
    NO_STREAMS,
    SHORT,
    SILENT,
    STBL,
    UNREADABLE,
    Make,
    after,
    case,
    in_box,
    spoiled,
    u32,
    written,
)

MAX = 0xFFFFFFFF
H264_NO_B = (*H264, "-bf", "0")


def _edits(rows: bytes, count: int, version: int = 0) -> Make:
    """A recipe: an edit list with these rows."""

    def in_track(track: bytes) -> bytes:
        box = mp4_box(b"edts", mp4_box(b"elst", u32(version << 24, count) + rows))
        children = [(name, content) for name, content in mp4_boxes(track) if name != b"edts"]
        return b"".join(mp4_box(*child) + (box if child[0] == b"tkhd" else b"") for child in children)

    return spoiled("mp4", lambda data: mp4_edited(data, [b"moov", b"trak"], in_track), H264_NO_B, None)


def _edit(duration: int, at: int, rate: int = 1 << 16) -> bytes:
    return struct.pack(">Iii", duration, at, rate)


def _same_chunk(chunks: int, samples: int) -> Make:
    """A recipe: so many chunks in one place, each with so many pictures of one size; no table tells the sizes."""

    def edit(data: bytes) -> bytes:
        first = struct.unpack(">I", data[data.index(b"stco") + 12 :][:4])[0]
        data = mp4_edited(data, [*STBL, b"stsz"], lambda _: u32(0, 40, chunks * samples))
        data = mp4_edited(data, [*STBL, b"stsc"], lambda _: u32(0, 1, 1, samples, 1))
        data = mp4_edited(data, [*STBL, b"stts"], lambda _: u32(0, 1, chunks * samples, 512))
        data = mp4_edited(data, [*STBL, b"stss"], lambda _: u32(0, 0))
        return mp4_edited(data, [*STBL, b"stco"], lambda _: u32(0, chunks) + u32(first) * chunks)

    return spoiled("mp4", edit, H264_NO_B, None)


@cache
def _fragmented() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = record(Path(folder) / "film.mp4", SHORT, H264_NO_B, None, *FRAGMENTS)
        return path.read_bytes()


def _fragment_again(times: int) -> bytes:
    """A fragmented film whose first fragment comes again so often, its data only once (`tfhd`, base-data-offset)."""
    boxes = mp4_boxes(_fragmented())
    head = b"".join(mp4_box(*box) for box in boxes if box[0] in (b"ftyp", b"moov"))
    media = next(content for name, content in boxes if name == b"mdat")
    moof = next(content for name, content in boxes if name == b"moof")
    data = head + mp4_box(b"mdat", media)

    def header(content: bytes) -> bytes:
        rest = content[8:] if not content[3] & 1 else content[16:]
        flags = (int.from_bytes(content[:4]) | 1) & ~0x020000
        return u32(flags) + content[4:8] + struct.pack(">Q", len(head) + 8) + rest

    def run(content: bytes) -> bytes:  # the data begins where the header says
        return content[:8] + u32(0) + content[12:] if content[3] & 1 else content

    moof = mp4_edited(moof, [b"traf", b"tfhd"], header)
    return data + mp4_box(b"moof", mp4_edited(moof, [b"traf", b"trun"], run)) * times


def _heif(width: int, height: int) -> bytes:
    """A HEIF whose picture is a grid of tiles that are not there (ISO/IEC 23008-12, 6.6.2.3)."""
    item = mp4_box(b"infe", u32(2 << 24) + struct.pack(">HH4s", 1, 0, b"grid") + b"\0")
    grid = b"\0\0\xff\xff" + struct.pack(">HH", width, height)
    location = u32(0) + b"\x44\0" + struct.pack(">HHHHII", 1, 1, 0, 1, 300, len(grid))
    meta = u32(0) + mp4_box(b"hdlr", u32(0, 0) + b"pict" + bytes(13)) + mp4_box(b"pitm", u32(0) + b"\0\1")
    meta += mp4_box(b"iloc", location) + mp4_box(b"iinf", u32(0) + b"\0\1" + item)
    return (mp4_box(b"ftyp", b"heicmif1heic") + mp4_box(b"meta", meta)).ljust(300, b"\0") + grid


def _reference_movie() -> bytes:
    """QuickTime that names other films to play (`rmra`)."""
    reference = mp4_box(b"rdrf", u32(0) + b"url " + u32(19) + b"file:///etc/passwd\0")
    return mp4_box(b"moov", mp4_box(b"rmra", mp4_box(b"rmda", reference) * 50))


def _in_stbl(*boxes: bytes) -> Make:
    return in_box(*STBL, edit=lambda content: content + b"".join(boxes))


CASES = (
    # ------------------------------------------------------------ edit lists and sample tables
    case("elst-rate-0", "MP4, an edit that stands still for a day", _edits(_edit(86_400_000, 0, 0), 1), SILENT),
    case(
        "elst-rate-max",
        "MP4, an edit that plays backwards at 32 768 times the speed",
        _edits(_edit(1000, 0, -(1 << 31)), 1),
        SILENT,
    ),
    case("elst-empty", "MP4, 49 days of nothing before the film", _edits(_edit(MAX, -1) + _edit(1000, 0), 2), SILENT),
    case("elst-far", "MP4, an edit behind the end of the film", _edits(_edit(1000, 0x7FFFFFFF), 1), UNREADABLE),
    case(
        "elst-64",
        "MP4, an edit of 2^62 ticks at 2^62",
        _edits(struct.pack(">QqHH", 1 << 62, 1 << 62, 1, 0), 1, version=1),
        UNREADABLE,
    ),
    case("elst-zeros", "MP4, 100 000 edits of no length", _edits(_edit(0, 0) * 100_000, 100_000), UNREADABLE),
    case("elst-count", "MP4, 4 294 967 295 edits of which one is there", _edits(_edit(1000, 0), MAX), SILENT),
    case(
        "elst-back",
        "MP4, 1 000 edits, each earlier than the one before",
        _edits(b"".join(_edit(40, 12_000 - 12 * n) for n in range(1000)), 1000),
        "InvalidMediaDamaged",
    ),
    case(
        "ctts-max",
        "MP4, pictures that are shown 2 147 483 647 ticks late",
        _in_stbl(mp4_box(b"ctts", u32(0, 1, 25, 0x7FFFFFFF))),
        UNREADABLE,
    ),
    case(
        "ctts-swing",
        "MP4, pictures that are shown far too late and far too early in turn",
        _in_stbl(mp4_box(b"ctts", u32(1 << 24, 25) + u32(1, 0x7FFFFF00, 1, 0x80000100) * 12 + u32(1, 0))),
        Right(frames=1),
    ),
    case(
        "ctts-count",
        "MP4, 4 294 967 295 entries of display times",
        _in_stbl(mp4_box(b"ctts", u32(0, MAX, 1, 0))),
        UNREADABLE,
    ),
    case(
        "co64",
        "MP4, chunks at 2^63",
        _in_stbl(mp4_box(b"co64", u32(0, 2) + b"\x7f" + b"\xff" * 7 + b"\x80" + bytes(7))),
        SILENT,
    ),
    case(
        "stco-again",
        "MP4, 10 000 000 pictures in 100 000 chunks in one place",
        _same_chunk(100_000, 100),
        "InvalidMediaOutOfProportion",
    ),
    case(
        "stco-again-many",
        "MP4, 1 000 000 000 pictures in 100 000 chunks in one place",
        _same_chunk(100_000, 10_000),
        "InvalidMediaOutOfProportion",
    ),
    case("stco-again-few", "MP4, 9 000 pictures in 90 chunks in one place", _same_chunk(90, 100), UNREADABLE),
    case(
        "sbgp",
        "MP4, 4 294 967 295 groups of pictures",
        _in_stbl(
            mp4_box(b"sgpd", u32(1 << 24) + b"rap " + u32(1, MAX)),
            mp4_box(b"sbgp", u32(0) + b"rap " + u32(MAX, MAX, MAX)),
        ),
        "InvalidMediaOutOfProportion",
    ),
    case(
        "saiz",
        "MP4, 4 294 967 295 pieces of encryption",
        _in_stbl(
            mp4_box(b"saiz", u32(0) + b"\x08" + u32(MAX)),
            mp4_box(b"saio", u32(0, MAX, 0)),
            mp4_box(b"senc", u32(2, MAX)),
        ),
        SILENT,
    ),
    case(
        "pssh",
        "MP4, 20 000 systems of encryption",
        in_box(b"moov", edit=lambda d: d + mp4_box(b"pssh", bytes(20) + u32(0)) * 20_000),
        "InvalidMediaOutOfProportion",
    ),
    case(
        "udta",
        "MP4, 100 000 tags",
        in_box(b"moov", edit=lambda d: d + mp4_box(b"udta", mp4_box(b"\xa9nam", b"\0\1\0\0a") * 100_000)),
        SILENT,
    ),
    case(
        "chpl",
        "MP4, chapters that claim 4 294 967 295",
        in_box(
            b"moov", edit=lambda d: d + mp4_box(b"udta", mp4_box(b"chpl", u32(1 << 24) + b"\0" + u32(MAX) + bytes(300)))
        ),
        SILENT,
    ),
    case("rmra", "QuickTime that names 50 other films to play", written("film.mov", _reference_movie), NO_STREAMS),
    case(
        "heif-grid",
        "HEIF, a grid of 256x256 tiles, 65 535x65 535 pixels",
        written("film.heic", lambda: _heif(65535, 65535)),
        NO_STREAMS,
    ),
    # ------------------------------------------------------------ fragments
    case(
        "trun-count",
        "MP4, a fragment of 2 147 483 647 pictures",
        written("film.mp4", lambda: after(b"trun", 4, u32(0x7FFFFFFF))(_fragmented())),
        UNREADABLE,
    ),
    case(
        "tfdt-max",
        "MP4, a fragment at 2^63 - 1 ticks",
        written(
            "film.mp4",
            lambda: mp4_edited(
                _fragmented(), [b"moof", b"traf", b"tfdt"], lambda _: u32(1 << 24) + b"\x7f" + b"\xff" * 7
            ),
        ),
        UNREADABLE,
    ),
    case(
        "trex-max",
        "MP4, pictures of 4 GB by default",
        written(
            "film.mp4",
            lambda: mp4_edited(_fragmented(), [b"moov", b"mvex", b"trex"], lambda c: c[:12] + u32(MAX, MAX) + c[20:]),
        ),
        SILENT,
    ),
    case(
        "moof-again",
        "MP4, 20 000 fragments on the same bytes",
        written("film.mp4", lambda: _fragment_again(20_000)),
        "InvalidMediaDamaged",
    ),
    case(
        "moof-again-few",
        "MP4, 500 fragments on the same bytes",
        written("film.mp4", lambda: _fragment_again(500)),
        Right(frames=25, flashes=(0.4,), truncated=True, warns="VideoUndecodable"),
    ),
)

KIND = Kind(
    "MP4 whose tables lie or repeat",
    f"A named error or what is there, within 60 s and 2 GB. Good films have {SHORT.frames} frames.",
    CASES,
)
