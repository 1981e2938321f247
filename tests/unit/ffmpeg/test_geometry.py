"""What a conversion shows: nothing is stretched, and what players crop, mirror and turn is done."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from avflow.ffmpeg import convert
from avflow.media import conversion_reasons, probe
from avflow.media.clock.joining import on_one_clock
from avflow.media.model import Crop
from avflow.media.rates import conversion_rate
from avflow.video.reader import VideoReader
from avflow.video.segments import Segment
from tests.geometry_samples import (
    H264_TS,
    MPEG2,
    VP8,
    VP9,
    black_border,
    cropped,
    in_sections,
    square,
    white_box,
    with_clap,
)
from tests.media_samples import H264, ffmpeg, lavfi, pattern, rgb_frames


def converted(source, folder):
    """The description and the RGB frames of a conversion."""
    media = probe(source)
    convert(source, media, folder / "converted.avi")
    result = probe(folder / "converted.avi")
    assert conversion_reasons(result) == ()
    return media.video, rgb_frames(folder / "converted.avi", result.video.width, result.video.height)


def read(source, segment=None):
    """RGB frames as the detector's reader gives them."""
    with VideoReader(source, probe(source).video, segment) as reader:
        return [frame.to_ndarray(format="rgb24") for frame in reader]


@pytest.mark.parametrize("name", ["v.mkv", "v.mp4"])
@pytest.mark.parametrize(
    ("crop", "size"), [((0, 30, 0, 30), (320, 180)), ((16, 0, 0, 8), (304, 232)), ((7, 5, 4, 2), (309, 233))]
)
def test_the_container_crops(tmp_path, name, crop, size):
    video, frames = converted(cropped(tmp_path, name, crop), tmp_path)
    assert video.crop == Crop(*crop)
    assert (video.width, video.height, video.display_width, video.display_height) == (320, 240, *size)
    assert frames.shape[:3] == (25, size[1] + size[1] % 2, size[0] + size[0] % 2)
    assert white_box(frames[10]) == (
        pytest.approx(40 - crop[0], abs=1),
        pytest.approx(60 - crop[1], abs=1),
        *(pytest.approx(100, abs=1),) * 2,
    )


def test_a_cropped_video_at_a_constant_rate_is_converted(tmp_path):
    assert conversion_reasons(probe(cropped(tmp_path, "v.mkv", (0, 30, 0, 30)))) == ("cropped",)


def test_cropped_and_turned(tmp_path):
    upright = cropped(tmp_path, "upright.mp4", (0, 30, 0, 30))
    ffmpeg("-display_rotation", "-90", "-i", upright, "-c", "copy", tmp_path / "v.mp4")
    video, frames = converted(tmp_path / "v.mp4", tmp_path)
    assert (video.display_width, video.display_height) == (180, 320) == frames.shape[2:0:-1]
    # a quarter turn clockwise: 40 from the left becomes 40 from the top; 50 below the square, to the right
    assert white_box(frames[10]) == (*(pytest.approx(50, abs=1), pytest.approx(40, abs=1)), 100, 100)


def test_cropped_with_oblong_pixels(tmp_path):
    picture = square() + ",setsar=4/3"
    video, frames = converted(cropped(tmp_path, "v.mkv", (20, 0, 0, 0), picture=picture), tmp_path)
    assert (video.display_width, video.display_height) == (400, 240) == frames.shape[2:0:-1]
    assert white_box(frames[10])[2:] == (pytest.approx(133, abs=2), 100)


def test_cropped_and_10_bit(tmp_path):
    options = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p10le")
    _, frames = converted(cropped(tmp_path, "v.mkv", (0, 30, 0, 30), *options), tmp_path)
    assert white_box(frames[10]) == (40, pytest.approx(30, abs=1), 100, pytest.approx(100, abs=1))


@pytest.mark.parametrize("unit", [1, 2, 3])
def test_display_sizes_that_are_not_pixels(tmp_path, unit):
    """Matroska may give centimetres, inches or a mere aspect ratio: 16 by 9 is the shape of 320x180."""
    source = cropped(tmp_path, "v.mkv", (0, 30, 0, 30), picture=square() + ",setsar=4/3")
    content = bytearray(source.read_bytes())
    for identifier, value in ((b"\x54\xb0\x81", 16), (b"\x54\xba\x81", 9), (b"\x54\xb2\x81", unit)):
        content[content.index(identifier) + 3] = value  # DisplayWidth, DisplayHeight, DisplayUnit
    source.write_bytes(content)
    video, frames = converted(source, tmp_path)
    assert (video.display_width, video.display_height, video.sample_aspect_ratio) == (320, 180, 1)
    assert white_box(frames[10]) == (40, pytest.approx(30, abs=1), 100, pytest.approx(100, abs=1))


