"""Crops, shapes of pixels, rotation, high dynamic range, sizes that change, and unusual sizes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

from avflow.media.formats import encodable_rate
from tests.corpus.boxes import clean_aperture, cropped
from tests.corpus.case import Case, Kind, Right
from tests.corpus.film import H264, MJPEG, MPEG2, MPEG4, VP8, VP9, appended, ffmpeg

HEVC = ("-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=error", "-tag:v", "hvc1")
TEN_BIT = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p10le")
#: FFmpeg's options for an encoder don't replace what a filter says of a frame
PQ, HLG = (
    ("-vf", f"setparams=color_primaries=bt2020:color_trc={transfer}:colorspace=bt2020nc")
    for transfer in ("smpte2084", "arib-std-b67")
)
Recipe = Callable[[Path], Path]


def square(
    width: int, height: int, *, side: int = 60, rate: str = "25", seconds: float = 1.0, wide: float = 1.0
) -> list[str]:
    """FFmpeg's options for a dark picture with a white square in its middle, stored `wide` times as wide as high."""
    stored = round(side * wide)
    box = f"drawbox=x={(width - stored) // 2}:y={(height - side) // 2}:w={stored}:h={side}:c=white:t=fill"
    return ["-f", "lavfi", "-i", f"color=c=0x303030:s={width}x{height}:r={rate}:d={seconds},{box}"]


def stored(suffix: str, source: Sequence[str], video: Sequence[str] = H264, *options: str) -> Recipe:
    """A recipe: a picture without sound."""

    def make(folder: Path) -> Path:
        target = folder / f"film.{suffix}"
        ffmpeg(*source, *video, *options, target)
        return target

    return make


def _edited(make: Recipe, edit: Callable[[bytes], bytes]) -> Recipe:
    def edited(folder: Path) -> Path:
        path = make(folder)
        path.write_bytes(edit(path.read_bytes()))
        return path

    return edited


def _turned(suffix: str, degrees: int, source: Sequence[str], video: Sequence[str] = H264, *options: str) -> Recipe:
    """A recipe: a picture with a display matrix, as phones write it."""

    def make(folder: Path) -> Path:
        upright = stored("mp4", source, video, *options)(folder)
        target = folder / f"turned.{suffix}"
        ffmpeg("-display_rotation", str(degrees), "-i", upright, "-c", "copy", target)
        upright.unlink()
        return target

    return make


def _changing(suffix: str, video: Sequence[str], *sources: Sequence[str], options: Sequence[str] = ()) -> Recipe:
    """A recipe: one stream whose picture changes its size, on one clock."""

    def make(folder: Path) -> Path:
        parts = []
        for number, source in enumerate(sources):
            part = folder / f"{number}.{suffix}"
            ffmpeg(*source, *video, *options, part)
            parts.append(part)
        names = folder / "parts.txt"
        names.write_text("".join(f"file '{part}'\n" for part in parts))
        target = folder / f"film.{suffix}"
        ffmpeg("-f", "concat", "-safe", "0", "-i", names, "-c", "copy", *options, target)
        for each in (*parts, names):
            each.unlink()
        return target

    return make


def _right(frames: int, width: int, height: int, rate: str = "25", **more: Any) -> Right:
    """This many frames of this size, with a square that stays one."""
    return Right(
        **{"frames": frames, "rate": Fraction(rate), "size": (width, height), "square": True, "sound": False, **more}
    )


def _case(id: str, what: str, make: Recipe, right: Right, quick: bool = False) -> Case:
    return Case(f"shape-{id}", what, make, right, quick)


WIDE = square(320, 240)
CROPS = (
    _case(
        "pixelcrop",
        "Matroska, 30 rows cropped above and below",
        _edited(stored("mkv", WIDE), lambda data: cropped(data, top=30, bottom=30)),
        _right(25, 320, 180),
        quick=True,
    ),
    _case(
        "pixelcrop-sides",
        "Matroska, 40 columns cropped on each side",
        _edited(stored("mkv", WIDE), lambda data: cropped(data, left=40, right=40)),
        _right(25, 240, 240),
    ),
    _case(
        "pixelcrop-uneven",
        "WebM, cropped on the left and above only",
        _edited(stored("webm", WIDE, VP8), lambda data: cropped(data, left=80, top=60)),
        _right(25, 240, 180),
    ),
    _case(
        "clap",
        "MP4, a clean aperture of 320x180 of 320x240",
        _edited(stored("mp4", WIDE), lambda data: clean_aperture(data, 320, 180)),
        _right(25, 320, 180),
        quick=True,
    ),
    _case(
        "clap-mov",
        "QuickTime, a clean aperture of 240x240 of 320x240",
        _edited(stored("mov", WIDE), lambda data: clean_aperture(data, 240, 240)),
        _right(25, 240, 240),
    ),
    _case(
        "clap-hevc",
        "MP4, HEVC, a clean aperture of 240x240 of 320x240",
        _edited(stored("mp4", WIDE, HEVC), lambda data: clean_aperture(data, 240, 240, b"hvc1")),
        _right(25, 240, 240),
    ),
    _case(
        "sps-crop", "H.264 of 322x182, stored in whole blocks", stored("mp4", square(322, 182)), _right(25, 322, 182)
    ),
)

