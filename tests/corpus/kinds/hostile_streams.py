"""AVI, FLV, MPEG streams, Ogg and ASF whose structure lies."""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path

from tests.corpus.case import Kind, Right
from tests.corpus.film import FLV1, H264, MJPEG, MP2, MPEG2, OPUS, VP8, ffmpeg
from tests.corpus.kinds.hostile_common import (
    HEARD,
    NO_STREAMS,
    SHORT,
    SILENT,
    UNREADABLE,
    WHOLE,
    Make,
    after,
    at,
    case,
    film_bytes,
    ogg_checked,
    spoiled,
    written,
)


# ---------------------------------------------------------------- AVI
def _avi(edit: Callable[[bytes], bytes]) -> Make:
    return spoiled("avi", edit, MJPEG, None)


def _avi_replayed(times: int) -> Make:
    """A recipe: an AVI whose index names the same pictures many times (AVI RIFF File Reference, "idx1")."""

    def edit(data: bytes) -> bytes:
        place = data.index(b"idx1")
        length = struct.unpack("<I", data[place + 4 : place + 8])[0]
        index = data[place + 8 : place + 8 + length] * times
        data = data[:place] + b"idx1" + struct.pack("<I", len(index)) + index
        return data[:4] + struct.pack("<I", len(data) - 8) + data[8:]

    return _avi(edit)


def _avi_streams(count: int) -> Make:
    def edit(data: bytes) -> bytes:
        place = data.index(b"LIST", 16)
        length = struct.unpack("<I", data[place + 4 : place + 8])[0] + 8
        stream = data[place : place + length]
        header = struct.unpack("<I", data[16:20])[0] + (count - 1) * length
        return data[:16] + struct.pack("<I", header) + data[20:place] + stream * count + data[place + length :]

    return _avi(edit)


# ---------------------------------------------------------------- FLV, MPEG, Ogg
def _flv_tag(kind: int, milliseconds: int, content: bytes) -> bytes:
    head = struct.pack(">B", kind) + len(content).to_bytes(3) + (milliseconds & 0xFFFFFF).to_bytes(3)
    head += bytes([milliseconds >> 24 & 0xFF, 0, 0, 0])
    return head + content + struct.pack(">I", len(content) + 11)


def _flv_late(folder: Path) -> Path:
    """The sound's first tag comes after 300 KB of picture; neither the header nor the start announces it."""
    path = folder / "film.flv"
    source = folder / "source.flv"
    ffmpeg("-f", "lavfi", "-i", "testsrc2=s=320x240:r=25:d=12", *FLV1, "-an", source)
    sound = folder / "sound.flv"
    ffmpeg("-f", "lavfi", "-i", "sine=d=2", "-c:a", "libmp3lame", "-ar", "44100", sound)
    tags = sound.read_bytes()[13:]
    moved, place = b"", 0
    while place + 15 <= len(tags):
        length = int.from_bytes(tags[place + 1 : place + 4])
        if tags[place] == 8:
            time = int.from_bytes(tags[place + 4 : place + 7]) + 10_000
            moved += _flv_tag(8, time, tags[place + 11 : place + 11 + length])
        place += length + 15
    path.write_bytes(source.read_bytes() + moved)
    source.unlink(), sound.unlink()
    return path


def _amf(depth: int) -> bytes:
    """onMetaData with objects in objects."""
    value = b"".join(b"\x03\x00\x01a" for _ in range(depth))
    return film_bytes("flv", FLV1, None)[:13] + _flv_tag(18, 0, b"\x02\x00\nonMetaData" + value)


def _ts_packet(pid: int, payload: bytes, *, start: bool = True) -> bytes:
    head = b"\x47" + ((0x4000 if start else 0) | pid).to_bytes(2) + b"\x10"
    return head + payload[:184].ljust(184, b"\xff")


def _ts_programs(folder: Path) -> Path:
    """40 programs in each table, 2 000 tables, each a new version."""
    path = folder / "film.ts"
    tables = b""
    for version in range(2000):
        rows = b"".join(struct.pack(">HH", 1 + n, 0xE000 | 0x100 + (version * 40 + n) % 0x1E00) for n in range(40))
        body = b"\0\xb0" + bytes([len(rows) + 9]) + b"\0\1" + bytes([0xC1 | version % 32 << 1, 0, 0]) + rows + bytes(4)
        tables += _ts_packet(0, b"\0" + body)
    path.write_bytes(tables)
    return path


