"""The final AVI: segments are joined without a missing or duplicated frame, and the audio keeps its offset."""

from __future__ import annotations

import hashlib
from fractions import Fraction
from pathlib import Path

import av
import pytest

from avflow.errors import FFmpegFailed, FrameCountMismatch
from avflow.ffmpeg import Boxed, mux
from avflow.media import probe
from tests.media_samples import H264, NUMBERED, beeps, ffmpeg, flashes, heard_at, lavfi, numbers, pattern, seen_at

SAMPLE = Path(__file__).parents[3] / "samples" / "my_video.mkv"
PCM = ("-c:a", "pcm_s16le")
MS = 0.002


def boxed_of(source, folder, *lengths, held=0):
    """Segments of `source` with these numbers of frames, in the detector's output format: MPEG-4 in AVI, no audio."""
    segments, first = [], 0
    for length in lengths:
        path = folder / f"boxed-{len(segments):04}.avi"
        held_first = f"tpad=start={held}:start_mode=clone"
        cut = f"{held_first},trim=start_frame={first}:end_frame={first + length},setpts=PTS-STARTPTS"
        ffmpeg("-i", source, "-vf", cut, "-an", "-c:v", "mpeg4", "-b:v", "4000k", "-fps_mode", "passthrough", path)
        segments.append(Boxed(path, length))
        first += length
    return segments


def joined(segments, source, target):
    media = probe(source)
    mux(segments, media.video.nominal_rate, source, media, target)
    return target


def decoded(path):
    """A hash of each decoded frame."""
    with av.open(str(path)) as container:
        return [hashlib.sha256(frame.to_ndarray().tobytes()).hexdigest() for frame in container.decode(video=0)]


def ticks(path):
    """The timestamp of each packet, in ticks of one frame."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        assert stream.time_base == 1 / stream.average_rate
        return [packet.dts for packet in container.demux(stream) if packet.size]


@pytest.mark.parametrize(
    ("rate", "lengths"),
    [
        ("25", (75, 75)),
        ("25", (1, 1, 1)),
        ("30000/1001", (64, 64, 64, 1)),
        ("60", (61, 61, 61, 61, 1)),
        ("24000/1001", (37, 37, 3)),
        ("1000/33", (50, 50)),
    ],
)
def test_no_frame_is_missing_or_duplicated_at_a_segment_boundary(tmp_path, rate, lengths):
    source, total = tmp_path / "v.mkv", sum(lengths)
    ffmpeg(*lavfi(NUMBERED.format(rate=rate), beeps((0.5,), 9)), "-frames:v", total, "-shortest", *H264, *PCM, source)
    segments = boxed_of(source, tmp_path, *lengths)
    joined(segments, source, tmp_path / "v.avi")
    assert decoded(tmp_path / "v.avi") == [frame for segment in segments for frame in decoded(segment.path)]
    assert numbers(tmp_path / "v.avi") == list(range(total))
    assert ticks(tmp_path / "v.avi") == list(range(total))
    assert probe(tmp_path / "v.avi").video.nominal_rate == Fraction(rate)


@pytest.mark.parametrize("lengths", [(1500,), (500, 400, 300, 299, 1)])
def test_audio_and_video_are_in_sync_at_the_start_and_at_the_end(tmp_path, lengths):
    source = tmp_path / "v.mkv"
    ffmpeg(*lavfi(flashes((1, 59), 60), beeps((1, 59), 60)), *H264, *PCM, source)
    joined(boxed_of(source, tmp_path, *lengths), source, tmp_path / "v.avi")
    assert seen_at(tmp_path / "v.avi") == [25, 59 * 25]
    assert heard_at(tmp_path / "v.avi") == [pytest.approx(1, abs=MS), pytest.approx(59, abs=MS)]
    assert probe(tmp_path / "v.avi").duration == pytest.approx(60, abs=0.03)


@pytest.mark.parametrize("offset", [0.4, -0.4])
def test_an_offset_between_audio_and_video_survives(tmp_path, offset):
    source = tmp_path / "v.mkv"
    flash = ("-itsoffset", str(max(0, -offset)), *lavfi(flashes((1.0,), 3)))
    beep = ("-itsoffset", str(max(0, offset)), *lavfi(beeps((1.0, 1.9), 2)))
    ffmpeg(*flash, *beep, *H264, *PCM, source)
    held = round(25 * max(0, -offset))  # the first frame is held while the sound is alone
    joined(boxed_of(source, tmp_path, 40, 35 + held, held=held), source, tmp_path / "v.avi")
    assert seen_at(tmp_path / "v.avi") == [25 + held]
    late = max(0, offset)
    assert heard_at(tmp_path / "v.avi") == [pytest.approx(1 + late, abs=MS), pytest.approx(1.9 + late, abs=MS)]
    samples = ffmpeg("-i", tmp_path / "v.avi", "-map", "0:a", "-ac", "1", "-ar", "1000", "-f", "u8", "-")
    assert len(samples) / 1000 == pytest.approx(2 + late, abs=0.05)  # neither cut nor padded to the video's 3 s


def test_the_video_packets_are_copied_unchanged(tmp_path):
    segments = boxed_of(SAMPLE, tmp_path, 60, 50)
    joined(segments, SAMPLE, tmp_path / "v.avi")

    def packets(path):
        lines = ffmpeg("-i", path, "-map", "0:v", "-c", "copy", "-f", "framemd5", "-").splitlines()
        return [line.split(b",")[-1] for line in lines if not line.startswith(b"#")]

    assert len(packets(tmp_path / "v.avi")) == 110
    assert packets(tmp_path / "v.avi") == [packet for segment in segments for packet in packets(segment.path)]


def test_a_source_without_audio_is_not_opened(tmp_path):
    source = tmp_path / "v.mkv"
    ffmpeg(*lavfi(pattern()), *H264, source)
    segments, media = boxed_of(source, tmp_path, 20, 5), probe(source)
    source.unlink()
    mux(segments, media.video.nominal_rate, source, media, tmp_path / "v.avi")
    found = probe(tmp_path / "v.avi")
    assert found.audio is None
    assert found.video.frames == 25


def test_a_segment_with_missing_frames_is_refused(tmp_path):
    source = tmp_path / "v.mkv"
    ffmpeg(*lavfi(pattern()), *H264, source)
    first, second = boxed_of(source, tmp_path, 20, 5)
    with pytest.raises(FrameCountMismatch, match=r"v\.mkv should have 26 frames in total, but have 25"):
        joined([first, Boxed(second.path, 6)], source, tmp_path / "v.avi")
    assert not (tmp_path / "v.avi").exists()


def test_the_list_of_segments_opens_only_avi_files(tmp_path):
    """A segment that is not an AVI is refused."""
    source = tmp_path / "v.mkv"
    ffmpeg(*lavfi(pattern()), *H264, source)
    (first,) = boxed_of(source, tmp_path, 25)
    first.path.write_bytes(source.read_bytes())
    with pytest.raises(FFmpegFailed, match=r"Impossible to open .*boxed-0000\.avi"):
        joined([first], source, tmp_path / "v.avi")
