"""The picture of the result's MP4: its colours and their tags, its size, and the times of its frames.

The steps run as the state machine runs them, with a detector that sees nothing, so that no box covers a colour.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
import pytest
from av.video.reformatter import ColorRange, Colorspace

from avflow.workflow.storage import ObjectStore
from tests.corpus.case import Case, Right
from tests.corpus.running import process
from tests.media_samples import ffmpeg

SIDE, RATE, FRAMES = 64, 25, 5
#: red, green and blue of each patch
PATCHES = ((255, 255, 255), (128, 128, 128), (200, 30, 30), (30, 160, 40), (40, 50, 200), (230, 140, 20))
#: ITU-R BT.601, BT.709 and BT.2020 in FFmpeg's scaler, by the number of a matrix (ITU-T H.273)
MATRICES = {1: Colorspace.ITU709, 5: Colorspace.ITU601, 6: Colorspace.ITU601, 9: 9, 2: Colorspace.ITU601}
UNTAGGED, BT709, BT470BG, BT601, BT2020 = (2, 2, 2), (1, 1, 1), (5, 5, 6), (6, 6, 6), (9, 9, 14)


def tags(space: str, primaries: str | None = None, transfer: str | None = None) -> str:
    """The filter that tags frames. FFmpeg's options for an encoder don't replace what a filter says."""
    return f",setparams=colorspace={space}:color_primaries={primaries or space}:color_trc={transfer or space}"


def scaled(matrix: str, tagged: str, *, full: bool = False, more: str = "") -> list[str]:
    wide = "pc" if full else "tv"
    return ["-vf", f"scale=out_color_matrix={matrix}:out_range={wide}{tagged}{more}", "-color_range", wide]


H264 = ("-c:v", "libx264", "-qp", "4", "-preset", "ultrafast", "-pix_fmt", "yuv420p")
H264_10 = (*H264[:-1], "yuv420p10le")
VP9 = ("-c:v", "libvpx-vp9", "-lossless", "1", "-pix_fmt", "yuv420p")
HD, SD, NONE = tags("bt709"), tags("smpte170m"), tags("unknown")
WIDE = ("bt2020nc", "bt2020")


@dataclass(frozen=True)
class Film:
    """How to make an upload of the patches, and what is right."""

    options: Sequence[str]
    tags: tuple[int, int, int]
    suffix: str = "mp4"
    #: what a copy of it gets, such as a rotation
    turned: int = 0
    size: tuple[int, int] = (3 * SIDE, 2 * SIDE)
    #: the colours are those of the upload; HDR gets others
    same: bool = True
    frames: int = FRAMES


HD_FILM, SD_FILM = [*scaled("bt709", HD), *H264], [*scaled("bt601", SD), *H264]
FULL = scaled("bt709", HD, full=True)
FILMS = {
    "hd": Film(HD_FILM, BT709),
    "sd": Film(SD_FILM, BT601),
    "pal": Film([*scaled("bt601", tags("bt470bg")), *H264], BT470BG),
    "untagged": Film([*scaled("bt601", NONE), *H264], UNTAGGED),
    "untagged-turned": Film([*scaled("bt601", NONE), *H264], UNTAGGED, turned=180),
    "full": Film([*FULL, *H264], BT709),
    "full-vp9": Film([*FULL, *VP9], BT709, "webm"),
    "full-turned": Film([*FULL, *H264], BT709, turned=90, size=(128, 192)),
    "full-10": Film([*FULL, *H264_10], BT709),
    "full-vp9-wide": Film([*scaled("bt709", HD, full=True, more=",setsar=2"), *VP9], BT709, "webm", size=(384, 128)),
    "turned-90": Film(HD_FILM, BT709, turned=90, size=(128, 192)),
    "turned-180": Film(HD_FILM, BT709, turned=180),
    "turned-270": Film(SD_FILM, BT601, turned=270, size=(128, 192)),
    "odd": Film([*scaled("bt709", HD, more=",format=yuv444p,crop=191:127:0:0:exact=1"), *H264[:-1], "yuv444p"], BT709),
    "wide-pixels": Film([*scaled("bt709", HD, more=",setsar=2"), *H264], BT709, size=(384, 128)),
    "interlaced": Film([*SD_FILM, "-flags", "+ilme+ildct", "-x264-params", "tff=1"], BT601),
    "ten-bit": Film([*scaled("bt709", HD), *H264_10], BT709),
    "bt2020": Film([*scaled("bt2020", tags(*WIDE, "bt2020-10")), *H264_10], BT2020),
    "rgb": Film(["-c:v", "ffv1", "-pix_fmt", "gbrp"], BT601, "mkv"),
    "rgb-turned": Film(["-c:v", "libx264rgb", "-qp", "0"], BT601, turned=180),
    "pq": Film([*scaled("bt2020", tags(*WIDE, "smpte2084")), *H264_10], BT709, same=False),
    "hlg": Film([*scaled("bt2020", tags(*WIDE, "arib-std-b67")), *H264_10], BT709, same=False),
    "hlg-turned": Film(
        [*scaled("bt2020", tags(*WIDE, "arib-std-b67")), *H264_10], BT709, turned=270, size=(128, 192), same=False
    ),
    "variable": Film(
        [*scaled("bt709", HD, more=",setpts='(N+gt(N,2))/25/TB'"), "-fps_mode", "vfr", *H264], BT709, frames=6
    ),
}


def picture() -> np.ndarray:
    """(128, 192, 3) RGB: two rows of three patches."""
    rows = np.array(PATCHES, np.uint8).reshape(2, 3, 3)
    return rows.repeat(SIDE, axis=0).repeat(SIDE, axis=1)


def made(film: Film, folder: Path) -> Path:
    raw, target = folder / "raw", folder / f"film.{film.suffix}"
    raw.write_bytes(picture().tobytes() * FRAMES)
    size = ("-s", f"{3 * SIDE}x{2 * SIDE}")
    ffmpeg("-f", "rawvideo", "-pix_fmt", "rgb24", *size, "-r", RATE, "-i", raw, *film.options, target)
    raw.unlink()
    if not film.turned:
        return target
    turned = folder / f"turned.{film.suffix}"
    ffmpeg("-display_rotation", film.turned, "-i", target, "-c", "copy", turned)
    return turned


@dataclass
class Seen:
    """A decoded video."""

    size: tuple[int, int]
    times: list[float]
    #: matrix, primaries and transfer by their numbers, and range: 1 is limited
    tags: tuple[int, int, int]
    range: int
    #: (6, 3): the mean colour within each patch of the middle frame, as the given matrix says
    colours: np.ndarray


def decoded(path: Path, turned: int, matrix: int) -> Seen:
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        context = stream.codec_context
        frames = list(container.decode(stream))
        middle = frames[len(frames) // 2]
        matrices = {"src_colorspace": MATRICES[matrix], "src_color_range": ColorRange.MPEG}
        rgb = middle.to_ndarray(format="rgb24", dst_color_range=ColorRange.JPEG, **matrices)
        return Seen(
            (middle.width, middle.height),
            [float(frame.pts * stream.time_base) for frame in frames],
            (context.colorspace, context.color_primaries, context.color_trc),
            context.color_range,
            means(np.rot90(rgb, -turned // 90)),
        )


def means(rgb: np.ndarray) -> np.ndarray:
    """The colours of the patches, each within its inner half."""
    height, width = rgb.shape[0] / 2, rgb.shape[1] / 3
    found = []
    for row in range(2):
        for column in range(3):
            down, right = int(row * height), int(column * width)
            inner = rgb[down + int(height) // 4 : down + int(height) * 3 // 4]
            found.append(inner[:, right + int(width) // 4 : right + int(width) * 3 // 4].mean(axis=(0, 1)))
    return np.array(found)


@pytest.mark.parametrize("name", FILMS)
def test_colours_size_and_times(bucket, s3, tmp_path, name):
    film = FILMS[name]
    case = Case(f"mp4-{name}", name, lambda folder: made(film, folder), Right(), environ={"OUTPUTS": "mp4"})
    outcome = process(case, ObjectStore(bucket, s3), tmp_path)
    assert outcome.error is None, outcome.message
    mp4, avi = (decoded(tmp_path / f"result{suffix}", film.turned, film.tags[0]) for suffix in (".mp4", ".avi"))
    assert mp4.size == avi.size == film.size
    assert mp4.tags == film.tags
    # without any other tag x264 leaves out the range, and limited is what that means (ITU-T H.264, E.2.1)
    assert mp4.range == (0 if film.tags == UNTAGGED else 1)
    assert mp4.times == pytest.approx(avi.times, abs=1e-6)
    assert mp4.times == pytest.approx([number / RATE for number in range(film.frames)], abs=1e-6)
    assert np.abs(mp4.colours - avi.colours).max() <= 6
    if film.same:
        assert np.abs(mp4.colours - PATCHES).max() <= 8
    else:
        assert outcome.media.input.video.hdr
        white, grey = mp4.colours[0], mp4.colours[1]
        assert np.ptp(white) <= 6
        assert np.ptp(grey) <= 6
        assert 10 < grey.mean() < white.mean() - 10
        assert [int(colour.argmax()) for colour in mp4.colours[2:]] == [0, 1, 2, 0], "red, green, blue and orange"
