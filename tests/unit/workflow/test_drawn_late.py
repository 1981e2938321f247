"""Boxes that Merge draws, because the tracks or the subtitles are known only then: through all steps."""

from __future__ import annotations

import time
from dataclasses import replace
from fractions import Fraction
from itertools import count

import av
import cv2
import numpy as np
import pytest

from avflow.choices import Choices
from avflow.errors import FrameCountMismatch, LambdaBudgetExceeded, MemoryExhausted, SourceMissing
from avflow.isolation.permissions import font_folders
from avflow.media_work import merge as merge_work
from avflow.results.names import ALWAYS, OUTPUTS
from avflow.speech.transcript import Word
from avflow.workflow import ffmpeg as ffmpeg_step
from avflow.workflow import merge, plan, yolov3
from avflow.workflow.budget import Budget
from avflow.workflow.context import StepContext
from avflow.workflow.isolating import start
from avflow.workflow.layout import RESULT_SUFFIXES, VideoRef
from avflow.workflow.reports import SegmentDoneBefore
from avflow.workflow.settings import Settings
from avflow.workflow.storage import ObjectStore
from tests.in_process import with_detector
from tests.media_samples import H264, NUMBERED, beeps, ffmpeg, heard_at, lavfi, numbers, rgb_frames
from tests.number_reader import NumberReader
from tests.reports import span_report

SETTINGS = Settings(yolov3_model="yolov3-tiny", speech_model="whisper-tiny.en")
FRAMES = 61
RUNS = count()
BURNT = Choices(subtitles="burnt")
TRACK = Choices(labels="track")
VIDEOS = (".avi", ".mp4", ".jpg", ".contact.jpg")

needs_fonts = pytest.mark.skipif(not font_folders(), reason="this machine has no fonts")


