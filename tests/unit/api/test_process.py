"""`avflow.process`: the results of a file are those of the workflow, without AWS."""

import json
import os
import re
import threading
import time
from dataclasses import replace
from operator import methodcaller
from pathlib import Path

import av
import cv2
import numpy as np
import psutil
import pysubs2
import pytest

from avflow import process
from avflow.errors import InvalidMediaUnreadable, ModelUnknown, SettingInvalid, SourceMissing
from avflow.isolation.permissions import font_folders
from tests.media_samples import H264, ffmpeg, lavfi, pattern, tone
from tests.result_sets import ALL, OF_AUDIO, OF_VIDEO, named
from tests.schemas import validate

#: what Jupyter calls (IPython, "Rich display")
IN_NOTEBOOK = methodcaller("_repr_html_")
FAST = {"speech_model": "whisper-tiny.en"}


WRONG = (
    ("confidence", 7),
    ("confidence", True),
    ("confidence", "much"),
    ("nms", float("nan")),
    ("classes", ["unicorn"]),
    ("classes", [3]),
    ("classes", ["dog,cat"]),
    ("detect_every", 0),
    ("detect_every", 2.5),
    ("labels", "big"),
    ("subtitles", "hard"),
    ("word_times", "perhaps"),
    ("label_size", 99),
    ("audio_track", "no track"),
    ("outputs", ["mp3"]),
    ("outputs", 7),
)


def page_data(page):
    """The data of a result page."""
    found = re.search(r'<script id="data" type="application/json">(.*?)</script>', page.read_text(), re.DOTALL)
    return json.loads(found[1])


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


def frames_of(path):
    with av.open(str(path)) as video:
        return [frame.to_ndarray(format="bgr24") for frame in video.decode(video=0)]


