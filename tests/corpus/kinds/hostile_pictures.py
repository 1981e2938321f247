"""Pictures that are huge, change their size, or are far more than their bytes."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av

from tests.corpus.case import Kind, Right
from tests.corpus.film import FLAC, H264, MJPEG, Film, appended, ffmpeg, record
from tests.corpus.kinds.hostile_common import HEARD, NO_MEDIA, REFUSED, UNREADABLE, Make, case, written, zeros


def _huge(suffix: str, size: str, frames: int, *options: str, rate: int = 25) -> Make:
    """A recipe: black pictures of this size."""

    def make(folder: Path) -> Path:
        path = folder / f"film.{suffix}"
        source = ("-f", "lavfi", "-i", f"color=c=black:s={size}:r={rate}", "-frames:v", str(frames))
        ffmpeg(*source, *options, "-threads", "1", path)
        return path

    return make


def _references(count: int, size: str, *options: str) -> Make:
    """A recipe: four pictures, of which the decoder has to keep `count`."""
    x264 = f"ref={count}:bframes=0:level=6.2:keyint=250"
    return _huge("mp4", size, 4, "-c:v", "libx264", "-preset", "ultrafast", "-x264-params", x264, *options)


def _later(first: str, second: str, suffix: str = "ts") -> Make:
    """A recipe: small pictures, then huge ones with 16 references, in one stream."""

    def make(folder: Path) -> Path:
        parts = []
        for number, size in enumerate((first, second)):
            parts.append(folder / f"{number}.{suffix}")
            x264 = f"ref={16 if number else 1}:bframes=0:level=6.2"
            options = ("-c:v", "libx264", "-preset", "ultrafast", "-x264-params", x264, "-pix_fmt", "yuv420p")
            source = ("-f", "lavfi", "-i", f"color=c=black:s={size}:r=25", "-frames:v", "6")
            ffmpeg(*source, *options, "-output_ts_offset", str(number), parts[-1])
        return appended(folder / f"film.{suffix}", *parts)

    return make


def _packets(
    suffix: str, codec: str, packets: Sequence[bytes], size: tuple[int, int] = (64, 64), extradata: bytes = b""
) -> Make:
    """A recipe: these bytes as the packets of a stream, 25 a second, whatever they are."""

    def make(folder: Path) -> Path:
        path = folder / f"film.{suffix}"
        with av.open(str(path), "w") as output:
            stream: Any = output.add_stream(codec, rate=25)
            stream.width, stream.height = size
            stream.pix_fmt = {"mjpeg": "yuvj420p", "png": "rgb24"}.get(codec, "yuv420p")
            if extradata:
                stream.codec_context.extradata = extradata
            for number, content in enumerate(packets):
                packet = av.Packet(content)
                packet.stream, packet.pts, packet.dts = stream, number * 40, number * 40
                packet.time_base, packet.is_keyframe = Fraction(1, 1000), True
                output.mux_one(packet)
        return path

    return make


H265 = ("-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=none:pools=1")


def _units(count: int, unit: bytes, suffix: str = "h264", seconds: float = 0.2) -> Make:
    """A recipe: a packet with so many NAL units, behind some seconds of film (ITU-T H.264 and H.265, annex B)."""

    def make(folder: Path) -> Path:
        codec = H264 if suffix == "h264" else H265
        good = record(folder / f"source.{suffix}", Film(seconds=seconds, size=(64, 64)), codec, None)
        content = good.read_bytes()
        good.unlink()
        path = folder / f"film.{suffix}"
        path.write_bytes(content + (b"\0\0\1" + unit) * count + content)
        return path

    return make


def _units_in(suffix: str, count: int, length: int) -> Make:
    """A recipe: the same behind lengths of so many bytes, in the 40th of 60 packets of MP4 or Matroska."""

    def make(folder: Path) -> Path:
        source = record(folder / f"source.{suffix}", Film(seconds=0.2, size=(64, 64)), H264, None)
        with av.open(str(source)) as file:
            header = bytearray(file.streams.video[0].codec_context.extradata or b"")
            good = [bytes(packet) for packet in file.demux() if packet.size]
        source.unlink()
        header[4] = header[4] & 0xFC | (length - 1)
        unit = (1).to_bytes(length) + b"\x67"
        return _packets(suffix, "libx264", [*good * 8, unit * count, *good * 4], extradata=bytes(header))(folder)

    return make


def _png(width: int, height: int, depth: int, colour: int, content: bytes = b"") -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", content) + chunk(b"IEND", b"")


def _png_bomb(folder: Path) -> Path:
    return _packets("mov", "png", [_png(64, 64, 8, 2, zeros(200_000_000))] * 3)(folder)


def _apng(width: int, height: int, frames: int) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    parts = [b"\x89PNG\r\n\x1a\n", chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 6, 0, 0, 0))]
    parts.append(chunk(b"acTL", struct.pack(">II", frames, 0)))
    for number in range(50):
        parts.append(chunk(b"fcTL", struct.pack(">IIIIIHHBB", number, width, height, 0, 0, 1, 25, 0, 0)))
        parts.append(chunk(b"fdAT", struct.pack(">I", number) + zlib.compress(bytes(1000))))
    return b"".join([*parts, chunk(b"IEND", b"")])


def _gif(width: int, height: int, frames: int) -> bytes:
    """Pictures of one pixel on a canvas of this size (GIF89a)."""
    head = b"GIF89a" + struct.pack("<HH", width, height) + b"\x80\0\0" + b"\0\0\0\xff\xff\xff"
    one = b"\x21\xf9\4\0\4\0\0\0" + b"," + struct.pack("<HHHH", 0, 0, 1, 1) + b"\0\2\2\x44\1\0"
    return head + one * frames + b";"


def _changing(folder: Path) -> Path:
    """VP8 whose size changes at each of 20 keyframes."""
    path = folder / "film.ivf"
    packets = []
    for number in range(20):
        part = folder / "part.ivf"
        side = 64 + 48 * number
        ffmpeg("-f", "lavfi", "-i", f"color=c=gray:s={side}x{side}:r=25", "-frames:v", "1", "-c:v", "libvpx", part)
        packets.append(part.read_bytes()[44:])
    head = bytearray(part.read_bytes()[:32])
    frames = (struct.pack("<IQ", len(content), number) + content for number, content in enumerate(packets))
    path.write_bytes(bytes(head) + b"".join(frames))
    part.unlink()
    return path


def _silence(folder: Path) -> Path:
    path = folder / "sound.flac"
    ffmpeg("-f", "lavfi", "-i", "anullsrc=r=16000:cl=mono", "-t", "3600", *FLAC, path)
    return path


FFV1_16 = ("-c:v", "ffv1", "-pix_fmt", "gbrp16le")
TOO_LARGE, OUT_OF_PROPORTION = "InvalidMediaTooLarge", "InvalidMediaOutOfProportion"
CASES = (
    case(
        "refs-16",
        "MP4, H.264 of 8190x8190 pixels with 16 reference pictures in 25 KB",
        _references(16, "8190x8190", "-pix_fmt", "yuv420p"),
        TOO_LARGE,
    ),
    case(
        "refs-1",
        "MP4, H.264 of 8190x8190 pixels with one reference picture: as large as is accepted",
        _references(1, "8190x8190", "-pix_fmt", "yuv420p"),
        Right(frames=4),
    ),
    case(
        "refs-16-10bit",
        "MP4, H.264 of 7680x4320 pixels of 10 bits with 16 reference pictures",
        _references(16, "7680x4320", "-pix_fmt", "yuv420p10le"),
        TOO_LARGE,
    ),
    case(
        "refs-later",
        "transport stream, 64x64 pixels, then 8190x8190 with 16 reference pictures",
        _later("64x64", "8190x8190"),
        "InvalidMediaTooLarge",
    ),
    case("ffv1-16", "FFV1 of 8190x8190 pixels in 16 bits", _huge("mkv", "8190x8190", 4, *FFV1_16), TOO_LARGE),
    case(
        "png-16",
        "PNG of 8190x8190 pixels in 16 bits",
        _huge("mkv", "8190x8190", 1, "-c:v", "png", "-pix_fmt", "rgba64be", "-pred", "none", "-compression_level", "1"),
        TOO_LARGE,
    ),
    case(
        "png-30000",
        "PNG of 30000x30000 pixels in 100 bytes",
        _packets("mov", "png", [_png(30_000, 30_000, 8, 2, zlib.compress(bytes(10_000)))] * 3),
        UNREADABLE,
        quick=True,
    ),
    case(
        "png-zlib",
        "PNG of 64x64 pixels with 200 MB of zlib behind them",
        _png_bomb,
        Right(frames=3),
    ),
    case(
        "apng",
        "APNG of 60000x60000 pixels, 4 294 967 295 frames",
        written("film.apng", lambda: _apng(60_000, 60_000, 0xFFFFFFFF)),
        UNREADABLE,
    ),
    case(
        "gif-65535",
        "GIF of 65535x65535 pixels",
        written("film.gif", lambda: _gif(65_535, 65_535, 20)),
        UNREADABLE,
        quick=True,
    ),
    case(
        "gif-8000",
        "GIF of 8000x8000 pixels that shows one pixel 20 times",
        written("film.gif", lambda: _gif(8_000, 8_000, 20)),
        "InvalidMediaTooLarge",
    ),
    case(
        "gif-2000",
        "GIF of 2 000 frames of one pixel",
        written("film.gif", lambda: _gif(16, 16, 2_000)),
        Right(frames=2000),
    ),
    case("wide", "8190x2 pixels", _huge("mkv", "8190x2", 25, "-c:v", "png"), Right(frames=25)),
    case("high", "2x8190 pixels", _huge("mkv", "2x8190", 25, "-c:v", "png"), Right(frames=25)),
    case("one-pixel", "one pixel", _huge("mkv", "1x1", 25, "-c:v", "png"), Right(frames=25)),
    case(
        "vp8-16383",
        "VP8 that announces 16383x16383 pixels",
        _packets("ivf", "libvpx", [b"\x30\x01\0\x9d\x01\x2a\xff\x3f\xff\x3f" + bytes(300)] * 5),
        UNREADABLE,
    ),
    case(
        "vp9-65536",
        "VP9 that announces 65536x65536 pixels",
        _packets("ivf", "libvpx-vp9", [b"\x82\x49\x83\x42\0\xff\xff\xff\xff\0" + bytes(300)] * 5),
        UNREADABLE,
    ),
    case(
        "mjpeg-65535",
        "MJPEG of 65535x65535 pixels",
        _packets(
            "avi", "mjpeg", [b"\xff\xd8\xff\xc0\0\x11\x08\xff\xff\xff\xff\3\1\x22\0\2\x11\1\3\x11\1" + bytes(99)] * 5
        ),
        UNREADABLE,
    ),
    case(
        "mjpeg-2x2",
        "MJPEG whose frames announce another size each time",
        _packets(
            "avi",
            "mjpeg",
            [
                b"\xff\xd8\xff\xc0\0\x11\x08"
                + struct.pack(">HH", n * 61, n * 67)
                + b"\3\1\x22\0\2\x11\1\3\x11\1"
                + bytes(99)
                for n in range(1, 120)
            ],
        ),
        UNREADABLE,
    ),
    case(
        "sps-2000000",
        "H.264, 2 000 000 parameter sets in one picture",
        _units(2_000_000, b"\x67"),
        OUT_OF_PROPORTION,
    ),
    *(
        case(
            f"units-{name}",
            f"{'H.265' if suffix == 'hevc' else 'H.264'}, 1 500 000 {what} in one picture",
            _units(1_500_000, unit, suffix),
            OUT_OF_PROPORTION,
        )
        for name, what, suffix, unit in (
            ("sei", "messages", "h264", b"\6"),
            ("pps", "picture parameter sets", "h264", b"\x68"),
            ("aud", "delimiters", "h264", b"\x09"),
            ("filler", "pieces of filler", "h264", b"\x0c"),
            ("good-sps", "complete parameter sets", "h264", b"\x67\x42\xc0\x0a\xda\x0f"),
            ("hevc-vps", "video parameter sets", "hevc", b"\x40\1"),
            ("hevc-sps", "sequence parameter sets", "hevc", b"\x42\1"),
            ("hevc-sei", "messages", "hevc", b"\x4e\1"),
            ("hevc-slice", "slices", "hevc", b"\2\1"),
        )
    ),
    case(
        "units-late",
        "H.264, 1 500 000 parameter sets in one picture after 20 s of film",
        _units(1_500_000, b"\x67", seconds=20),
        OUT_OF_PROPORTION,
    ),
    *(
        case(
            f"units-{suffix}-{length}",
            f"{suffix.upper()}, H.264, 1 500 000 units behind lengths of {length} bytes in one picture",
            _units_in(suffix, 1_500_000, length),
            OUT_OF_PROPORTION,
        )
        for suffix, length in (("mkv", 4), ("mp4", 4))
    ),
    case(
        "units-header",
        "AVI, H.264, 50 000 parameter sets in the codec's header",
        _packets("avi", "libx264", [b"\0\0\0\1\x65" + bytes(900)] * 30, extradata=b"\0\0\0\1\x67" * 50_000),
        OUT_OF_PROPORTION,
    ),
    case("h264-sizes", "VP8 that changes its size at every frame", _changing, Right(frames=20)),
    case(
        "mpeg4-skipped",
        "MPEG-4, 1 500 pictures of which each says that nothing changed",
        _huge("avi", "320x240", 1_500, "-c:v", "mpeg4", "-b:v", "10k"),
        Right(frames=1500),
    ),
    case(
        "black-4k",
        "two minutes of black 3840x2160 pixels at 1 frame/s",
        _huge("mp4", "3840x2160", 120, "-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", rate=1),
        Right(frames=120),
    ),
    case("silence", "an hour of silence in FLAC", _silence, HEARD),
    case("good", "MJPEG in AVI, good", _huge("avi", "64x64", 25, *MJPEG), Right(frames=25)),
    case(
        "garbage",
        "H.264 whose pictures are random bytes",
        _packets("mkv", "libx264", [bytes(n * k * 7 >> 3 & 255 for n in range(900)) for k in range(1, 60)]),
        REFUSED,
    ),
    case("empty", "a film whose pictures have one byte", _packets("avi", "mpeg4", [b"\0"] * 500), NO_MEDIA),
)


KIND = Kind(
    "Hostile pictures",
    "A named error or what is there, within 60 s and 2 GB. What is only black, silent or still is not refused.",
    CASES,
)