ASPECTS = (
    _case(
        "pal-4-3",
        "MPEG-2 of 720x576 for 4:3",
        stored("mpg", square(720, 576, side=240, wide=15 / 16), MPEG2, "-aspect", "4:3"),
        _right(25, 768, 576),
    ),
    _case(
        "pal-16-9",
        "MPEG-2 of 720x576 for 16:9",
        stored("ts", square(720, 576, side=240, wide=45 / 64), MPEG2, "-aspect", "16:9"),
        _right(25, 1024, 576),
    ),
    _case(
        "sar-mp4",
        "MP4, pixels of 4:3",
        stored("mp4", square(240, 240, wide=0.75), H264, "-vf", "setsar=4/3"),
        _right(25, 320, 240),
    ),
    _case(
        "sar-mkv",
        "Matroska, pixels of 4:3",
        stored("mkv", square(240, 240, wide=0.75), H264, "-vf", "setsar=4/3"),
        _right(25, 320, 240),
        quick=True,
    ),
    _case(
        "sar-narrow",
        "MP4, pixels of 1:2",
        stored("mp4", square(480, 180, wide=2.0), H264, "-vf", "setsar=1/2"),
        _right(25, 240, 180),
    ),
    _case(
        "sar-avi",
        "AVI, pixels of 16:15",
        stored("avi", square(300, 240, wide=15 / 16), MPEG4, "-vf", "setsar=16/15"),
        _right(25, 320, 240),
    ),
)

TURNED = (
    *(
        _case(
            f"turned-{degrees}",
            f"MP4, turned by {degrees} degrees",
            _turned("mp4", degrees, WIDE),
            _right(25, *((320, 240) if degrees == 180 else (240, 320))),
        )
        for degrees in (90, 180, 270)
    ),
    *(
        _case(
            f"turned-{degrees}-120",
            f"MP4, turned by {degrees} degrees, 120 frames/s",
            _turned("mp4", degrees, square(320, 180, rate="120")),
            _right(120, *((320, 180) if degrees == 180 else (180, 320)), rate="120"),
            quick=degrees == 90,
        )
        for degrees in (90, 180, 270)
    ),
    _case(
        "turned-240",
        "QuickTime, turned, slow motion of 240 frames/s",
        _turned("mov", 90, square(160, 120, rate="240")),
        _right(240, 120, 160, rate="240"),
    ),
    _case(
        "turned-5994",
        "MP4, turned, 60000/1001 frames/s",
        _turned("mp4", 90, square(160, 120, rate="60000/1001", seconds=2)),
        _right(120, 120, 160, rate="60000/1001"),
    ),
)

HDR = (
    _case(
        "pq-120",
        "MP4, HDR (PQ), 120 frames/s",
        stored("mp4", square(320, 180, rate="120"), TEN_BIT, *PQ),
        _right(120, 320, 180, rate="120", square=False),
        quick=True,
    ),
    _case(
        "hlg-120",
        "Matroska, HDR (HLG), 120 frames/s",
        stored("mkv", square(320, 180, rate="120"), TEN_BIT, *HLG),
        _right(120, 320, 180, rate="120", square=False),
    ),
    _case(
        "pq-100",
        "MP4, HDR (PQ), 100 frames/s, turned",
        _turned("mp4", 90, square(320, 180, rate="100"), TEN_BIT, *PQ),
        _right(100, 180, 320, rate="100", square=False),
    ),
    _case(
        "hlg-25",
        "MP4, HDR (HLG), 25 frames/s",
        stored("mp4", square(320, 180), TEN_BIT, *HLG),
        _right(25, 320, 180, square=False),
    ),
    _case(
        "hlg-11988",
        "QuickTime, HDR (HLG), turned, 120000/1001 frames/s",
        _turned("mov", 90, square(320, 180, rate="120000/1001", seconds=2.0), TEN_BIT, *HLG),
        _right(240, 180, 320, rate=str(encodable_rate(Fraction(120000, 1001)))),
    ),
    _case(
        "ten-bit-120",
        "MP4, 10 bit, 120 frames/s",
        stored("mp4", square(320, 180, rate="120"), TEN_BIT),
        _right(120, 320, 180, rate="120"),
    ),
)

