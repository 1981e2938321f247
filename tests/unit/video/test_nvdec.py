"""When NVIDIA's hardware decoder is used."""

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
def stream() -> VideoStream:
    stream = probe(SAMPLE).video
    assert stream is not None
    return stream


def driver() -> bool:
    try:
        ctypes.CDLL("libnvcuvid.so.1")
    except OSError:
        return False
    return True


def test_nvdec_is_not_used_without_a_driver(stream):
    if driver():
        pytest.skip("this machine has an NVIDIA driver")
    assert not hardware.nvdec(stream)


def test_nvdec_returns_the_same_frames(stream):
    if not driver():
        pytest.skip("no NVIDIA driver")
    assert hardware.nvdec(stream)
    frames = []
    for on_gpu in (False, True):
        with VideoReader(SAMPLE, stream, Segment(40, 60), hardware=on_gpu) as reader:
            assert reader.on_gpu == on_gpu
            frames.append([frame.to_ndarray() for frame in reader])
    assert len(frames[0]) == 60
    assert all((one == other).all() for one, other in zip(*frames, strict=True))


@pytest.mark.parametrize(
    ("changes", "allowed"),
    [
        ({}, True),
        ({"codec": "hevc"}, True),
        ({"codec": "mpeg4"}, False),  # the specification allows rounding differences in the inverse transform
        ({"codec": "mpeg2video"}, False),
        ({"codec": "libdav1d"}, False),  # FFmpeg's decoder for AV1, which doesn't use the GPU
        ({"pixel_format": "yuv420p10le"}, False),
        ({"pixel_format": "yuv444p"}, False),
        ({"interlaced": True}, False),
    ],
)
def test_nvdec_decodes_only_bit_exact_formats(stream, changes, allowed, monkeypatch):
    monkeypatch.setattr(hardware, "opens", lambda codec: True)
    assert hardware.nvdec(replace(stream, **changes)) == allowed


def test_a_missing_hardware_decoder_is_not_an_error():
    assert not hardware.opens("ffv1")
