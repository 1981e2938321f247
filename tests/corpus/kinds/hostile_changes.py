"""Pictures that change their size at every frame, or take far longer to decode than to store."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from pathlib import Path

from tests.corpus.case import Kind, Right
from tests.corpus.film import H264, MJPEG, MPEG2, THEORA, ffmpeg
from tests.corpus.kinds.hostile_common import (
    SHORT,
    UNREADABLE,
    Make,
    after,
    case,
    ogg_checked,
    spoiled,
    written,
)


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


def _theora(field: bytes) -> Make:
    return spoiled("ogv", lambda d: ogg_checked(after(b"\x80theora", 3, field)(d)), THEORA, None)


def _utvideo(frames: int) -> Make:
    """A recipe: pictures whose header tells another size."""

    def make(folder: Path) -> Path:
        data = _encoded(folder, "avi", "64x64", frames, "-c:v", "utvideo")
        path = folder / "film.avi"
        path.write_bytes(data.replace(struct.pack("<ii", 64, 64), struct.pack("<ii", 8190, 8190)))
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
    case(
        "sizes-vp9",
        "VP9, 16x16 and 4096x4096 pixels in turn",
        _ivf(("16x16", "4096x4096"), 4, *_VP9),
        Right(frames=8),
    ),
    case(
        "sizes-vp8",
        "VP8, 16x16 and 4096x4096 pixels in turn",
        _ivf(("16x16", "4096x4096"), 4, *_VP8),
        Right(frames=8),
    ),
    case(
        "sizes-h264",
        "H.264, 64x64 and 4096x4096 pixels in turn",
        _alternating("h264", ("64x64", "4096x4096"), 4, *H264),
        Right(frames=8),
    ),
    case(
        "sizes-ts",
        "transport stream, three sizes in turn",
        _alternating("ts", ("64x64", "1920x1080", "128x2048"), 20, *H264),
        "InvalidMediaDamaged",
    ),
    case(
        "sizes-mpeg2",
        "MPEG-2, 64x64 and 1920x1088 pixels in turn",
        _alternating("m2v", ("64x64", "1920x1088"), 8, *MPEG2),
        Right(frames=16),
    ),
    case(
        "sizes-mjpeg",
        "MJPEG, 16x16 and 8000x8000 pixels in turn",
        _alternating("mjpeg", ("16x16", "8000x8000"), 2, *MJPEG),
        Right(frames=4),
    ),
    case(
        "sizes-av1",
        "AV1 with film grain, 64x64 and 2048x2048 pixels in turn",
        _ivf(("64x64", "2048x2048"), 4, *_AV1),
        Right(frames=8),
    ),
    case("y4m-huge", "raw pictures of 65 535x65 535 pixels", _y4m(b"W65535 H65535 F25:1", b"", 1_000), UNREADABLE),
    case(
        "y4m-rate",
        "200 000 raw pictures of one pixel, 1 000 000 a second",
        _y4m(b"W1 H1 F1000000:1 Cmono", b"\0", 200_000),
        "InvalidMediaFrameRate",
    ),
    case(
        "y4m-rate-0",
        "raw pictures, no pictures a second",
        _y4m(b"W16 H16 F0:0 Cmono", bytes(256), 25),
        Right(frames=25),
    ),
    case(
        "y4m-slow",
        "raw pictures, one in 68 years",
        _y4m(b"W16 H16 F1:2147483647 Cmono", bytes(256), 25),
        "InvalidMediaTooLong",
    ),
    # ------------------------------------------------------------ time to decode
    case(
        "jpeg-scans",
        "JPEG of 4096x4096 pixels in 5 000 scans",
        written("film.mjpeg", lambda: _scans(4096, 5_000) * 10),
        UNREADABLE,
    ),
    case(
        "jpeg-scans-many",
        "JPEG of 8000x8000 pixels in 60 000 scans",
        written("film.mjpeg", lambda: _scans(8000, 60_000)),
        UNREADABLE,
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
        UNREADABLE,
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
        UNREADABLE,
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
        UNREADABLE,
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
        Right(frames=25, flashes=(0.4,)),
    ),
    case(
        "utvideo-huge",
        "Ut Video of 8190x8190 pixels in 100 bytes a frame",
        _utvideo(3),
        Right(frames=3),
    ),
    case("theora-huge", "Theora of 1 048 560x1 048 560 pixels", _theora(b"\xff\xff\xff\xff"), UNREADABLE),
    case(
        "theora-rate",
        "Theora, 4 294 967 295 frames/s",
        _theora(b"\0\4\0\4\0\0\x40\0\0\x40\0\0\xff\xff\xff\xff\0\0\0\1"),
        UNREADABLE,
    ),
    case("dv-empty", "DV, 100 frames without a picture", written("film.dv", lambda: _dv(100)), Right(frames=100)),
)

KIND = Kind(
    "Pictures that change or take long",
    f"A named error or what is there, within 60 s and 2 GB. Good films have {SHORT.frames} frames.",
    CASES,
)