@pytest.mark.parametrize(
    "fields",
    [
        (Fraction(0), Fraction(240), Fraction(0), Fraction(0)),
        (Fraction(400), Fraction(240), Fraction(0), Fraction(0)),
        (Fraction(160), Fraction(240), Fraction(120), Fraction(0)),
        (Fraction(320), Fraction(240), Fraction(0), Fraction(0)),
    ],
)
def test_an_impossible_or_whole_aperture_crops_nothing(tmp_path, fields):
    ffmpeg(*lavfi(square()), *H264, tmp_path / "whole.mp4")
    media = probe(with_clap(tmp_path / "whole.mp4", tmp_path / "v.mp4", *fields))
    assert (media.video.crop, media.video.display_width, conversion_reasons(media)) == (None, 320, ())


@pytest.mark.parametrize(
    ("fields", "crop"),
    [
        # ISO/IEC 14496-12: the centre is at (width - 1) / 2 plus the offset; fractions of a pixel are rounded down
        ((Fraction(704), Fraction(576), Fraction(0), Fraction(0)), (8, 0, 8, 0)),
        ((Fraction(1412, 2), Fraction(576), Fraction(-1, 2), Fraction(0)), (6, 0, 8, 0)),
        ((Fraction(703), Fraction(1151, 2), Fraction(0), Fraction(0)), (8, 0, 9, 1)),
    ],
)
def test_apertures_of_broadcast_video(tmp_path, fields, crop):
    ffmpeg(*lavfi(pattern(1, size="720x576")), *H264, tmp_path / "whole.mp4")
    source = with_clap(tmp_path / "whole.mp4", tmp_path / "v.mp4", *fields)
    video, frames = converted(source, tmp_path)
    left, top, right, bottom = crop
    assert video.crop == Crop(*crop)
    ffmpeg("-i", source, "-c:v", "ffv1", "-pix_fmt", "rgb24", tmp_path / "players.mkv")  # FFmpeg crops like a player
    assert (video.display_width, video.display_height) == (720 - left - right, 576 - top - bottom)
    height, width = frames.shape[1:3]
    expected = rgb_frames(tmp_path / "players.mkv", *display_size(tmp_path / "players.mkv"))
    assert (
        np.abs(frames[10][: height - 4, : width - 4].astype(int) - expected[10][: height - 4, : width - 4]).mean() < 6
    )


def display_size(path):
    found = probe(path).video
    return found.width, found.height


@pytest.mark.parametrize(
    ("options", "box"),
    [
        (("-display_hflip",), (180, 60)),
        (("-display_vflip",), (40, 80)),
        (("-display_hflip", "-display_vflip"), (180, 80)),
        (("-display_rotation", "90", "-display_hflip"), None),
        (("-display_rotation", "270", "-display_vflip"), None),
    ],
)
def test_mirrored(tmp_path, options, box):
    ffmpeg(*lavfi(square()), *H264, tmp_path / "flat.mp4")
    ffmpeg(*options, "-i", tmp_path / "flat.mp4", "-c", "copy", tmp_path / "v.mp4")
    _, frames = converted(tmp_path / "v.mp4", tmp_path)
    ffmpeg("-i", tmp_path / "v.mp4", "-c:v", "ffv1", tmp_path / "players.mkv")  # FFmpeg turns like a player
    height, width = frames.shape[1:3]
    expected = white_box(rgb_frames(tmp_path / "players.mkv", width, height)[10])
    assert white_box(frames[10]) == pytest.approx(expected, abs=1)
    assert box is None or expected[:2] == pytest.approx(box, abs=1)


