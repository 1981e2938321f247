"""Streams and sound whose tables, clocks and headers lie, and formats that are off."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence
from pathlib import Path

from tests.corpus.boxes import mp4_edited
from tests.corpus.case import Kind, Right
from tests.corpus.film import AAC, FLV1, MP2, MPEG2, OPUS, PCM, VORBIS, ffmpeg
from tests.corpus.kinds.hostile_common import (
    HEARD,
    NO_STREAMS,
    SHORT,
    SILENT,
    UNREADABLE,
    WHOLE,
    Make,
    after,
    case,
    crc,
    film_bytes,
    ogg_checked,
    spoiled,
    u32,
    written,
)
from tests.corpus.kinds.hostile_streams import _flv_tag, _ts_packet


def _ts_tables(kinds: Sequence[int], tables: int) -> bytes:
    """A film after tables that each announce other streams (ISO/IEC 13818-1, 2.4.4.8)."""
    good = film_bytes("ts", MPEG2, MP2)
    found = b""
    for version in range(tables):
        rows = b"".join(
            struct.pack(">BHH", kinds[(version + n) % len(kinds)], 0xE000 | 0x200 + (version * 30 + n) % 0x1C00, 0xF000)
            for n in range(30)
        )
        body = b"\x02\xb0" + bytes([len(rows) + 13]) + b"\0\1" + bytes([0xC1 | version % 32 << 1, 0, 0])
        body += b"\xe1\0\xf0\0" + rows
        found += _ts_packet(0x1000, b"\0" + body + u32(crc(body, 0xFFFFFFFF)))
    return good[: 188 * 3] + found + good[188 * 3 :]


def _ts_endless() -> bytes:
    """A packet of picture of 30 MB: it has no length, and never ends."""
    good = film_bytes("ts", MPEG2, None)
    return (
        good
        + _ts_packet(0x100, b"\0\0\1\xe0\0\0\x80\0\0" + bytes(170))
        + _ts_packet(0x100, bytes(184), start=False) * 160_000
    )


def _flv_back() -> bytes:
    data, place, tags = film_bytes("flv", FLV1, None), 13, []
    while place + 15 <= len(data):
        length = int.from_bytes(data[place + 1 : place + 4])
        tags.append((data[place], data[place + 11 : place + 11 + length]))
        place += length + 15
    return data[:13] + b"".join(_flv_tag(kind, 1_000_000 - 40 * n, content) for n, (kind, content) in enumerate(tags))


def _flv_number(name: bytes, value: float) -> Make:
    return spoiled("flv", after(name, 1, struct.pack(">d", value)), FLV1, None)


def _zero_clock(data: bytes) -> bytes:
    """Every pack of a program stream at 0 (ISO/IEC 13818-1, 2.5.3.3, SCR)."""
    found, at = bytearray(data), data.find(b"\0\0\1\xba")
    while at >= 0:
        found[at + 4 : at + 10] = b"\x44\0\4\0\4\1"
        at = data.find(b"\0\0\1\xba", at + 4)
    return bytes(found)


def _chain(times: int) -> Make:
    """A recipe: a tiny Ogg recording so often."""

    def make(folder: Path) -> Path:
        path = folder / "film.ogg"
        ffmpeg("-f", "lavfi", "-i", "sine=d=0.02:r=48000", *OPUS, path)
        path.write_bytes(path.read_bytes() * times)
        return path

    return make


def _cookie(content: bytes) -> Make:
    """A recipe: ALAC in MP4 with another decoder configuration (`alac`, 24 bytes)."""

    def edit(data: bytes) -> bytes:
        at = data.index(b"alac", data.index(b"alac") + 4) + 8
        return data[:at] + content + data[at + len(content) :]

    return spoiled("m4a", edit, None, ("-c:a", "alac"))


def _vorbis(place: int, field: bytes) -> Make:
    return spoiled("ogg", lambda d: ogg_checked(after(b"\x01vorbis", place, field)(d)), None, VORBIS)


def _subtitles(count: int) -> Make:
    """A recipe: a film with so many streams of text."""

    def make(folder: Path) -> Path:
        text, film = folder / "a.srt", folder / "source.mp4"
        text.write_text("1\n00:00:00,000 --> 00:00:01,000\na\n", encoding="ascii")
        film.write_bytes(film_bytes("mp4"))
        path = folder / "film.mkv"
        maps = [each for _ in range(count) for each in ("-map", "1")]
        ffmpeg("-i", film, "-i", text, "-map", "0", *maps, "-c:v", "copy", "-c:a", "copy", "-c:s", "srt", path)
        film.unlink(), text.unlink()
        return path

    return make


CASES = (
    case(
        "ts-pmt",
        "transport stream, 3 000 tables that each announce 30 other streams",
        written("film.ts", lambda: _ts_tables((2, 3, 0x1B, 6, 0x0F, 0x24), 3_000)),
        Right(frames=25, marks=(0.4,), warns="only the first 128 streams"),
    ),
    case("ts-endless", "transport stream, a packet of 30 MB", written("film.ts", _ts_endless), SILENT),
    case("ps-clock", "program stream whose clock stands still", spoiled("mpg", _zero_clock, MPEG2, MP2), WHOLE),
    case("flv-back", "FLV whose timestamps go back", written("film.flv", _flv_back), "InvalidMediaDamaged"),
    case("flv-duration", "FLV, a duration of 10^308 s", _flv_number(b"duration", 1e308), SILENT),
    case("flv-width", "FLV, a width of 10^308", _flv_number(b"width", 1e308), SILENT),
    case("flv-filesize", "FLV, NaN bytes", _flv_number(b"filesize", float("nan")), SILENT),
    case(
        "flv-scripts",
        "FLV, 50 000 pieces of metadata",
        written(
            "film.flv",
            lambda: film_bytes("flv", FLV1, None) + _flv_tag(18, 0, b"\x02\0\nonTextData\x08\0\0\0\0\0\0\x09") * 50_000,
        ),
        SILENT,
    ),
    case(
        "ogg-empty",
        "Ogg, 500 000 pages of nothing",
        written(
            "film.ogg",
            lambda: (
                film_bytes("ogg", None, OPUS)
                + b"OggS\0\0"
                + bytes(20)
                + b"\0" * 1
                + (b"OggS\0\0" + bytes(21)) * 500_000
            ),
        ),
        HEARD,
    ),
    case(
        "ogg-comments",
        "Vorbis, 4 294 967 295 comments",
        spoiled(
            "ogg", lambda d: ogg_checked(after(b"\x03vorbis", 0, b"\x04\0\0\0abcd\xff\xff\xff\xff")(d)), None, VORBIS
        ),
        HEARD,
    ),
    case("vorbis-rate", "Vorbis, 4 294 967 295 samples a second", _vorbis(5, b"\xff\xff\xff\xff"), "InvalidMediaSound"),
    case("vorbis-channels", "Vorbis, 255 channels", _vorbis(4, b"\xff"), UNREADABLE),
    case("ogg-chains-1000", "Ogg, 1 000 chained recordings of 20 ms", _chain(1_000), HEARD),
    case("subtitles-900", "Matroska with 900 streams of text", _subtitles(900), WHOLE),
    case("alac-frame", "ALAC, frames of 4 294 967 295 samples", _cookie(u32(0xFFFFFFFF)), UNREADABLE),
    case("alac-channels", "ALAC, 255 channels of 255 bits", _cookie(u32(4096) + b"\0\xff\x28\x0e\x0a\xff"), UNREADABLE),
    case(
        "alac-rate",
        "ALAC, no samples a second",
        _cookie(u32(4096) + b"\0\x10\x28\x0e\x0a\x02\0\xff" + bytes(8) + u32(0)),
        UNREADABLE,
    ),
    case(
        "adpcm-align",
        "WAV, ADPCM in blocks of 65 535 bytes",
        spoiled("wav", after(b"fmt ", 16, b"\xff\xff"), None, ("-c:a", "adpcm_ms")),
        NO_STREAMS,
    ),
    case(
        "adpcm-align-0",
        "WAV, ADPCM in blocks of no bytes",
        spoiled("wav", after(b"fmt ", 16, b"\0\0"), None, ("-c:a", "adpcm_ms")),
        NO_STREAMS,
    ),
    case(
        "wav-fact",
        "WAV, 4 294 967 295 samples in the header",
        spoiled("wav", lambda d: d.replace(b"data", b"fact\4\0\0\0\xff\xff\xff\xffdata", 1), None, PCM),
        HEARD,
    ),
    case(
        "rf64-lies",
        "RF64, sizes that are less than the file",
        written(
            "film.wav",
            lambda: (
                b"RF64\xff\xff\xff\xffWAVEds64\x1c\0\0\0"
                + struct.pack("<QQQI", 100, 50, 10, 0)
                + film_bytes("wav", None, PCM)[12:]
            ),
        ),
        NO_STREAMS,
    ),
    case(
        "id3-m3u8",
        "a playlist behind an ID3 tag",
        written("film.mp3", b"ID3\4\0\0\0\0\0\x0a" + bytes(10) + b"#EXTM3U\n#EXTINF:5,\nfile:///etc/passwd\n"),
        UNREADABLE,
    ),
    case(
        "m3u8-utf16",
        "a playlist in UTF-16",
        written("film.mp4", "#EXTM3U\n#EXTINF:5,\nfile:///etc/passwd\n".encode("utf-16")),
        UNREADABLE,
    ),
    case("realmedia", "RealMedia", written("film.rm", b".RMF\0\0\0\x12\0\1" + bytes(2000)), UNREADABLE),
    case(
        "swf",
        "a Flash program",
        written("film.swf", b"CWS\x0a" + u32(1 << 30) + zlib.compress(bytes(1 << 20))),
        UNREADABLE,
    ),
    case(
        "opus-frames",
        "MP4, 500 000 sounds of no bytes",
        written(
            "film.mp4",
            lambda: mp4_edited(
                film_bytes("mp4", None, AAC),
                [b"moov", b"trak", b"mdia", b"minf", b"stbl", b"stsz"],
                lambda _: u32(0, 0, 500_000) + u32(0) * 500_000,
            ),
        ),
        NO_STREAMS,
    ),
    case(
        "mdhd-rate",
        "MP4, one tick in the whole film",
        written(
            "film.mp4",
            lambda: mp4_edited(
                film_bytes("mp4"), [b"moov", b"trak", b"mdia", b"mdhd"], lambda c: c[:12] + u32(1) + c[16:]
            ),
        ),
        Right(frames=25600),
    ),
)

KIND = Kind(
    "Streams whose tables and clocks lie",
    f"A named error or what is there, within 60 s and 2 GB. Good films have {SHORT.frames} frames.",
    CASES,
)
