"""All steps in the order of the state machine: several segments and spans give the same results as one."""

import json
import threading
import time
from dataclasses import replace

import pytest

from avflow.errors import InvalidMediaEmpty, LambdaBudgetExceeded, MediaAnswerInvalid
from avflow.media import probe
from avflow.results.names import ALWAYS
from avflow.speech.transcript import Word
from avflow.workflow import ffmpeg as ffmpeg_step
from avflow.workflow import merge, plan, yolov3
from avflow.workflow.budget import Budget
from avflow.workflow.context import StepContext
from avflow.workflow.layout import VideoRef
from avflow.workflow.reports import MediaReport, SegmentDoneBefore, SpeechSummary
from avflow.workflow.settings import Settings
from avflow.workflow.storage import ObjectStore
from tests.in_process import with_detector
from tests.media_samples import H264, NUMBERED, beeps, ffmpeg, heard_at, lavfi, numbers
from tests.number_reader import NumberReader
from tests.reports import span_report

SETTINGS = Settings(yolov3_model="yolov3-tiny", speech_model="whisper-tiny.en")
FRAMES = 201


class CountingStore(ObjectStore):
    """A store that records its calls."""

    def __init__(self, bucket, client):
        super().__init__(bucket, client)
        self.calls = []

    def download(self, key, path, version_id=None):
        self.calls.append(("download", key))
        super().download(key, path, version_id)

    def upload(self, path, key):
        self.calls.append(("upload", key))
        super().upload(path, key)

    def copy(self, source_key, target_key):
        self.calls.append(("copy", target_key))
        super().copy(source_key, target_key)

    def keys(self, action):
        return [key for done, key in self.calls if done == action]


class Reader(NumberReader):
    engine = "reads numbers"


@pytest.fixture(scope="module")
def films(tmp_path_factory):
    """8.04 s of numbered frames, with and without audio."""
    folder = tmp_path_factory.mktemp("films")
    picture = NUMBERED.format(rate="25")
    silent, loud = folder / "silent.mkv", folder / "loud.mkv"
    ffmpeg(*lavfi(picture), "-frames:v", str(FRAMES), *H264, silent)
    ffmpeg("-i", silent, *lavfi(beeps((1, 7), 8)), "-c:v", "copy", "-c:a", "pcm_s16le", loud)
    return {"silent": silent, "loud": loud}


@pytest.fixture
def store(bucket, s3):
    return CountingStore(bucket, s3)


def uploaded(store, path):
    store.upload(path, f"start/{path.name}")
    return VideoRef(store.bucket, f"start/{path.name}", "run-1")


def context(store, part=0, **settings):
    return StepContext(store, "batch", settings=replace(SETTINGS, **settings), part=part, start=with_detector(Reader))


def said(video, store, spans):
    """Write what the audio2srt step would: one word per span, in its middle."""
    for span in spans:
        word = Word(span.start + 0.1, span.start + 0.5, f"word{span.part}.")
        store.write(video.part_json("audio2srt", span.part), span_report(word, seconds=span.end - span.start))


def whole_way(video, store, **settings):
    """Run all steps, and return the manifest."""
    media = ffmpeg_step.run(video, context(store, **settings))
    said(video, store, media.plan.spans)
    for part in range(media.plan.segments.count if media.has_video else 0):
        yolov3.run(video, context(store, part, **settings))
    store.calls.clear()
    return merge.run(video, context(store)).manifest


def result(store, video, suffix, folder):
    path = folder / f"result{suffix}"
    store.download(video.result(suffix), path)
    return path


@pytest.mark.parametrize("kind", ["loud", "silent"])
def test_ffmpegs_progress_is_that_of_the_whole_step(store, films, tmp_path, kind):
    """Audio extraction and video conversion together go from 0 to the end once, not twice."""
    film, told = tmp_path / f"{kind}.mkv", []
    ffmpeg("-display_rotation", "90", "-i", films[kind], "-c", "copy", film)
    report = ffmpeg_step.run(uploaded(store, film), replace(context(store), report=told.append))
    assert report.conversion_reasons == ("rotated",)
    told = [progress for progress in told if progress.total is not None]  # the probe has no total
    done = [progress.done for progress in told]
    assert done == sorted(done)
    assert {(progress.unit, round(progress.total, 1)) for progress in told} == {("seconds", 8.0)}
    last = {progress.step: progress.done / progress.total for progress in told}
    assert last == ({"extract sound": pytest.approx(0.1)} if kind == "loud" else {}) | {"convert": 1.0}


