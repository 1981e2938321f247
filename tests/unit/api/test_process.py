"""`avflow.process`: the results of a file are those of the workflow, without AWS."""

import json
import os
import threading
import time

import av
import psutil
import pysubs2
import pytest

from avflow import process
from avflow.errors import InvalidMediaUnreadable, ModelUnknown, SettingInvalid, SourceMissing
from tests.media_samples import H264, ffmpeg, lavfi, pattern, tone
from tests.schemas import validate

FAST = {"speech_model": "whisper-tiny.en"}


@pytest.fixture(scope="module")
def done(film, tmp_path_factory):
    """The results of the film."""
    return process(film, tmp_path_factory.mktemp("out") / "deep", **FAST)


def test_the_annotated_video_has_all_frames_and_the_sound(done):
    with av.open(str(done.video)) as video:
        assert [stream.codec_context.name for stream in video.streams] == ["mpeg4", "mp3float"]
        assert video.streams.video[0].average_rate == 4
        assert len(list(video.decode(video=0))) == done.frames == 12
    assert done.media.duration == pytest.approx(3, abs=0.1)


def test_a_line_for_each_frame(done):
    lines = [json.loads(line) for line in done.detections.read_text().splitlines()]
    assert [line["frame"] for line in lines] == list(range(12))
    validate(lines[0], "detections-line")
    assert sum(len(line["objects"]) for line in lines) == sum(done.objects.values()) > 0
    assert done.frames_with["person"] == sum(any(o["class"] == "person" for o in line["objects"]) for line in lines)


def test_the_subtitles_are_what_is_said(done):
    assert [cue.plaintext for cue in pysubs2.load(done.subtitles)] == [cue.text for cue in done.transcription.cues]
    assert "fellow Americans" in done.transcription.text
    assert done.transcription.language == "en"


def test_only_results_are_left(done):
    assert sorted(path.name for path in done.video.parent.iterdir()) == [
        "film.avi",
        "film.detections.jsonl",
        "film.srt",
    ]
    assert sorted(done.paths) == sorted(done.video.parent.iterdir())


@pytest.mark.slow
def test_a_video_without_sound_that_is_converted(tmp_path):
    film = tmp_path / "-é 'film'.mp4"
    ffmpeg(*lavfi(pattern(1, "10")), *H264, tmp_path / "plain.mp4")
    ffmpeg("-display_rotation", "90", "-i", tmp_path / "plain.mp4", "-c", "copy", f"file:{film}")
    done = process(str(film), str(tmp_path / "out"), **FAST)
    assert "rotated" in done.converted_because
    assert (done.subtitles, done.transcription) == (None, None)
    assert [path.name for path in done.paths] == ["-é 'film'.avi", "-é 'film'.detections.jsonl"]
    with av.open(str(done.video)) as video:
        frame = next(video.decode(video=0))
        assert frame.height > frame.width


def test_sound_alone(tmp_path):
    ffmpeg(*lavfi(tone(1)), tmp_path / "tone.wav")
    done = process(tmp_path / "tone.wav", tmp_path / "out", **FAST)
    assert (done.video, done.detections, done.frames) == (None, None, 0)
    assert done.subtitles.read_text() == ""
    assert done.transcription.words == []


def test_the_video_itself_is_never_replaced(tmp_path):
    (tmp_path / "film.avi").write_bytes(b"my only copy")
    with pytest.raises(FileExistsError, match="is the video itself"):
        process(tmp_path / "film.avi", tmp_path, **FAST)
    assert (tmp_path / "film.avi").read_bytes() == b"my only copy"


def test_earlier_results_stay_if_it_fails(tmp_path):
    (tmp_path / "film.mkv").write_bytes(b"no film" * 99)
    (tmp_path / "film.srt").write_text("earlier")
    with pytest.raises(InvalidMediaUnreadable, match=r"film\.mkv"):
        process(tmp_path / "film.mkv", tmp_path, **FAST)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["film.mkv", "film.srt"]
    assert (tmp_path / "film.srt").read_text() == "earlier"


@pytest.mark.parametrize(
    ("given", "error"),
    [
        ({"model": "whisper-base"}, ModelUnknown),
        ({"speech_model": "yolov3-tiny"}, ModelUnknown),
        ({"confidence": 7}, SettingInvalid),
        ({"language": "Klingon", **FAST}, SettingInvalid),
        ({"language": "de", **FAST}, SettingInvalid),
        ({"translate": True, **FAST}, SettingInvalid),
    ],
    ids=str,
)
def test_wrong_arguments_are_told_before_any_work(film, tmp_path, given, error):
    with pytest.raises(error):
        process(film, tmp_path / "out", **given)
    assert not (tmp_path / "out").exists()


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(SourceMissing, match=r"nothing\.mkv can't be read"):
        process(tmp_path / "nothing.mkv", tmp_path / "out")


class Enough(Exception):
    pass


@pytest.mark.slow
def test_a_report_ends_the_work_and_nothing_is_left(film, tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    steps = set()

    def report(progress):
        steps.add(progress.step)
        if progress.step == "detect":
            raise Enough

    with pytest.raises(Enough):
        process(film, tmp_path / "out", report=report, **FAST)
    assert {"detect"} <= steps
    assert list((tmp_path / "out").iterdir()) == []
    assert not list(tmp_path.glob("avflow-*"))
    end = time.monotonic() + 10
    while (left := psutil.Process(os.getpid()).children()) and time.monotonic() < end:
        time.sleep(0.05)
    left = [child for child in left if child.status() != psutil.STATUS_ZOMBIE]
    assert not [child for child in left if "avflow.isolation.child" in " ".join(child.cmdline())]
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("avflow")]