LANDSCAPE, PORTRAIT = square(320, 180, seconds=2), square(180, 320, seconds=1)
SMALL, LARGE = square(160, 90, side=30, seconds=1), square(320, 180, seconds=2)
CHANGING = (
    _case(
        "change-webm",
        "WebM (WebRTC), landscape, then portrait",
        _changing("webm", VP8, LANDSCAPE, PORTRAIT),
        _right(75, 320, 180),
        quick=True,
    ),
    _case(
        "change-webm-vp9",
        "WebM, VP9, landscape, then portrait",
        _changing("webm", VP9, LANDSCAPE, PORTRAIT),
        _right(75, 320, 180),
    ),
    _case(
        "change-webm-first-short",
        "WebM, a second of portrait, then landscape",
        _changing("webm", VP8, PORTRAIT, LANDSCAPE),
        _right(75, 320, 180),
    ),
    _case(
        "change-small-first",
        "WebM, a second of a smaller picture, then the larger",
        _changing("webm", VP8, SMALL, LARGE),
        _right(75, 320, 180),
    ),
    _case(
        "change-ts",
        "transport stream, H.264, landscape, then portrait",
        lambda folder: _appended_sizes(folder, "ts", H264, LANDSCAPE, PORTRAIT),
        _right(75, 320, 180, slack=1),
    ),
    _case(
        "change-ts-mpeg2",
        "transport stream, MPEG-2, 16:9, then 4:3",
        lambda folder: _appended_sizes(folder, "ts", MPEG2, square(320, 180, seconds=2), square(240, 180, seconds=1)),
        _right(75, 320, 180, slack=1),
    ),
    _case(
        "change-flv",
        "FLV, H.264, landscape, then portrait",
        lambda folder: _appended_sizes(folder, "flv", H264, LANDSCAPE, PORTRAIT),
        _right(75, 320, 180, slack=1),
    ),
    _case(
        "change-three",
        "WebM, landscape, portrait, landscape",
        _changing("webm", VP8, LANDSCAPE, PORTRAIT, LANDSCAPE),
        _right(125, 320, 180),
    ),
)


def _appended_sizes(folder: Path, suffix: str, video: Sequence[str], *sources: Sequence[str]) -> Path:
    parts = []
    for number, source in enumerate(sources):
        part = folder / f"{number}.{suffix}"
        ffmpeg(*source, *video, part)
        parts.append(part)
    return appended(folder / f"film.{suffix}", *parts)


def _plain(
    width: int, height: int, video: Sequence[str], suffix: str = "mp4", seconds: float = 1.0, rate: str = "25"
) -> Recipe:
    return stored(suffix, ["-f", "lavfi", "-i", f"testsrc=s={width}x{height}:r={rate}:d={seconds}"], video)


def _sized(frames: int, width: int, height: int, rate: str = "25") -> Right:
    return Right(frames=frames, rate=Fraction(rate), size=(width, height), sound=False)


SIZES = (
    _case("odd", "161x121", _plain(161, 121, VP9, "webm"), _sized(25, 162, 122)),
    _case("odd-width", "161x120", _plain(161, 120, MJPEG, "avi"), _sized(25, 162, 120)),
    _case("2x2", "2x2", _plain(2, 2, H264), _sized(25, 2, 2)),
    _case("16x16", "16x16", _plain(16, 16, H264), _sized(25, 16, 16)),
    _case("1-wide", "2x400", _plain(2, 400, H264), _sized(25, 2, 400)),
    _case("wide", "4096x64", _plain(4096, 64, H264), _sized(25, 4096, 64)),
    _case("tall", "64x3000", _plain(64, 3000, H264), _sized(25, 64, 3000)),
    _case("one-frame", "one frame", _plain(160, 120, H264, seconds=0.04), _sized(1, 160, 120)),
    _case("two-frames", "two frames", _plain(160, 120, H264, "mkv", seconds=0.08), _sized(2, 160, 120)),
    _case("8k", "one frame of 7680x4320", _plain(7680, 4320, MJPEG, "mkv", seconds=0.04), _sized(1, 7680, 4320)),
    _case("rate-1", "one frame a second", _plain(160, 120, H264, seconds=5, rate="1"), _sized(5, 160, 120, "1")),
    _case(
        "rate-ntsc",
        "30000/1001 frames/s",
        _plain(160, 120, H264, rate="30000/1001", seconds=1.001),
        _sized(30, 160, 120, "30000/1001"),
    ),
    _case(
        "rate-film",
        "24000/1001 frames/s",
        _plain(160, 120, H264, "mkv", rate="24000/1001", seconds=1.001),
        _sized(24, 160, 120, "24000/1001"),
    ),
    _case("rate-300", "300 frames/s", _plain(64, 64, H264, rate="300"), _sized(300, 64, 64, "300")),
)

KIND = Kind(
    "Geometry and rates",
    "The picture is what a player shows: cropped, upright, never stretched; sizes that change are scaled and padded "
    "into that of the longest part; every frame of a constant rate comes out.",
    (*CROPS, *ASPECTS, *TURNED, *HDR, *CHANGING, *SIZES),
)