@pytest.mark.parametrize(("seconds", "segments"), [(600, 1), (4, 3), (1, 9)])
def test_every_frame_is_there_once_with_its_sound(store, films, tmp_path, seconds, segments):
    video = uploaded(store, films["loud"])
    manifest = whole_way(video, store, segment_seconds=seconds)
    avi = result(store, video, ".avi", tmp_path)
    assert numbers(avi) == list(range(FRAMES))
    assert heard_at(avi) == [pytest.approx(1, abs=0.002), pytest.approx(7, abs=0.002)]
    lines = [json.loads(line) for line in result(store, video, ".detections.jsonl", tmp_path).read_text().splitlines()]
    assert [(line["frame"], line["time"]) for line in lines] == [(n, round(n / 25, 6)) for n in range(FRAMES)]
    assert [line["objects"][0]["class"] for line in lines] == [("even", "odd")[n % 2] for n in range(FRAMES)]
    # the box moves on with each frame, and after 100 frames it begins again; the last frame of all is alone
    tracks = [1 + n % 2 + 2 * (n // 100) for n in range(FRAMES - 1)]
    assert [line["objects"][0].get("track") for line in lines] == [*tracks, None]
    assert manifest.detections.to_dict() == {
        "frames": FRAMES,
        "damaged_frames": 0,
        "frame_rate": "25/1",
        "size": [160, 128],
        "engine": "reads numbers",
        "objects": {"even": 101, "odd": 100},
        "frames_with": {"even": 101, "odd": 100},
        "unique": {"even": 2, "odd": 2},
    }
    parts = [step.part for step in manifest.steps if step.name == "yolov3"]
    assert parts == ([None] if segments == 1 else list(range(segments)))


def test_the_words_of_all_spans_are_in_the_subtitles(store, films, tmp_path, monkeypatch):
    monkeypatch.setattr("avflow.speech.chunks.CHUNK_SECONDS", 2.5)
    video = uploaded(store, films["loud"])
    manifest = whole_way(video, store, speech_span_seconds=3)
    srt = result(store, video, ".srt", tmp_path).read_text()
    spans = store.read(video.media_json, MediaReport).plan.spans
    assert len(spans) == 3
    assert [word in srt for word in ("word0.", "word1.", "word2.")] == [True, True, True]
    assert manifest.speech == SpeechSummary("en", srt.count("-->"), 3, "en")
    assert [step.part for step in manifest.steps if step.name == "audio2srt"] == [0, 1, 2]
    assert set(manifest.models) == {"speech", "detector"}


# ---------------------------------------------------------------- a short video
@pytest.mark.parametrize("missing", [None, 1], ids=["done on Lambda", "moved to Batch"])
def test_a_short_video_is_merged_from_the_segments_of_functions_or_else_of_the_job(
    store, films, tmp_path, capsys, missing
):
    """The functions' segments and the job's differ, and their objects too: none is taken for another."""
    settings = {"short_videos": "lambda", "short_videos_memory": 1769, "max_short_video_functions": 3}
    video = uploaded(store, films["silent"])
    media = ffmpeg_step.run(video, context(store, **settings))
    assert (media.plan.segments.count, media.plan.functions.count) == (1, 3)
    on_lambda = plan.parts_on_lambda(media.plan)
    for part in on_lambda:
        if part - on_lambda.start != missing:
            yolov3.run(video, replace(context(store, part, **settings), ran_on="lambda"))
    assert "Fallbacks" not in capsys.readouterr().out
    if missing is not None:
        yolov3.run(video, context(store, **settings))
        assert capsys.readouterr().out.count('"came_from":"lambda"') == 1, "a fallback, as of every other step"
    steps = [step for step in merge.run(video, context(store)).manifest.steps if step.name == "yolov3"]
    if missing is None:
        assert [(step.ran_on, step.part) for step in steps] == [("lambda", 0), ("lambda", 1), ("lambda", 2)]
    else:
        assert [(step.ran_on, step.part) for step in steps] == [("batch", None)]
    assert numbers(result(store, video, ".avi", tmp_path)) == list(range(FRAMES))
    lines = result(store, video, ".detections.jsonl", tmp_path).read_text().splitlines()
    assert [json.loads(line)["frame"] for line in lines] == list(range(FRAMES))


# ---------------------------------------------------------------- no wasted work
def test_the_picture_of_a_silent_film_of_one_segment_never_leaves_s3(store, films):
    video = uploaded(store, films["silent"])
    manifest = whole_way(video, store, outputs=ALWAYS)
    assert store.keys("copy") == ["result/silent.avi"]
    assert store.keys("download") == [video.detections(0)]
    assert store.keys("upload") == ["result/silent.detections.jsonl"]
    assert manifest.speech is None
    assert manifest.results == ("result/silent.avi", "result/silent.detections.jsonl")


def test_the_source_of_a_silent_film_is_not_fetched_to_join_its_segments(store, films):
    video = uploaded(store, films["silent"])
    whole_way(video, store, segment_seconds=5)
    assert video.key not in store.keys("download")
    assert len(store.keys("download")) == 8, "two segments: in two formats, their detections and pictures"


def test_what_needs_no_conversion_is_passed_on_by_its_key(store, films):
    video = uploaded(store, films["loud"])
    store.calls.clear()
    media = ffmpeg_step.run(video, context(store))
    assert media.conversion_reasons == ()
    assert (media.detector_input.key, media.detector_input.stream) == (video.key, media.input.video)
    assert store.calls == [("download", video.key), ("upload", video.wav(0))]


def test_a_segment_that_is_done_is_not_done_again(store, films):
    video = uploaded(store, films["silent"])
    ffmpeg_step.run(video, context(store, segment_seconds=5))
    first = yolov3.run(video, context(store, 1))
    store.calls.clear()

    def not_again():
        raise AssertionError("a model is opened")

    def again(part):
        return yolov3.run(video, replace(context(store, part), start=with_detector(not_again)))

    assert again(1) == SegmentDoneBefore(first.step)
    assert not store.calls
    with pytest.raises(AssertionError, match="a model is opened"):
        again(0)


def test_the_model_opens_while_the_video_comes(store, films, monkeypatch):
    video = uploaded(store, films["silent"])
    ffmpeg_step.run(video, context(store))
    coming, opening = threading.Event(), threading.Event()

    def download(key, path, version_id=None):
        coming.set()
        assert opening.wait(10), "the model waits for the download"
        ObjectStore.download(store, key, path, version_id)

    def opens():
        opening.set()
        assert coming.wait(10), "the download waits for the model"
        return Reader()

    monkeypatch.setattr(store, "download", download)
    assert yolov3.run(video, replace(context(store), start=with_detector(opens))).frames == FRAMES


def test_a_converted_film_is_cut_by_the_frames_of_its_conversion(store, films, tmp_path):
    """A variable rate: 101 frames at 25 per second, then 50 at 12.5, become 201 frames at a constant 25."""
    source = tmp_path / "phone.mkv"
    select = "select='lt(n,101)+mod(n+1,2)'"
    ffmpeg("-i", films["silent"], "-vf", select, "-fps_mode", "passthrough", *H264, source)
    assert probe(source).video.frames == 151
    video = uploaded(store, source)
    manifest = whole_way(video, store, segment_seconds=3)
    assert "variable frame rate" in manifest.converted_because
    assert manifest.detections.frames == FRAMES
    shown = numbers(result(store, video, ".avi", tmp_path))
    assert shown == [n if n < 101 else n // 2 * 2 for n in range(FRAMES)]


# ---------------------------------------------------------------- errors
def test_an_empty_upload_is_named(store, tmp_path):
    (tmp_path / "empty.mkv").write_bytes(b"")
    with pytest.raises(InvalidMediaEmpty, match=r"empty\.mkv"):
        ffmpeg_step.run(uploaded(store, tmp_path / "empty.mkv"), context(store))


def test_segments_that_do_not_fit_lambda_are_not_even_fetched(store, films):
    video = uploaded(store, films["loud"])
    whole_way(video, store, segment_seconds=5)
    store.calls.clear()
    with pytest.raises(LambdaBudgetExceeded, match=r"loud\.mkv and its boxes needs"):
        merge.run(video, replace(context(store), ran_on="lambda", budget=Budget(disk_bytes=100_000)))
    assert video.key not in store.keys("download")
    assert not [key for key in store.keys("download") if key.endswith(".avi")]


def test_detections_that_do_not_fit_lambda_are_not_even_fetched(store, films):
    video = uploaded(store, films["silent"])
    whole_way(video, store)
    store.calls.clear()
    with pytest.raises(LambdaBudgetExceeded, match=r"silent\.mkv and its detections needs"):
        merge.run(video, replace(context(store), ran_on="lambda", budget=Budget(disk_bytes=20_000)))
    assert not store.calls


def test_tracking_that_does_not_end_in_lambdas_time_moves_to_batch(store, films):
    video = uploaded(store, films["silent"])
    whole_way(video, store)
    store.calls.clear()
    with pytest.raises(LambdaBudgetExceeded, match=r"the tracking of the objects in silent\.mkv ran out of time"):
        merge.run(video, replace(context(store), ran_on="lambda", budget=Budget(deadline=time.monotonic())))
    assert not store.keys("upload") + store.keys("copy")


def test_detections_of_a_media_process_that_was_taken_over_are_not_published(store, films, s3):
    video = uploaded(store, films["silent"])
    whole_way(video, store, segment_seconds=5)
    store.calls.clear()
    s3.put_object(Bucket=store.bucket, Key=video.detections(1), Body=b'{"frame": 101, "time": 4.04}\n')
    with pytest.raises(MediaAnswerInvalid, match="detections on frame 101 are not as the detector writes them"):
        merge.run(video, context(store))
    assert not store.keys("upload") + store.keys("copy")


@pytest.mark.parametrize(("seconds", "segments"), [(600, 1), (4, 5)])
def test_joined_recordings_come_out_whole_and_in_sync(store, films, tmp_path, seconds, segments):
    """The Merge step takes the sound from the copy on one clock, where the picture comes from."""
    film = tmp_path / "joined.mkv"
    film.write_bytes(films["loud"].read_bytes() * 2)
    video = uploaded(store, film)
    manifest = whole_way(video, store, segment_seconds=seconds)
    report = store.read(video.media_json, MediaReport)
    assert report.joined == "video/run-1/joined.joined.mkv"
    assert report.plan.segments.count == segments
    assert manifest.input.container == "matroska,webm"
    assert manifest.input.size == film.stat().st_size
    avi = result(store, video, ".avi", tmp_path)
    assert numbers(avi) == [*range(FRAMES), *range(FRAMES)]
    assert heard_at(avi) == [pytest.approx(at, abs=0.03) for at in (1, 7, 9.04, 15.04)]
