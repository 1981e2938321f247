"""Pictures and sound that change at every frame, repeat their headers, or take far longer to decode than to store."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence
from pathlib import Path

from tests.corpus.boxes import mp4_box, mp4_edited
from tests.corpus.case import Kind, Right
from tests.corpus.film import AAC, FLV1, H264, MJPEG, MP2, MPEG2, MPEG4, OPUS, PCM, THEORA, VORBIS, ffmpeg
from tests.corpus.kinds.hostile_common import (
    REFUSED,
    SHORT,
    Make,
    after,
    case,
    film_bytes,
    ogg_checked,
    spoiled,
    u32,
    written,
)
from tests.corpus.kinds.hostile_streams import _flv_tag, _ts_packet


def _encoded(folder: Path, suffix: str, size: str, frames: int, *options: str) -> bytes:
    path = folder / f"part.{suffix}"
    ffmpeg("-f", "lavfi", "-i", f"testsrc2=s={size}:r=25", "-frames:v", str(frames), *options, "-threads", "1", path)
    content = path.read_bytes()
    path.unlink()
    return content


def _alternating(suffix: str, sizes: Sequence[str], times: int, *options: str) -> Make:
    """A recipe: raw pictures of these sizes in turn, each with its headers."""

    def make(folder: Path) -> Path:
        parts = [_encoded(folder, suffix, size, 1, *options) for size in sizes]
        path = folder / f"film.{suffix}"
        path.write_bytes(b"".join(parts) * times)
        return path

    return make


def _ivf(sizes: Sequence[str], times: int, *options: str) -> Make:
    """A recipe: an IVF whose frames have these sizes in turn."""

    def make(folder: Path) -> Path:
        parts = [_encoded(folder, "ivf", size, 1, *options) for size in sizes]
        frames = (parts[n % len(parts)][44:] for n in range(times * len(parts)))
        body = b"".join(struct.pack("<IQ", len(frame), n) + frame for n, frame in enumerate(frames))
        path = folder / "film.ivf"
        path.write_bytes(parts[0][:32] + body)
        return path

    return make


def _scans(side: int, scans: int) -> bytes:
    """A progressive JPEG whose many scans of a few bytes each cover the whole picture (ITU-T T.81, annex G)."""
    head = b"\xff\xd8\xff\xdb\0\x43\0" + b"\1" * 64
    head += b"\xff\xc2\0\x0b\x08" + struct.pack(">HH", side, side) + b"\1\1\x11\0"
    head += b"\xff\xc4\0\x15\0\1" + bytes(15) + b"\0" + b"\xff\xc4\0\x15\x10\1" + bytes(15) + b"\xe0"
    return (
        head + b"\xff\xda\0\x08\1\1\0\0\0\0" + bytes(20) + b"\xff\xda\0\x08\1\1\0\1\x3f\0\x00\0\0" * scans + b"\xff\xd9"
    )


def _y4m(header: bytes, frame: bytes, frames: int) -> Make:
    return written("film.y4m", lambda: b"YUV4MPEG2 " + header + b"\n" + (b"FRAME\n" + frame) * frames)


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
        crc = _crc(body)
        found += _ts_packet(0x1000, b"\0" + body + crc)
    return good[: 188 * 3] + found + good[188 * 3 :]


def _crc(body: bytes) -> bytes:
    value = 0xFFFFFFFF
    for byte in body:
        value ^= byte << 24
        for _ in range(8):
            value = (value << 1 ^ 0x04C11DB7 if value & 1 << 31 else value << 1) & 0xFFFFFFFF
    return u32(value)


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


def _theora(field: bytes) -> Make:
    return spoiled("ogv", lambda d: ogg_checked(after(b"\x80theora", 3, field)(d)), THEORA, None)


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


def _dv(frames: int) -> bytes:
    """DV frames whose blocks are empty: a header, and what fills (IEC 61834)."""
    block = b"\x1f\x07\0\x3f\x78\x78\x78\x78" + b"\xff" * 72
    return (block + (b"\x3f\x07\0" + b"\xff" * 77) * 1499) * frames


_VP9 = ("-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8", "-pix_fmt", "yuv420p")
_VP8 = ("-c:v", "libvpx", "-deadline", "realtime", "-cpu-used", "8", "-pix_fmt", "yuv420p")
_AV1 = ("-c:v", "libsvtav1", "-preset", "12", "-svtav1-params", "lp=1:film-grain=50", "-pix_fmt", "yuv420p")
CASES = (
    # ------------------------------------------------------------ sizes
    case("sizes-vp9", "VP9, 16x16 and 4096x4096 pixels in turn", _ivf(("16x16", "4096x4096"), 10, *_VP9)),
    case("sizes-vp8", "VP8, 16x16 and 4096x4096 pixels in turn", _ivf(("16x16", "4096x4096"), 10, *_VP8)),
    case(
        "sizes-h264",
        "H.264, 64x64 and 4096x4096 pixels in turn",
        _alternating("h264", ("64x64", "4096x4096"), 10, *H264),
    ),
    case(
        "sizes-ts",
        "transport stream, three sizes in turn",
        _alternating("ts", ("64x64", "1920x1080", "128x2048"), 20, *H264),
    ),
    case(
        "sizes-mpeg2",
        "MPEG-2, 64x64 and 1920x1088 pixels in turn",
        _alternating("m2v", ("64x64", "1920x1088"), 20, *MPEG2),
    ),
    case(
        "sizes-mjpeg",
        "MJPEG, 16x16 and 8000x8000 pixels in turn",
        _alternating("mjpeg", ("16x16", "8000x8000"), 5, *MJPEG),
    ),
    case(
        "sizes-av1", "AV1 with film grain, 64x64 and 2048x2048 pixels in turn", _ivf(("64x64", "2048x2048"), 10, *_AV1)
    ),
    case("y4m-huge", "raw pictures of 65 535x65 535 pixels", _y4m(b"W65535 H65535 F25:1", b"", 1_000)),
    case(
        "y4m-rate",
        "200 000 raw pictures of one pixel, 1 000 000 a second",
        _y4m(b"W1 H1 F1000000:1 Cmono", b"\0", 200_000),
    ),
    case("y4m-rate-0", "raw pictures, no pictures a second", _y4m(b"W16 H16 F0:0 Cmono", bytes(256), 25)),
    case("y4m-slow", "raw pictures, one in 68 years", _y4m(b"W16 H16 F1:2147483647 Cmono", bytes(256), 25)),
    # ------------------------------------------------------------ time to decode
    case(
        "jpeg-scans", "JPEG of 4096x4096 pixels in 5 000 scans", written("film.mjpeg", lambda: _scans(4096, 5_000) * 10)
    ),
    case(
        "jpeg-scans-many",
        "JPEG of 8000x8000 pixels in 60 000 scans",
        written("film.mjpeg", lambda: _scans(8000, 60_000)),
    ),
    case(
        "prores-huge",
        "ProRes of 8190x8190 pixels in 100 bytes a frame",
        spoiled(
            "mov",
            lambda d: d.replace(b"jpeg", b"apcn").replace(struct.pack(">HH", 64, 64), struct.pack(">HH", 8190, 8190)),
            MJPEG,
            None,
        ),
    ),
    case(
        "huffyuv-huge",
        "HuffYUV of 8190x8190 pixels in 100 bytes a frame",
        spoiled(
            "avi",
            lambda d: d.replace(b"HFYU", b"HFYU").replace(struct.pack("<ii", 64, 64), struct.pack("<ii", 8190, 8190)),
            ("-c:v", "huffyuv"),
            None,
        ),
    ),
    case(
        "ffv1-huge",
        "FFV1 of 8190x8190 pixels in 100 bytes a frame",
        spoiled(
            "avi",
            lambda d: d.replace(struct.pack("<ii", 64, 64), struct.pack("<ii", 8190, 8190)),
            ("-c:v", "ffv1"),
            None,
        ),
    ),
    case(
        "dnxhd-huge",
        "DNxHD of 8190x8190 pixels",
        spoiled(
            "mov",
            lambda d: d.replace(struct.pack(">HH", 1920, 1080), struct.pack(">HH", 8190, 8190)),
            ("-vf", "scale=1920:1080", "-c:v", "dnxhd", "-b:v", "36M", "-pix_fmt", "yuv422p"),
            None,
        ),
    ),
    case(
        "utvideo-huge",
        "Ut Video of 8190x8190 pixels in 100 bytes a frame",
        spoiled(
            "avi",
            lambda d: d.replace(struct.pack("<ii", 64, 64), struct.pack("<ii", 8190, 8190)),
            ("-c:v", "utvideo"),
            None,
        ),
    ),
    case("theora-huge", "Theora of 1 048 560x1 048 560 pixels", _theora(b"\xff\xff\xff\xff")),
    case(
        "theora-rate",
        "Theora, 4 294 967 295 frames/s",
        _theora(b"\0\4\0\4\0\0\x40\0\0\x40\0\0\xff\xff\xff\xff\0\0\0\1"),
    ),
    case("dv-empty", "DV, 100 frames without a picture", written("film.dv", lambda: _dv(100))),
    # ------------------------------------------------------------ streams
    case(
        "ts-pmt",
        "transport stream, 3 000 tables that each announce 30 other streams",
        written("film.ts", lambda: _ts_tables((2, 3, 0x1B, 6, 0x0F, 0x24), 3_000)),
    ),
    case("ts-endless", "transport stream, a packet of 30 MB", written("film.ts", _ts_endless)),
    case("ps-clock", "program stream whose clock stands still", spoiled("mpg", _zero_clock, MPEG2, MP2)),
    case("flv-back", "FLV whose timestamps go back", written("film.flv", _flv_back)),
    case("flv-duration", "FLV, a duration of 10^308 s", _flv_number(b"duration", 1e308)),
    case("flv-width", "FLV, a width of 10^308", _flv_number(b"width", 1e308)),
    case("flv-filesize", "FLV, NaN bytes", _flv_number(b"filesize", float("nan"))),
    case(
        "flv-scripts",
        "FLV, 50 000 pieces of metadata",
        written(
            "film.flv",
            lambda: film_bytes("flv", FLV1, None) + _flv_tag(18, 0, b"\x02\0\nonTextData\x08\0\0\0\0\0\0\x09") * 50_000,
        ),
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
    ),
    case("ogg-chains-3000", "Ogg, 3 000 chained recordings of 20 ms", _chain(3_000)),
    case(
        "ogg-comments",
        "Vorbis, 4 294 967 295 comments",
        spoiled(
            "ogg", lambda d: ogg_checked(after(b"\x03vorbis", 0, b"\x04\0\0\0abcd\xff\xff\xff\xff")(d)), None, VORBIS
        ),
    ),
    case("vorbis-rate", "Vorbis, 4 294 967 295 samples a second", _vorbis(5, b"\xff\xff\xff\xff")),
    case("vorbis-channels", "Vorbis, 255 channels", _vorbis(4, b"\xff")),
    case("subtitles-900", "Matroska with 900 streams of text", _subtitles(900)),
    case("alac-frame", "ALAC, frames of 4 294 967 295 samples", _cookie(u32(0xFFFFFFFF))),
    case("alac-channels", "ALAC, 255 channels of 255 bits", _cookie(u32(4096) + b"\0\xff\x28\x0e\x0a\xff")),
    case(
        "alac-rate",
        "ALAC, no samples a second",
        _cookie(u32(4096) + b"\0\x10\x28\x0e\x0a\x02\0\xff" + bytes(8) + u32(0)),
    ),
    case(
        "adpcm-align",
        "WAV, ADPCM in blocks of 65 535 bytes",
        spoiled("wav", after(b"fmt ", 16, b"\xff\xff"), None, ("-c:a", "adpcm_ms")),
    ),
    case(
        "adpcm-align-0",
        "WAV, ADPCM in blocks of no bytes",
        spoiled("wav", after(b"fmt ", 16, b"\0\0"), None, ("-c:a", "adpcm_ms")),
    ),
    case(
        "wav-fact",
        "WAV, 4 294 967 295 samples in the header",
        spoiled("wav", lambda d: d.replace(b"data", b"fact\4\0\0\0\xff\xff\xff\xffdata", 1), None, PCM),
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
    ),
    case(
        "caf-table",
        "CAF, a table of 2^40 packets",
        written(
            "film.caf",
            lambda: (
                film_bytes("caf", None, AAC).replace(b"pakt", b"pakt", 1)
                if b"pakt" not in film_bytes("caf", None, AAC)
                else after(b"pakt", 8, struct.pack(">qq", 1 << 40, 1 << 50))(film_bytes("caf", None, AAC))
            ),
        ),
    ),
    case(
        "id3-m3u8",
        "a playlist behind an ID3 tag",
        written("film.mp3", b"ID3\4\0\0\0\0\0\x0a" + bytes(10) + b"#EXTM3U\n#EXTINF:5,\nfile:///etc/passwd\n"),
    ),
    case(
        "m3u8-utf16",
        "a playlist in UTF-16",
        written("film.mp4", "#EXTM3U\n#EXTINF:5,\nfile:///etc/passwd\n".encode("utf-16")),
    ),
    case("realmedia", "RealMedia", written("film.rm", b".RMF\0\0\0\x12\0\1" + bytes(2000))),
    case("swf", "a Flash program", written("film.swf", b"CWS\x0a" + u32(1 << 30) + zlib.compress(bytes(1 << 20)))),
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
    ),
    case(
        "skips",
        "MPEG-4 in MP4, a description of 1 MB",
        written(
            "film.mp4",
            lambda: mp4_edited(
                film_bytes("mp4", MPEG4, None),
                [b"moov", b"trak", b"mdia", b"minf", b"stbl", b"stsd", b"mp4v"],
                lambda c: c + mp4_box(b"glbl", bytes(1_000_000)),
            ),
        ),
    ),
)

KIND = Kind(
    "Pictures and sound that change or take long",
    f"A named error or what is there, within 60 s and 2 GB. Good films have {SHORT.frames} frames.",
    CASES,
)
__all__ = ["CASES", "KIND", "REFUSED", "Right"]
