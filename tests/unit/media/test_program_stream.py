"""Program streams: FFmpeg guesses most timestamps of their frames, and the copy repairs them."""

from itertools import pairwise

import av
import pytest

from avflow.ffmpeg import convert
from avflow.media import conversion_reasons
from avflow.media.clock.joining import on_one_clock
from tests.media_samples import NUMBERED, beeps, ffmpeg, lavfi, number_of, numbers

#: frames so small that several begin in one PES packet, of which only the first has a timestamp
SMALL = ("-c:v", "mpeg2video", "-qscale:v", "20", "-c:a", "mp2", "-f", "vob")


def frames_of(path):
    with av.open(str(path)) as container:
        return [number_of(frame.to_ndarray(format="rgb24")) for frame in container.decode(video=0)]


@pytest.mark.parametrize("b_frames", ["0", "2"])
def test_frames_without_a_timestamp_of_their_own_keep_their_distance(tmp_path, b_frames):
    source = tmp_path / "v.mpg"
    ffmpeg(*lavfi(NUMBERED.format(rate="25") + ",trim=end=16", beeps((1,), 16)), *SMALL, "-bf", b_frames, source)
    path, media = on_one_clock(source, tmp_path / "copy")
    assert media.continuous
    assert conversion_reasons(media) == ()
    assert media.video.frames == 400
    assert frames_of(path) == list(range(400))
    with av.open(str(path)) as container:
        times = sorted(frame.time for frame in container.decode(video=0))
    assert [after - before for before, after in pairwise(times)] == pytest.approx([0.04] * 399, abs=0.002)


def test_ntsc_frames_do_not_drift(tmp_path):
    """A frame lasts 3753.75 ticks at 23.976 frames per second, and 3003 at 29.97."""
    for name, rate in (("film.mpg", "24000/1001"), ("ntsc.mpg", "30000/1001")):
        source = tmp_path / name
        ffmpeg(*lavfi(NUMBERED.format(rate=rate) + ",trim=end_frame=1000", beeps((1,), 30)), *SMALL, "-bf", "2", source)
        path, media = on_one_clock(source, tmp_path / f"{name}.copy")
        assert media.video.frames == 1000
        with av.open(str(path)) as container:
            times = sorted(frame.time for frame in container.decode(video=0))
        numerator, denominator = map(int, rate.split("/"))
        assert times[-1] - times[0] == pytest.approx(999 * denominator / numerator, abs=0.005)


def test_no_frame_beside_a_gap_is_lost(tmp_path):
    """The frame before the gap must not take a timestamp from after it."""
    source = tmp_path / "v.mpg"
    gap = "select='not(between(t,5,8))'"
    ffmpeg(
        *lavfi(NUMBERED.format(rate="25") + f",trim=end=16,{gap}", beeps((1,), 16)),
        *SMALL,
        *("-g", "1", "-fps_mode", "passthrough", source),
    )
    plain = frames_of(source)
    path, media = on_one_clock(source, tmp_path / "copy")
    convert(path, media, tmp_path / "v.avi")
    shown = numbers(tmp_path / "v.avi")
    assert sorted(set(shown)) == plain
    assert len(shown) == pytest.approx(400, abs=1)