@pytest.mark.parametrize("degrees", ["30", "-100"])
def test_turned_by_no_quarter(tmp_path, degrees):
    ffmpeg(*lavfi(square()), *H264, tmp_path / "flat.mp4")
    ffmpeg("-display_rotation", degrees, "-i", tmp_path / "flat.mp4", "-c", "copy", tmp_path / "v.mp4")
    video, frames = converted(tmp_path / "v.mp4", tmp_path)
    ffmpeg("-i", tmp_path / "v.mp4", "-c:v", "ffv1", tmp_path / "players.mkv")
    expected = rgb_frames(tmp_path / "players.mkv", 320, 240)
    assert video.rotation == -int(degrees) % 360
    assert np.abs(frames[10].astype(int) - expected[10]).mean() < 4


#: the square on 160 pixels of height, alone and at the top left of something larger
LANDSCAPE, PORTRAIT, LARGE = (square(1, size=size, at=(20, 20)) for size in ("320x180", "180x320", "640x480"))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "codec"),
    [("v.ts", H264_TS), ("v.mkv", H264_TS), ("v.webm", VP8), pytest.param("v.webm", VP9, marks=pytest.mark.slow)],
)
@pytest.mark.parametrize("way", ["reader", "conversion"])
def test_other_sizes_are_scaled_and_padded(tmp_path, name, codec, way):
    longest = square(2, size="180x320", at=(20, 20))
    source = in_sections(tmp_path, name, codec, (LANDSCAPE, 1), (longest, 2), (LARGE, 1))
    frames = read(source) if way == "reader" else converted(source, tmp_path)[1]
    assert len(frames) == 100
    assert {frame.shape for frame in frames} == {(320, 180, 3)}
    wide, tall, large = frames[10], frames[50], frames[90]
    assert white_box(tall) == pytest.approx((20, 20, 100, 100), abs=2)
    assert black_border(tall) == (0, 0)
    assert white_box(wide) == pytest.approx((11, 120, 56, 56), abs=2)
    assert black_border(wide) == (0, pytest.approx(320 - 101, abs=4))
    assert white_box(large) == pytest.approx((6, 98, 28, 28), abs=2)
    assert black_border(large) == (0, pytest.approx(320 - 135, abs=4))


def test_a_preview_before_the_video(tmp_path):
    """The first frame has another size, and the size of the video is odd."""
    large = "color=gray:s=321x181:r=25:d=2,drawbox=x=20:y=20:w=100:h=100:c=white:t=fill,format=yuv444p"
    codec = ("-c:v", "libx264", "-preset", "ultrafast", "-bf", "0", "-muxdelay", "0")
    preview = square(1, size="160x120", at=(20, 10)) + ",trim=end_frame=3,format=yuv444p"
    source = in_sections(tmp_path, "v.ts", codec, (preview, 0.12), (large, 2))
    for frames in (read(source), converted(source, tmp_path)[1]):
        assert {frame.shape for frame in frames} == {(182, 322, 3)}
        left, _, width, height = white_box(frames[0])
        assert (left, width, height) == pytest.approx((39 + 30, 151, 151), abs=3)
        assert white_box(frames[20]) == pytest.approx((20, 20, 100, 100), abs=2)


def test_a_change_to_widescreen_keeps_both_shapes(tmp_path):
    sections = [
        (square(n, size="720x576", at=(20, 20)) + f",setsar={shape}", n) for n, shape in ((1, "16/15"), (2, "64/45"))
    ]
    video, frames = converted(in_sections(tmp_path, "v.ts", MPEG2, *sections), tmp_path)
    assert (video.display_width, video.display_height) == (1024, 576) == frames.shape[2:0:-1]
    assert white_box(frames[20]) == pytest.approx((128 + 21, 20, 107, 100), abs=3)
    assert white_box(frames[40]) == pytest.approx((28, 20, 142, 100), abs=3)


def test_joined_recordings_of_two_pixel_shapes(tmp_path):
    """Two recordings whose clocks both start at 0: their copy in Matroska knows the shape of the first only."""
    files = [tmp_path / "1.ts", tmp_path / "2.ts"]
    for file, seconds, shape in zip(files, (1, 2), ("16/15", "64/45"), strict=True):
        picture = square(seconds, size="720x576", at=(20, 20)) + f",setsar={shape}"
        ffmpeg(*lavfi(picture), *MPEG2, "-muxdelay", "0", file)
    source = tmp_path / "v.ts"
    source.write_bytes(b"".join(file.read_bytes() for file in files))
    copy, media = on_one_clock(source, tmp_path / "copy.mkv")
    convert(copy, media, tmp_path / "v.avi")
    frames = rgb_frames(tmp_path / "v.avi", 1024, 576)
    assert white_box(frames[10]) == pytest.approx((128 + 21, 20, 107, 100), abs=3)
    assert white_box(frames[60]) == pytest.approx((28, 20, 142, 100), abs=3)


