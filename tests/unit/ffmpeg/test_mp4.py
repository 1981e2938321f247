"""The final MP4: segments are joined without a missing frame, and the subtitles stay what they are."""

from __future__ import annotations

from fractions import Fraction

import av
import pytest

from avflow.annotation.gathering import gather
from avflow.annotation.pipeline import Extras, annotate_video
from avflow.errors import FrameCountMismatch, MediaAnswerInvalid
from avflow.ffmpeg import Boxed, SubtitleTrack, mux_mp4
from avflow.media import probe
from avflow.media.tracks.languages import three_letters
from avflow.speech.subtitles import Cue
from avflow.video.segments import Segment
from tests.media_samples import H264, NUMBERED, ffmpeg, lavfi, numbers
from tests.number_reader import NumberReader

LENGTHS = (1, 1, 20, 17, 1)


@pytest.fixture(scope="module", params=["25", "30000/1001", "1000"])
def film(request, tmp_path_factory):
    """40 numbered frames, and the MP4s of five segments, one of them with B-frames at its seams."""
    folder = tmp_path_factory.mktemp("mp4")
    path = folder / "v.mkv"
    ffmpeg(*lavfi(NUMBERED.format(rate=request.param)), "-frames:v", "40", *H264, "-bf", "2", path)
    boxed, first = [], 0
    for part, length in enumerate(LENGTHS):
        mp4 = folder / f"boxed-{part}.mp4"
        others = (folder / "boxed.avi", folder / "found.jsonl")
        segment = Segment(first, length)
        annotate_video(path, probe(path).video, NumberReader(), *others, segment=segment, extras=Extras(mp4))
        boxed.append(Boxed(mp4, length))
        first += length
    return path, boxed, Fraction(request.param)


def test_every_frame_is_there_once_at_its_time(film, tmp_path):
    source, boxed, rate = film
    cues = (Cue(0.0, 0.01, "first"), Cue(0.02, 0.03, "{\\an8}<i>two\nlines</i>"))
    target = tmp_path / "a.mp4"
    mux_mp4(boxed, rate, source, probe(source), target, subtitles=SubtitleTrack(cues, "pt"))
    assert numbers(target) == list(range(40))
    with av.open(str(target)) as container:
        assert [frame.pts * frame.time_base for frame in container.decode(video=0)] == [n / rate for n in range(40)]
    with av.open(str(target)) as container:
        (track,) = container.streams.subtitles
        assert track.language == "por"
        said = [(float(each.pts * each.time_base), bytes(each)[2:]) for each in container.demux(track) if each.size > 2]
    assert said == [(pytest.approx(cue.start, abs=1e-3), cue.text.encode()) for cue in cues]


def test_a_missing_frame_is_an_error(film, tmp_path):
    source, boxed, rate = film
    wrong = [*boxed[:-1], Boxed(boxed[-1].path, 2)]
    with pytest.raises(FrameCountMismatch, match="should have 41 frames in total, but have 40"):
        mux_mp4(wrong, rate, source, probe(source), tmp_path / "a.mp4")
    assert not (tmp_path / "a.mp4").exists()


@pytest.mark.parametrize(
    ("language", "code"), [("en", "eng"), ("de", "deu"), ("zh", "zho"), ("jw", "jav"), ("haw", "haw"), (None, "und")]
)
def test_the_language_of_a_track_has_three_letters(language, code):
    assert three_letters(language) == code


@pytest.mark.parametrize("content", [b"", b"no archive", b"PK\x05\x06" + bytes(18)])
def test_pictures_that_are_none_are_refused(tmp_path, content):
    (tmp_path / "a.zip").write_bytes(content)
    with pytest.raises(MediaAnswerInvalid, match="pictures of a segment can't be read"):
        gather([tmp_path / "a.zip"], tmp_path)
