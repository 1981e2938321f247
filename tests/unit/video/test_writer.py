"""The MP4 of a segment: on whatever machine, and when it can't be written."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from avflow.errors import ScratchFull
from avflow.video.writer import Mp4Writer, x264_options


def test_a_gpu_without_an_encoder_leaves_it_to_the_cpu(tmp_path):
    """This machine has none, or one that makes the same stream."""
    with Mp4Writer(tmp_path / "a.mp4", (160, 128), Fraction(25), color_space="bt709", hardware=True) as writer:
        for _ in range(10):
            writer.write(av.VideoFrame(160, 128, "yuv420p"))
        writer.finish()
    assert writer.encoder in ("libx264", "h264_nvenc")
    with av.open(str(tmp_path / "a.mp4")) as container:
        context = container.streams.video[0].codec_context
        assert (context.name, context.profile, context.colorspace, context.color_range) == ("h264", "High", 1, 1)
        assert len(list(container.decode(video=0))) == 10


def test_an_mp4_on_a_full_disk():
    noise = np.random.default_rng(1).integers(0, 256, (720, 640), np.uint8)
    with (
        pytest.raises(ScratchFull, match="no space is left to write full"),
        Mp4Writer(Path("/dev/full"), (640, 480), Fraction(25)) as writer,
    ):
        for _ in range(20):
            writer.write(av.VideoFrame.from_ndarray(noise, "yuv420p"))
        writer.finish()


@pytest.mark.parametrize("size", [(160, 128), (1920, 1080), (3840, 2160), (7680, 4320), (8190, 8190)])
def test_the_encoder_looks_less_far_ahead_in_large_frames(size):
    """So that it keeps at most 256 MB for that, and its threads no frames of their own."""
    options = x264_options(size, 4)
    assert int(options["rc-lookahead"]) * 2.5 * size[0] * size[1] <= 2**28 or options["rc-lookahead"] == "1"
    assert ("sliced-threads" in options.get("x264-params", "")) == (size[0] >= 3840)


def test_the_encoder_knows_which_blocks_later_frames_refer_to(tmp_path):
    """Without that, its fast settings take half as many bytes again. x264 writes its settings into the stream."""
    with Mp4Writer(tmp_path / "a.mp4", (160, 128), Fraction(25)) as writer:
        for _ in range(10):
            writer.write(av.VideoFrame(160, 128, "yuv420p"))
        writer.finish()
    settings = set((tmp_path / "a.mp4").read_bytes().split(b"options: ")[1].split(b"\0")[0].split(b" "))
    assert {b"mbtree=1", b"rc_lookahead=10", b"me=dia", b"subme=1", b"8x8dct=1", b"bframes=3"} <= settings