class Still(NumberReader):
    """One object that stays where it is, below the number."""

    engine = "still"

    def postprocess(self, heads, frame_size):
        (found,) = super().postprocess(heads, frame_size)
        return [replace(found, class_name="dog", box=(20.0, 80.0, 60.0, 40.0))]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Films of 61 numbered frames at 30000/1001 a second, large enough for labels."""
    folder = tmp_path_factory.mktemp("late")
    ffmpeg(*lavfi(NUMBERED.format(rate="30000/1001")), "-frames:v", str(FRAMES), *H264, folder / "silent.mkv")
    sound = lavfi(beeps((0.5, 1.8), 2.04))
    ffmpeg("-i", folder / "silent.mkv", *sound, "-c:v", "copy", "-c:a", "pcm_s16le", folder / "loud.mkv")
    turned = ("-display_rotation", "180", "-i", folder / "loud.mkv", "-c", "copy", folder / "turned.mkv")
    ffmpeg(*turned)
    return folder


@pytest.fixture
def store(bucket, s3):
    return ObjectStore(bucket, s3)


class Run:
    """All steps on one film."""

    def __init__(self, store, path, choices, text="", **settings):
        self.store, self.video = store, VideoRef(store.bucket, f"start/{path.name}", f"run-{next(RUNS)}")
        store.upload(path, self.video.key)
        of_stack = replace(SETTINGS, choices=choices, **settings)
        self.context = StepContext(store, "batch", settings=of_stack, start=with_detector(Still))
        self.media = ffmpeg_step.run(self.video, self.context)
        self.context = replace(self.context, settings=replace(of_stack, choices=Choices()))  # others have none
        for span in self.media.plan.spans:
            words = [Word(0.5, 0.9, text, 0.75)] if text else []
            said = span_report(*words, seconds=span.end - span.start)
            store.write(self.video.part_json("audio2srt", span.part), said)
        parts = range(self.media.plan.segments.count)
        self.segments = [yolov3.run(self.video, replace(self.context, part=part)) for part in parts]

    def merged(self, folder, **context):
        """The manifest, and the results by suffix."""
        manifest = merge.run(self.video, replace(self.context, **context)).manifest
        results = {}
        for suffix in RESULT_SUFFIXES:
            if self.video.result(suffix) in manifest.results:
                results[suffix] = folder / f"{self.video.execution}{suffix}"
                self.store.download(self.video.result(suffix), results[suffix])
        return manifest, results


def differing(one, other, size=(160, 128)):
    """How many pixels differ on each frame."""
    frames = (rgb_frames(path, *size).astype(int) for path in (one, other))
    return [int((abs(a - b).max(axis=2) > 60).sum()) for a, b in zip(*frames, strict=True)]


def streams(path):
    with av.open(str(path)) as container:
        return [stream.type for stream in container.streams]


# ---------------------------------------------------------------- the same as at once
@pytest.mark.parametrize("name", ["loud.mkv", "turned.mkv"])
def test_with_nothing_new_to_draw_the_results_are_the_same_bytes(store, folder, tmp_path, name):
    """Nobody speaks, so burnt subtitles only move the drawing to Merge. The turned film is converted first."""
    _, early = Run(store, folder / name, Choices()).merged(tmp_path)
    run = Run(store, folder / name, BURNT)
    assert [set(segment.files) for segment in run.segments] == [{"detections"}]
    manifest, late = run.merged(tmp_path)
    assert set(early) == set(late)
    assert [suffix for suffix in late if late[suffix].read_bytes() != early[suffix].read_bytes()] == [".html"]
    assert manifest.choices["subtitles"].to_dict() == {"value": "burnt", "from": "stack"}
    assert not manifest.warnings


def test_without_audio_burnt_subtitles_do_nothing(store, folder, tmp_path):
    run = Run(store, folder / "silent.mkv", BURNT)
    assert set(run.segments[0].files) == {"avi", "detections", "mp4", "pictures"}
    manifest, _ = run.merged(tmp_path)
    assert not manifest.warnings


# ---------------------------------------------------------------- tracks
@pytest.mark.parametrize("name", ["loud.mkv", "silent.mkv"])
def test_the_label_is_the_same_across_the_seams(store, folder, tmp_path, name):
    manifest, tracked = Run(store, folder / name, TRACK, segment_seconds=1).merged(tmp_path)
    assert len([step for step in manifest.steps if step.name == "yolov3"]) == 3
    assert manifest.detections.unique == {"dog": 1}
    assert (numbers(tracked[".avi"]), numbers(tracked[".mp4"])) == ([*range(FRAMES)], [*range(FRAMES)])
    with av.open(str(tracked[".mp4"])) as container:
        times = [frame.pts * frame.time_base for frame in container.decode(video=0)]
    assert times == [number / Fraction(30000, 1001) for number in range(FRAMES)]
    assert streams(tracked[".avi"]) == (["video", "audio"] if name == "loud.mkv" else ["video"])
    if name == "loud.mkv":
        assert heard_at(tracked[".avi"]) == [pytest.approx(at, abs=0.002) for at in (0.5, 1.8)]
    _, plain = Run(store, folder / name, Choices(labels="class")).merged(tmp_path)
    for suffix in (".avi", ".mp4"):
        changed = differing(tracked[suffix], plain[suffix])
        assert min(changed) > 10, "each frame shows the number"
    films = [rgb_frames(film[".mp4"], 160, 128).astype(int) for film in (tracked, plain)]
    longer = (abs(films[0][0] - films[1][0]).max(axis=2) > 60).astype(np.uint8)
    inside = cv2.erode(longer, np.ones((3, 3), np.uint8)) > 0  # without the edge, into which the columns beside it blur
    assert inside.sum() > 10
    shown = [frame.mean(axis=2)[inside] for frame in films[0]]
    assert max(abs(one - shown[0]).mean() for one in shown) < 20, "the same number"


def test_interpolated_boxes_have_the_number_too(store, folder, tmp_path):
    choices = Choices(labels="track", detect_every=5)
    _, tracked = Run(store, folder / "silent.mkv", choices).merged(tmp_path)
    _, plain = Run(store, folder / "silent.mkv", Choices(labels="class", detect_every=5)).merged(tmp_path)
    assert min(differing(tracked[".avi"], plain[".avi"])) > 10


def test_only_what_is_wanted_is_drawn(store, folder, tmp_path):
    _, results = Run(store, folder / "loud.mkv", replace(TRACK, outputs=ALWAYS)).merged(tmp_path)
    assert set(results) == {".avi", ".srt", ".detections.jsonl"}
    assert numbers(results[".avi"]) == [*range(FRAMES)]
    assert set(Run(store, folder / "loud.mkv", replace(TRACK, outputs=OUTPUTS)).merged(tmp_path)[1]) >= {*VIDEOS}


def test_a_short_video_of_functions_and_a_second_try_of_a_segment_are_drawn(store, folder, tmp_path):
    run = Run(store, folder / "silent.mkv", TRACK, short_videos="lambda")
    (part,) = plan.parts_on_lambda(run.media.plan)
    on_lambda = replace(run.context, part=part)
    assert set(yolov3.run(run.video, on_lambda).files) == {"detections"}
    assert isinstance(yolov3.run(run.video, on_lambda), SegmentDoneBefore)
    _, results = run.merged(tmp_path)
    assert numbers(results[".mp4"]) == [*range(FRAMES)]


# ---------------------------------------------------------------- subtitles
@needs_fonts
def test_burnt_subtitles_are_in_all_videos_and_nowhere_twice(store, folder, tmp_path):
    manifest, burnt = Run(store, folder / "loud.mkv", BURNT, "HELLO", segment_seconds=1).merged(tmp_path)
    _, soft = Run(store, folder / "loud.mkv", Choices(), "HELLO").merged(tmp_path)
    assert not manifest.warnings
    assert (streams(burnt[".mp4"]), streams(soft[".mp4"])) == (["video", "audio"], ["video", "audio", "subtitle"])
    for suffix in (".srt", ".vtt", ".txt", ".jpg", ".contact.jpg"):
        assert burnt[suffix].read_bytes() == soft[suffix].read_bytes()
    assert '"burnt":true' in burnt[".html"].read_text()
    assert '"burnt":false' in soft[".html"].read_text()
    for suffix in (".avi", ".mp4"):
        changed = differing(burnt[suffix], soft[suffix])
        shown = [number for number, pixels in enumerate(changed) if pixels > 30]
        assert shown == [number for number in range(FRAMES) if 0.5 <= number * 1001 / 30000 + 0.0005 < 1.2]


@needs_fonts
def test_what_no_font_has_is_a_warning_that_the_page_shows(store, folder, tmp_path):
    manifest, results = Run(store, folder / "loud.mkv", BURNT, "a \U000f1234 b").merged(tmp_path)
    (notice,) = manifest.warnings
    assert notice.name == "SubtitlesWithoutFont"
    assert "1 characters" in notice.message
    assert "Subtitles=soft" in notice.message
    assert "SubtitlesWithoutFont" in results[".html"].read_text()


def test_without_any_font_the_warning_says_so(store, folder, tmp_path, monkeypatch):
    monkeypatch.setattr("avflow.workflow.rendering.font_folders", list)
    manifest, _ = Run(store, folder / "loud.mkv", BURNT, "HELLO").merged(tmp_path)
    (notice,) = manifest.warnings
    assert "no fonts" in notice.message


@needs_fonts
def test_the_isolated_process_can_read_the_fonts(store, folder, tmp_path):
    run = Run(store, folder / "loud.mkv", replace(BURNT, labels="track"), "HELLO")
    manifest, isolated = run.merged(tmp_path, start=start)
    assert not manifest.warnings
    (isolation,) = [step.isolation for step in manifest.steps if step.name == "merge"]
    assert isolation.process
    _, plain = Run(store, folder / "loud.mkv", replace(BURNT, labels="track"), "HELLO").merged(tmp_path)
    for suffix in VIDEOS:
        assert isolated[suffix].read_bytes() == plain[suffix].read_bytes()


# ---------------------------------------------------------------- limits and faults
def nothing_is_published(run):
    for key in map(run.video.result, (*RESULT_SUFFIXES, ".json")):
        with pytest.raises(SourceMissing):
            run.store.size(key)
    return True


def test_drawing_is_not_for_lambda(store, folder):
    """The plan sends it to Batch. A function that is asked all the same says so before it reads a frame."""
    run = Run(store, folder / "loud.mkv", TRACK)
    assert run.media.plan.merge_on_batch
    context = replace(run.context, ran_on="lambda", budget=Budget(deadline=time.monotonic() + 900))
    with pytest.raises(LambdaBudgetExceeded, match=r"the drawing of the boxes on loud\.mkv needs OpenCV and fonts"):
        merge.run(run.video, context)
    assert nothing_is_published(run)


def test_a_media_process_that_dies_while_it_draws_publishes_nothing(store, folder, tmp_path):
    def dying(tasks, place, settings, budget, **options):
        return start("tests.unit.workflow.dying_merge", place, settings, budget, **options)

    run = Run(store, folder / "loud.mkv", TRACK)
    with pytest.raises(MemoryExhausted, match="at the task render"):
        merge.run(run.video, replace(run.context, start=dying))
    assert nothing_is_published(run)
    assert numbers(run.merged(tmp_path)[1][".avi"]) == [*range(FRAMES)], "a second try does it"


def test_a_film_with_fewer_frames_than_detected_is_an_error(store, folder, monkeypatch):
    run = Run(store, folder / "silent.mkv", TRACK)
    real = merge_work.Tasks.render
    monkeypatch.setattr(merge_work.Tasks, "render", lambda *asked: replace(real(*asked), frames=FRAMES - 1))
    with pytest.raises(FrameCountMismatch, match="should have 61 frames, but 60 were drawn"):
        merge.run(run.video, run.context)
