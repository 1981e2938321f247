"""When a graphics card may decode."""

import ctypes
from dataclasses import replace
from pathlib import Path

import pytest

from avflow.media import VideoStream, probe
from avflow.video import nvdec as hardware
from avflow.video.reader import VideoReader
from avflow.video.segments import Segment

SAMPLE = Path(__file__).parents[3] / "samples/my_video.mkv"


@pytest.fixture
def picture() -> VideoStream:
    picture = probe(SAMPLE).video
    assert picture is not None
    return picture


def driver() -> bool:
    try:
        ctypes.CDLL("libnvcuvid.so.1")
    except OSError:
        return False
    return True


def test_without_a_driver_nothing(picture):
    if driver():
        pytest.skip("this machine has one")
    assert not hardware.nvdec(picture)


def test_with_one_the_same_frames(picture):
    if not driver():
        pytest.skip("no NVIDIA driver")
    assert hardware.nvdec(picture)
    frames = []
    for on_gpu in (False, True):
        with VideoReader(SAMPLE, picture, Segment(40, 60), hardware=on_gpu) as reader:
            assert reader._stream.codec_context.is_hwaccel == on_gpu
            frames.append([frame.to_ndarray() for frame in reader])
    assert len(frames[0]) == 60
    assert all((one == other).all() for one, other in zip(*frames, strict=True))


@pytest.mark.parametrize(
    ("stream", "may"),
    [
        ({}, True),
        ({"codec": "hevc"}, True),
        ({"codec": "mpeg4"}, False),  # its inverse transform may round as it likes
        ({"codec": "mpeg2video"}, False),
        ({"codec": "libdav1d"}, False),  # FFmpeg's decoder for AV1, which has nothing to do with the card
        ({"pixel_format": "yuv420p10le"}, False),
        ({"pixel_format": "yuv444p"}, False),
        ({"interlaced": True}, False),
    ],
)
def test_only_what_is_exact_by_its_specification(picture, stream, may, monkeypatch):
    monkeypatch.setattr(hardware, "_opens", lambda codec: True)
    assert hardware.nvdec(replace(picture, **stream)) == may


def test_a_decoder_that_was_not_built_in_is_no_error():
    assert not hardware._opens("ffv1")
