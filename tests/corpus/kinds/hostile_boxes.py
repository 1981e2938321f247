"""MP4 and QuickTime whose index lies: counts, sizes, times and nesting (ISO/IEC 14496-12)."""

from __future__ import annotations

import struct
import zlib

from tests.corpus.boxes import edit_list, mp4_box, mp4_boxes, mp4_edited
from tests.corpus.case import Kind, Right
from tests.corpus.film import AAC, H264, MJPEG
from tests.corpus.kinds.hostile_common import (
    NO_STREAMS,
    SHORT,
    SILENT,
    STBL,
    UNREADABLE,
    Make,
    at,
    case,
    film_bytes,
    in_box,
    in_table,
    moov_of,
    spoiled,
    u32,
    written,
)

MAX = 0xFFFFFFFF


def _replayed(times: int, seconds: float = 1.0) -> Make:
    """A recipe: an edit list that shows the film so many times."""
    return spoiled("mp4", lambda data: edit_list(data, [(0, seconds)] * times), (*H264, "-bf", "0"), None)


def _replayed_sound(times: int) -> Make:
    return spoiled("m4a", lambda data: edit_list(data, [(0, 1)] * times), None, AAC)


def _compressed(index: bytes, *, told: int | None = None) -> Make:
    """A recipe: a QuickTime file whose index is compressed (`cmov`), with `index` more bytes in it."""

    def edit(data: bytes) -> bytes:
        moov = mp4_box(b"moov", moov_of(data) + mp4_box(b"free", index))
        packed = struct.pack(">I", len(moov) if told is None else told) + zlib.compress(moov, 9)
        boxes = mp4_box(b"dcom", b"zlib") + mp4_box(b"cmvd", packed)
        others = b"".join(mp4_box(*box) for box in mp4_boxes(data) if box[0] != b"moov")
        return others + mp4_box(b"moov", mp4_box(b"cmov", boxes))

    return spoiled("mov", edit, MJPEG, None)


def _bomb() -> Make:
    """A recipe: a compressed index of 1.4 GB, made without 1.4 GB."""

    def edit(data: bytes) -> bytes:
        packer, zeros = zlib.compressobj(9), bytes(1 << 20)
        packed = packer.compress(u32(1_400_000_000) + b"moov" + moov_of(data))
        packed += b"".join(packer.compress(zeros) for _ in range(1400)) + packer.flush()
        boxes = mp4_box(b"dcom", b"zlib") + mp4_box(b"cmvd", u32(1_400_000_000) + packed)
        others = b"".join(mp4_box(*box) for box in mp4_boxes(data) if box[0] != b"moov")
        return others + mp4_box(b"moov", mp4_box(b"cmov", boxes))

    return spoiled("mov", edit, MJPEG, None)


def _nested(name: bytes, depth: int) -> bytes:
    content = b""
    for _ in range(depth):
        content = mp4_box(name, content)
    return content


def _tracks(count: int) -> Make:
    """A recipe: the only track so many times."""

    def edit(moov: bytes) -> bytes:
        track = next(mp4_box(*box) for box in mp4_boxes(moov) if box[0] == b"trak")
        return moov + track * (count - 1)

    return in_box(b"moov", edit=edit)


def _sidx(count: int) -> bytes:
    """Indexes of segments that claim 65 535 entries each and have none."""
    return mp4_box(b"sidx", u32(0, 1, 1000, 0, 0) + struct.pack(">HH", 0, 0xFFFF)) * count


def _rate(timescale: int, delta: int) -> Make:
    """A recipe: so many ticks a second, and between two pictures."""

    def edit(data: bytes) -> bytes:
        data = mp4_edited(data, [b"moov", b"trak", b"mdia", b"mdhd"], at(12, u32(timescale)))
        data = mp4_edited(data, [b"moov", b"trak", b"edts"], lambda _: b"")
        return mp4_edited(data, [*STBL, b"stts"], lambda _: u32(0, 1, 25, delta))

    return spoiled("mp4", edit, (*H264, "-bf", "0"), None)