def _ts_steps(folder: Path) -> Path:
    """A film of 4 s whose clock steps at every packet of picture (ISO/IEC 13818-1, PTS)."""
    path = folder / "film.ts"
    ffmpeg("-f", "lavfi", "-i", "testsrc2=s=64x64:r=1000:d=4", *MPEG2[:-4], "-b:v", "100k", "-r", "25", path)
    data = bytearray(path.read_bytes() * 40)
    for place in range(0, len(data), 188):
        if data[place + 1] & 0x40 and data[place + 188 - 1 : place + 188]:
            begin = data.find(b"\0\0\1\xe0", place, place + 188)
            if begin > 0 and data[begin + 7] & 0x80:
                data[begin + 9] = data[begin + 9] & 0xF1 | (place // 188 % 7) << 1
    path.write_bytes(data)
    return path


def _ogg(edit: Callable[[bytes], bytes]) -> Make:
    return spoiled("ogg", lambda data: ogg_checked(edit(data)), None, OPUS)


def _ogg_page(serial: int, flags: int, granule: int, content: bytes, number: int = 0) -> bytes:
    """A page without its checksum."""
    segments = bytes([255] * (len(content) // 255) + [len(content) % 255])[:255]
    head = b"OggS\0" + bytes([flags]) + struct.pack("<qIII", granule, serial, number, 0) + bytes([len(segments)])
    return head + segments + content


CASES = (
    case(
        "avi-rate",
        "AVI, 4 294 967 295 frames/s",
        _avi(after(b"vids", 16, struct.pack("<II", 1, 0xFFFFFFFF))),
        "InvalidMediaFrameRate",
        quick=True,
    ),
    case("avi-scale", "AVI, 0 frames in 0 s", _avi(after(b"vids", 16, struct.pack("<II", 0, 0))), SILENT),
    case(
        "avi-slow",
        "AVI, a frame every 136 years",
        _avi(after(b"vids", 16, struct.pack("<II", 0xFFFFFFFF, 1))),
        "InvalidMediaTooLong",
    ),
    case("avi-length", "AVI, 4 294 967 295 frames in the header", _avi(after(b"vids", 28, b"\xff" * 4)), SILENT),
    case(
        "avi-size",
        "AVI, 2 147 483 647 x 2 147 483 647 pixels",
        _avi(after(b"strf", 8, struct.pack("<ii", 0x7FFFFFFF, 0x7FFFFFFF))),
        SILENT,
    ),
    case("avi-index", "AVI, an index that shows 25 pictures 20 000 times", _avi_replayed(20_000), SILENT),
    case("avi-streams", "AVI, 2 000 streams", _avi_streams(2_000), "InvalidMediaOutOfProportion"),
    case(
        "avi-lists",
        "AVI, lists nested 3 000 deep",
        _avi(lambda d: d[:12] + (b"LIST\xff\xff\xff\x00hdrl") * 3_000 + d[12:]),
        SILENT,
    ),
    case(
        "avi-empty",
        "AVI, 300 000 empty pictures",
        _avi(lambda d: d[: d.index(b"movi") + 4] + b"00dc\0\0\0\0" * 300_000),
        NO_STREAMS,
    ),
    case("flv-late", "FLV, sound that begins after 10 s and is announced nowhere", _flv_late, Right(frames=300)),
    case(
        "flv-amf",
        "FLV, metadata nested 100 000 deep",
        written("film.flv", lambda: _amf(100_000)),
        UNREADABLE,
    ),
    case(
        "flv-array",
        "FLV, 4 294 967 295 keyframes in the metadata",
        written(
            "film.flv", lambda: _amf(0)[:-4] + b"\x08\xff\xff\xff\xff\x00\x09keyframes\x0a\xff\xff\xff\xff" + bytes(50)
        ),
        UNREADABLE,
    ),
    case(
        "flv-clock",
        "FLV, timestamps that step by 24 days",
        written(
            "film.flv",
            lambda: (
                film_bytes("flv", FLV1, None)[:13]
                + b"".join(_flv_tag(9, n * 2_000_000_000 % 2**32, b"\x22" + bytes(100)) for n in range(200))
            ),
        ),
        UNREADABLE,
    ),
    case(
        "flv-tags",
        "FLV, 200 000 empty tags",
        written("film.flv", lambda: b"FLV\1\5\0\0\0\x09\0\0\0\0" + _flv_tag(9, 0, b"") * 200_000),
        UNREADABLE,
    ),
    case("ts-programs", "transport stream, 80 000 programs", _ts_programs, UNREADABLE),
    case("ts-steps", "transport stream, the clock steps at every picture", _ts_steps, "InvalidMediaDamaged"),
    case(
        "ts-sync",
        "transport stream, 100 000 packets without content",
        written("film.ts", lambda: _ts_packet(0x100, b"", start=False) * 100_000),
        UNREADABLE,
    ),
    case(
        "ts-pids",
        "transport stream, every packet of another stream",
        written(
            "film.ts",
            lambda: b"".join(_ts_packet(16 + n % 8000, b"\0\0\1\xe0\0\0\x80\0\0" + bytes(175)) for n in range(40_000)),
        ),
        NO_STREAMS,
    ),
    case(
        "ps-packs",
        "program stream, 100 000 pack headers",
        written("film.mpg", lambda: (b"\0\0\1\xba\x44\0\4\0\4\1\0\1\3\xf8") * 100_000),
        UNREADABLE,
    ),
    case(
        "ps-map",
        "program stream, a stream map of nothing",
        spoiled("mpg", lambda d: b"\0\0\1\xbc\xff\xff" + bytes(1000) + d, MPEG2, MP2),
        UNREADABLE,
    ),
    case(
        "ogg-streams",
        "Ogg, 20 000 streams",
        written(
            "film.ogg",
            lambda: b"".join(_ogg_page(n, 2, 0, b"OpusHead\1\2\0\0\x80\xbb\0\0\0\0\0") for n in range(20_000)),
        ),
        UNREADABLE,
    ),
    case(
        "ogg-channels",
        "Opus, 255 channels of which none is mapped",
        _ogg(after(b"OpusHead", 1, b"\xff\0\0\x80\xbb\0\0\0\0\xff")),
        UNREADABLE,
    ),
    case(
        "ogg-granule",
        "Ogg, a position of 2^63 - 1",
        _ogg(lambda d: d[: d.rindex(b"OggS") + 6] + b"\xff" * 7 + b"\x7f" + d[d.rindex(b"OggS") + 14 :]),
        HEARD,
    ),
    case(
        "ogg-packet",
        "Ogg, a packet that never ends",
        written(
            "film.ogg",
            lambda: (
                film_bytes("ogg", None, OPUS)
                + b"".join(
                    b"OggS\0\1" + struct.pack("<qIII", -1, 1, n, 0) + b"\xff" + b"\xff" * 255 + bytes(65025)
                    for n in range(60)
                )
            ),
        ),
        HEARD,
    ),
    case(
        "ogg-chains",
        "Ogg, 10 500 chained recordings",
        written("film.ogg", lambda: (_ogg_page(1, 2, 0, b"x") + _ogg_page(1, 4, 0, b"")) * 10_500),
        "InvalidMediaDamaged",
    ),
    case(
        "asf-size",
        "ASF, objects of 2^63 bytes",
        spoiled("wmv", at(16, b"\xff" * 7 + b"\x7f"), ("-c:v", "wmv2"), ("-c:a", "wmav2")),
        WHOLE,
    ),
    case(
        "asf-packets",
        "ASF, packets of 4 GB",
        spoiled(
            "wmv",
            after(bytes.fromhex("a1dcab8c47a9cf118ee400c00c205365"), 76, b"\xff" * 12),
            ("-c:v", "wmv2"),
            ("-c:a", "wmav2"),
        ),
        UNREADABLE,
    ),
    case(
        "nut",
        "NUT, headers of 2^60 bytes",
        written("film.nut", b"nut/multimedia container\0NM\x7a\x56\x1f\x5f\x04\xad" + b"\xff" * 12),
        UNREADABLE,
    ),
    case(
        "mxf",
        "MXF, a partition without end",
        written("film.mxf", bytes.fromhex("060e2b34020501010d01020101020400") + b"\x88" + b"\x7f" * 8 + bytes(500)),
        UNREADABLE,
    ),
    case(
        "ivf",
        "IVF, frames of 4 GB",
        spoiled("ivf", lambda d: d[:32] + b"\xff" * 4 + bytes(8) + d[44:], VP8, None),
        "InvalidMediaTruncated",
    ),
    case(
        "appended",
        "11 000 FLV headers, one behind the other",
        written("film.flv", lambda: b"FLV\1\5\0\0\0\x09\0\0\0\0" * 11_000),
        "InvalidMediaDamaged",
        quick=True,
    ),
    case(
        "appended-ebml",
        "2 000 Matroska headers, one behind the other",
        written("film.mkv", lambda: film_bytes("mkv", H264, None)[:200] * 2_000),
        UNREADABLE,
    ),
)

KIND = Kind(
    "Hostile AVI, FLV, MPEG and Ogg",
    f"A named error or what is there, within 60 s and 2 GB. Good films have {SHORT.frames} frames.",
    CASES,
)