@pytest.mark.skipif(not font_folders(), reason="this machine has no fonts")
def test_tracks_and_subtitles_may_be_drawn_into_the_videos(film, done, tmp_path):
    drawn = process(film, tmp_path, labels="track", subtitles="burnt", outputs="mp4,html", **FAST)
    lines = [json.loads(line) for line in drawn.detections.read_text().splitlines()]
    assert lines == [json.loads(line) for line in done.detections.read_text().splitlines()]
    assert any("track" in each for line in lines for each in line["objects"])
    with av.open(str(drawn.mp4)) as mp4:
        assert [stream.type for stream in mp4.streams] == ["video", "audio"], "no track besides what is drawn"
    data = page_data(drawn.page)
    assert data["burnt"] is True
    for written, usual in ((drawn.video, done.video), (drawn.mp4, done.mp4)):
        pairs = list(zip(frames_of(written), frames_of(usual), strict=True))
        spoken = drawn.transcription.cues[0].start
        changed = [np.abs(a.astype(int) - b).max(axis=2) > 100 for a, b in pairs]
        height = changed[0].shape[0]
        below = [each[height * 3 // 4 :].sum() for each in changed]
        assert max(below) > 200, "the text"
        assert below[0] < 20 or spoken < 0.25, "nothing is drawn before it is said"


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
    assert {path.name for path in done.video.parent.iterdir()} == named("film", ALL - {".json"})
    assert sorted(done.paths) == sorted(done.video.parent.iterdir())


def test_the_mp4_plays_anywhere(done):
    with av.open(str(done.mp4)) as video:
        assert [stream.codec_context.name for stream in video.streams] == ["h264", "aac", "mov_text"]
        assert len(list(video.decode(video=0))) == 12
    begin = done.mp4.read_bytes()
    assert 0 < begin.index(b"moov") < begin.index(b"mdat")


def test_the_text_is_there_in_all_formats(done):
    assert "fellow Americans" in " ".join(done.text.read_text().split())
    assert done.webvtt.read_text().startswith("WEBVTT")
    told = json.loads(done.transcript.read_text())
    validate(told, "transcript")
    words = [word["text"] for segment in told["segments"] for word in segment["words"]]
    assert words == [word.text for word in done.transcription.words]


def test_objects_have_tracks(done):
    lines = [json.loads(line) for line in done.detections.read_text().splitlines()]
    tracks = {(o["class"], o["track"]) for line in lines for o in line["objects"] if "track" in o}
    assert len([track for name, track in tracks if name == "person"]) == done.unique["person"] > 0


def test_the_pictures_are_there(done):
    for path in (done.thumbnail, done.contact_sheet):
        assert min(cv2.imread(str(path)).shape[:2]) > 100


def test_the_page_shows_what_was_found(done):
    data = page_data(done.page)
    assert (data["title"], data["video"], data["steps"], data["cost"]) == ("film.mp4", "film.mp4", [], None)
    assert {row["name"]: row["objects"] for row in data["classes"]} == done.objects
    assert {file["name"] for file in data["files"]} == {path.name for path in done.paths} - {"film.html"}
    assert {file["name"]: file["size"] for file in data["files"]}["film.avi"] == done.video.stat().st_size
    assert [cue[2] for cue in data["cues"]] == [cue.text for cue in done.transcription.cues]


def test_a_notebook_shows_a_summary(done, tmp_path):
    shown = IN_NOTEBOOK(done)
    assert 'src="data:image/jpeg;base64,/9j/' in shown
    assert f'href="{done.page}"' in shown
    assert "12 frames" in shown
    assert "fellow Americans" in shown
    hostile = Path("<img onerror=alert(1)>") / 'javascript:alert("1").html'
    shown = IN_NOTEBOOK(replace(done, page=hostile, thumbnail=None))
    assert "<img" not in shown
    assert 'href="./%3Cimg%20onerror%3Dalert%281%29%3E/javascript%3Aalert%28%221%22%29.html"' in shown


def test_choices_are_those_of_the_workflow(film, tmp_path):
    """Only persons, detected on one frame in four; only the files that are always there, and the MP4."""
    done = process(film, tmp_path / "out", classes=["Person"], detect_every=4, outputs=["mp4"], **FAST)
    assert {path.name for path in done.paths} == named("film", {".avi", ".mp4", ".srt", ".detections.jsonl"})
    assert set(done.objects) == {"person"}
    assert (done.page, done.thumbnail, done.webvtt) == (None, None, None)
    lines = [json.loads(line) for line in done.detections.read_text().splitlines()]
    assert [line["frame"] for line in lines if not line.get("interpolated")] == [0, 4, 8, 11]


def test_a_video_without_sound_that_is_converted(tmp_path):
    film = tmp_path / "-é 'film'.mp4"
    ffmpeg(*lavfi(pattern(1, "10")), *H264, tmp_path / "plain.mp4")
    ffmpeg("-display_rotation", "90", "-i", tmp_path / "plain.mp4", "-c", "copy", f"file:{film}")
    done = process(str(film), str(tmp_path / "out"), **FAST)
    assert "rotated" in done.converted_because
    assert (done.subtitles, done.transcription) == (None, None)
    assert {path.name for path in done.paths} == named("-é 'film'", OF_VIDEO)
    for path in (done.video, done.mp4):
        with av.open(str(path)) as video:
            frame = next(video.decode(video=0))
            assert frame.height > frame.width


def test_sound_alone(tmp_path):
    ffmpeg(*lavfi(tone(1)), tmp_path / "tone.wav")
    done = process(tmp_path / "tone.wav", tmp_path / "out", **FAST)
    assert (done.video, done.detections, done.frames) == (None, None, 0)
    assert done.subtitles.read_text() == ""
    assert done.transcription.words == []
    assert {path.name for path in done.paths} == named("tone", OF_AUDIO)
    assert page_data(done.page)["video"] is None


def test_the_video_itself_is_never_replaced(tmp_path):
    (tmp_path / "film.avi").write_bytes(b"my only copy")
    with pytest.raises(FileExistsError, match="is the video itself"):
        process(tmp_path / "film.avi", tmp_path, **FAST)
    assert (tmp_path / "film.avi").read_bytes() == b"my only copy"


def test_a_result_that_is_not_wanted_replaces_nothing(tmp_path):
    (tmp_path / "film.mp4").write_bytes(b"my only copy")
    with pytest.raises(FileExistsError, match="is the video itself"):
        process(tmp_path / "film.mp4", tmp_path, **FAST)
    with pytest.raises(InvalidMediaUnreadable):
        process(tmp_path / "film.mp4", tmp_path, outputs="srt", **FAST)
    assert (tmp_path / "film.mp4").read_bytes() == b"my only copy"


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
        *(({field: value}, SettingInvalid) for field, value in WRONG),
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