def _display(numbers: bytes) -> Make:
    return in_box(b"moov", b"trak", b"tkhd", edit=at(40, numbers))


def _external(kind: bytes) -> Make:
    """A recipe: the samples lie in another file."""
    reference = mp4_box(kind, u32(0) + b"file:///etc/passwd\0")
    return in_box(*STBL[:-1], b"dinf", b"dref", edit=lambda _: u32(0, 1) + reference)


CASES = (
    case(
        "edits-3000000",
        "MP4, an edit list that shows the same second 120 000 times: 3 000 000 pictures from 1.5 MB",
        _replayed(120_000),
        "InvalidMediaOutOfProportion",
    ),
    case(
        "edits-200000",
        "MP4, 200 000 pictures by an edit list",
        _replayed(8_000),
        "InvalidMediaOutOfProportion",
    ),
    case(
        "edits-sound",
        "M4A, an edit list that plays one second 30 000 times",
        _replayed_sound(30_000),
        ("InvalidMediaOutOfProportion", "InvalidMediaTooSlow"),
    ),
    case("edits-tiny", "MP4, an edit list of 3 000 single pictures", _replayed(3_000, 0.04), Right(frames=3000)),
    case(
        "cmov-bomb",
        "QuickTime, a compressed index of 1.4 GB in 1.4 MB",
        _bomb(),
        "InvalidMediaOutOfProportion",
    ),
    case(
        "cmov-200m",
        "QuickTime, a compressed index of 200 MB",
        _compressed(bytes(200_000_000)),
        "InvalidMediaOutOfProportion",
    ),
    case(
        "cmov-lies",
        "QuickTime, a compressed index that announces 4 GB",
        _compressed(b"", told=MAX),
        "InvalidMediaOutOfProportion",
    ),
    case(
        "cmov-small",
        "QuickTime, a compressed index that announces less than it has",
        _compressed(bytes(5000), told=99),
        UNREADABLE,
    ),
    case("cmov-good", "QuickTime, a compressed index as old programs write it", _compressed(b""), SILENT),
    case(
        "cmov-no-zlib",
        "QuickTime, a compressed index that is no zlib",
        spoiled(
            "mov",
            lambda data: (
                data[: data.index(b"moov") - 4]
                + mp4_box(
                    b"moov", mp4_box(b"cmov", mp4_box(b"dcom", b"zlib") + mp4_box(b"cmvd", u32(1000) + b"x" * 900))
                )
            ),
            MJPEG,
            None,
        ),
        UNREADABLE,
    ),
    case(
        "moov-depth",
        "MP4, boxes nested 10 000 deep",
        in_box(b"moov", edit=lambda m: m + _nested(b"udta", 10_000)),
        UNREADABLE,
    ),
    case(
        "trak-depth",
        "MP4, tracks nested 2 000 deep",
        in_box(b"moov", edit=lambda m: m + _nested(b"trak", 2_000)),
        SILENT,
    ),
    case(
        "meta-depth",
        "MP4, metadata nested 5 000 deep",
        in_box(b"moov", edit=lambda m: m + _nested(b"meta", 5_000)),
        SILENT,
    ),
    case(
        "moov-twice",
        "MP4 with its index twice",
        spoiled("mp4", lambda d: d + mp4_box(b"moov", moov_of(d)), H264, None),
        SILENT,
    ),
    case("tracks-2000", "MP4, 2 000 tracks on the same bytes", _tracks(2_000), "InvalidMediaOutOfProportion"),
    case(
        "free-200000",
        "MP4 behind 200 000 empty boxes",
        spoiled("mp4", lambda d: d[:32] + mp4_box(b"free", b"") * 200_000 + d[32:], H264, None),
        UNREADABLE,
    ),
    case(
        "sidx-3000",
        "MP4, 3 000 segment indexes that claim 65 535 entries each",
        spoiled("mp4", lambda d: d[:32] + _sidx(3_000) + d[32:], H264, None),
        UNREADABLE,
        quick=True,
    ),
    case(
        "sidx-50000",
        "MP4, 50 000 of them",
        written("film.mp4", lambda: film_bytes("mp4")[:32] + _sidx(50_000)),
        UNREADABLE,
    ),
    case(
        "moof-50000",
        "MP4, 50 000 empty fragments",
        spoiled("mp4", lambda d: d + mp4_box(b"moof", b"") * 50_000, H264, None),
        SILENT,
    ),
    case(
        "stsz-count",
        "MP4, 4 294 967 295 sample sizes",
        in_table(b"stsz", at(8, u32(MAX))),
        UNREADABLE,
        quick=True,
    ),
    case(
        "stsz-one",
        "MP4, 4 294 967 295 samples of one size",
        in_table(b"stsz", lambda _: u32(0, 1, MAX)),
        NO_STREAMS,
    ),
    case(
        "stsz-huge",
        "MP4, samples of 4 GB",
        in_table(b"stsz", lambda d: d[:12] + u32(*[MAX] * 25)),
        NO_STREAMS,
    ),
    case(
        "stsz-zero",
        "MP4, samples of no bytes",
        in_table(b"stsz", lambda d: d[:12] + bytes(100)),
        NO_STREAMS,
    ),
    case("stts-count", "MP4, 4 294 967 295 sample times", in_table(b"stts", at(8, u32(MAX))), SILENT),
    case(
        "stts-huge",
        "MP4, pictures that are 49 days apart",
        in_table(b"stts", at(12, u32(MAX))),
        "InvalidMediaFrameRate",
    ),
    case("stts-zero", "MP4, all pictures at the same time", in_table(b"stts", at(12, u32(0))), "InvalidMediaDamaged"),
    case(
        "stts-entries",
        "MP4, 4 294 967 295 entries of sample times",
        in_table(b"stts", at(4, u32(MAX))),
        "InvalidMediaOutOfProportion",
    ),
    case("stsc-count", "MP4, 4 294 967 295 chunks", in_table(b"stsc", at(4, u32(MAX))), UNREADABLE),
    case("stsc-samples", "MP4, a chunk of 4 294 967 295 samples", in_table(b"stsc", at(12, u32(MAX))), Right(frames=1)),
    case("stco-count", "MP4, 1 073 741 823 chunk offsets", in_table(b"stco", at(4, u32(0x3FFFFFFF))), SILENT),
    case(
        "stco-far",
        "MP4, chunks behind the end of the file",
        in_table(b"stco", lambda d: d[:8] + u32(MAX) * 20),
        NO_STREAMS,
    ),
    case("stss-count", "MP4, 4 294 967 295 keyframes", in_table(b"stss", at(4, u32(MAX))), UNREADABLE),
    case("stsd-count", "MP4, 4 294 967 295 descriptions", in_table(b"stsd", at(4, u32(MAX))), UNREADABLE),
    case("stsd-none", "MP4 without a description", in_table(b"stsd", lambda _: u32(0, 0)), UNREADABLE),
    case(
        "no-stbl",
        "MP4, a track without a sample table",
        in_box(*STBL[:-1], edit=lambda _: b""),
        UNREADABLE,
    ),
    case(
        "timescale-0",
        "MP4, no ticks a second",
        in_box(b"moov", b"trak", b"mdia", b"mdhd", edit=at(12, u32(0))),
        Right(frames=1),
    ),
    case(
        "timescale-max",
        "MP4, 4 294 967 295 ticks a second",
        in_box(b"moov", b"trak", b"mdia", b"mdhd", edit=at(12, u32(MAX))),
        Right(frames=1),
    ),
    case("rate-131071", "MP4, 131 071 frames/s", _rate(131_071, 1), "InvalidMediaFrameRate", quick=True),
    case("rate-140000", "MP4, 140 000 frames/s", _rate(140_000, 1), "InvalidMediaFrameRate"),
    case("rate-2147483647", "MP4, 2 147 483 647 frames/s", _rate(0x7FFFFFFF, 1), "InvalidMediaFrameRate", quick=True),
    case("rate-slow", "MP4, 25 pictures in 29 hours", _rate(1, 4_200), "InvalidMediaTooLong"),
    case("rate-slower", "MP4, 25 pictures in 3 400 years", _rate(1, MAX), Right(frames=25, flashes=(10.0,))),
    case(
        "mvhd-long", "MP4, the header announces 136 years", in_box(b"moov", b"mvhd", edit=at(12, u32(1, MAX))), SILENT
    ),
    case("matrix-zero", "MP4, a display matrix of zeros", _display(bytes(36)), SILENT),
    case(
        "matrix-huge",
        "MP4, a display matrix of the largest numbers",
        _display(b"\x7f\xff\xff\xff" * 9),
        Right(frames=25, flashes=(0.4,)),
    ),
    case("display-zero", "MP4, shown in 0x0 pixels", in_box(b"moov", b"trak", b"tkhd", edit=at(76, bytes(8))), SILENT),
    case(
        "display-wide",
        "MP4, shown in 65535x1 pixels",
        in_box(b"moov", b"trak", b"tkhd", edit=at(76, u32(0xFFFF0000, 0x10000))),
        SILENT,
    ),
    case(
        "pasp-wide",
        "MP4, pixels 2 147 483 647 times as wide as high",
        in_box(*STBL, b"stsd", b"avc1", edit=lambda d: d + mp4_box(b"pasp", u32(0x7FFFFFFF, 1))),
        "InvalidMediaTooLarge",
    ),
    case(
        "clap-huge",
        "MP4, a clean aperture of 2 147 483 647 pixels",
        in_box(*STBL, b"stsd", b"avc1", edit=lambda d: d + mp4_box(b"clap", u32(0x7FFFFFFF, 1) * 4)),
        SILENT,
    ),
    case(
        "size-65535",
        "MP4, the index says 65535x65535 pixels",
        in_box(*STBL, b"stsd", b"avc1", edit=at(24, b"\xff\xff\xff\xff")),
        SILENT,
    ),
    case(
        "avcc-cut",
        "MP4, the decoder's configuration is cut",
        in_box(*STBL, b"stsd", b"avc1", b"avcC", edit=lambda d: d[:5]),
        UNREADABLE,
    ),
    case(
        "avcc-count",
        "MP4, 31 parameter sets of 65 535 bytes that are not there",
        in_box(*STBL, b"stsd", b"avc1", b"avcC", edit=lambda d: d[:5] + b"\xff" + b"\xff\xff" * 31),
        UNREADABLE,
    ),
    case("external-url", "MP4 whose samples lie in another file (`url `)", _external(b"url "), SILENT),
    case("external-alias", "QuickTime whose samples lie in another file (`alis`)", _external(b"alis"), SILENT),
    case(
        "unknown-first",
        "a compressed index of 1.4 GB behind an unknown box",
        written("film.mov", lambda: mp4_box(b"abcd", b"") + film_bytes("mov", MJPEG, None)[:40]),
        "InvalidMediaTruncated",
    ),
    case(
        "names-long",
        "MP4, a title of 1 MB",
        in_box(
            b"moov",
            edit=lambda m: m + mp4_box(b"udta", mp4_box(b"\xa9nam", struct.pack(">HH", 0xFFFF, 0) + b"x" * 1_000_000)),
        ),
        SILENT,
    ),
)

KIND = Kind(
    "Hostile MP4 and QuickTime",
    f"A named error or what is there, within 60 s and 2 GB. `SHORT` films have {SHORT.frames} frames.".replace(
        "`SHORT` films have", "The films have"
    ),
    CASES,
)