def test_turned_and_of_two_sizes(tmp_path):
    upright = in_sections(tmp_path, "upright.mp4", H264_TS, (LANDSCAPE, 1), (square(2, size="180x320", at=(20, 20)), 2))
    ffmpeg("-display_rotation", "90", "-i", upright, "-c", "copy", tmp_path / "v.mp4")
    _, frames = converted(tmp_path / "v.mp4", tmp_path)
    assert frames.shape[1:3] == (180, 320)
    assert white_box(frames[10]) == pytest.approx((120, 113, 56, 56), abs=2)
    assert white_box(frames[60]) == pytest.approx((20, 60, 100, 100), abs=2)


@pytest.mark.parametrize("codec", [VP8, pytest.param(VP9, marks=pytest.mark.slow)])
def test_segments_around_a_change_of_size(tmp_path, codec):
    source = in_sections(tmp_path, "v.webm", codec, (square(3, size="320x180"), 3), (square(4, size="180x320"), 4))
    whole = read(source)
    for first in (60, 74, 75, 76, 120):
        assert [frame.tobytes() for frame in read(source, Segment(first, 10))] == [
            frame.tobytes() for frame in whole[first : first + 10]
        ]


def test_interlaced_sections_of_two_sizes(tmp_path):
    interlaced = (*MPEG2, "-flags", "+ilme+ildct")
    sections = (square(1, size="640x480", at=(20, 20)), 1), (square(2, size="720x576", at=(20, 20)), 2)
    media = probe(in_sections(tmp_path, "v.ts", interlaced, *sections))
    assert "interlaced" in conversion_reasons(media)
    _, frames = converted(tmp_path / "v.ts", tmp_path)
    assert white_box(frames[10])[2:] == pytest.approx((112, 112), abs=4)
    assert white_box(frames[60])[2:] == pytest.approx((100, 100), abs=2)


@pytest.mark.parametrize("rate", ["120", "240", "120000/1001", "90"])
@pytest.mark.parametrize("kind", ["turned", "hdr"])
def test_a_conversion_keeps_a_fast_constant_rate(tmp_path, rate, kind):
    hdr = ",format=yuv420p10le,setparams=color_primaries=bt2020:color_trc=smpte2084:colorspace=bt2020nc"
    codec = H264 if kind == "turned" else ("-c:v", "libx264", "-preset", "ultrafast")
    ffmpeg(*lavfi(pattern(5, rate) + (hdr if kind == "hdr" else "")), *codec, tmp_path / "flat.mp4")
    turn = ("-display_rotation", "90") if kind == "turned" else ()
    ffmpeg(*turn, "-i", tmp_path / "flat.mp4", "-c", "copy", tmp_path / "v.mp4")
    video, frames = converted(tmp_path / "v.mp4", tmp_path)
    assert len(frames) == video.frames == pytest.approx(float(5 * Fraction(rate)), abs=1)
    result = probe(tmp_path / "converted.avi").video
    assert float(result.nominal_rate) == pytest.approx(float(Fraction(rate)), rel=1e-6)


@pytest.mark.parametrize(
    ("times", "expected"),
    [
        ("if(lt(N,60),N/120,0.5+(N-60)/60)", 60),  # as long at 120 as at 60 in frames; the median is 60
        ("if(lt(N,180),N/120,1.5+(N-180)/60)", 120),
        ("if(lt(N,200),N/240,200/240+(N-200)/30)", 240),
        ("floor(N/3)/10+mod(N,3)/1000", 60),  # bursts of a screen recording
        ("N/1000+floor(N/50)", 60),
    ],
)
def test_variable_rates(tmp_path, times, expected):
    frames = "testsrc2=r=1000:s=64x48:d=0.24"
    timed = f"{frames},settb=1/12000,setpts='({times})/TB'"
    ffmpeg(*lavfi(timed), *H264, "-fps_mode", "passthrough", "-enc_time_base", "1/12000", tmp_path / "v.mp4")
    found = probe(tmp_path / "v.mp4").video
    assert not found.constant_rate
    assert float(conversion_rate(found)) == pytest.approx(expected, rel=0.02)
