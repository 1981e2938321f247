"""The plan in media.json: segments, spans, and what goes to Batch directly."""

import json
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest
from samtranslator.yaml_helper import yaml_parse

from avflow.choices import Choices
from avflow.media import probe
from avflow.results.names import ALWAYS, OUTPUTS
from avflow.speech.spans import Span
from avflow.video.segments import Segment
from avflow.workflow import plan
from avflow.workflow.layout import VideoRef
from avflow.workflow.reports import MediaReport, Plan, SegmentPlan, SpanPlan
from avflow.workflow.settings import Settings
from tests import screens

ROOT = Path(__file__).parents[3]
GOLDEN = Path(__file__).with_name("golden")
SAMPLE = ROOT / "samples" / "my_video.mkv"
WHOLE = (Span(0, 0.0, 11.0),)


@pytest.fixture(scope="module")
def media():
    """The sample: 11 s at 10 frames per second."""
    return probe(SAMPLE)


def longer(media, seconds):
    picture = replace(media.video, frames=round(seconds * media.video.nominal_rate))
    return replace(media, duration=float(seconds), size=round(seconds * 1e5), video=picture)


def made(media, spans=WHOLE, **settings):
    return plan.make(media, media.video, spans, Settings(**settings))


def test_a_short_video_is_one_piece(media):
    spans = (SpanPlan(0, 0.0, 11.0, on_batch=False),)
    assert made(media) == Plan(SegmentPlan(1, 110), {}, spans, merge_on_batch=False)


def test_a_long_one_is_an_array(media):
    found = made(longer(media, 3600))
    assert found.segments == SegmentPlan(6, 6000)
    assert found.array == {"Size": 6}


@pytest.mark.parametrize(
    ("settings", "count"),
    [
        ({"segment_seconds": 60}, 16),
        ({"segment_seconds": 60, "max_segments": 100}, 60),
        ({"max_segments": 1}, 1),
        ({"segment_seconds": 4000}, 1),
    ],
)
def test_the_settings_say_how_many_segments(media, settings, count):
    found = made(longer(media, 3600), **settings)
    assert found.segments.count == count
    assert found.array == ({"Size": count} if count > 1 else {})


def test_segments_are_of_what_the_detector_reads(media):
    """A conversion to a constant rate changes the number of frames."""
    converted = replace(media.video, frames=72_000, nominal_rate=Fraction(60))
    found = plan.make(longer(media, 1200), converted, WHOLE, Settings())
    assert found.segments == SegmentPlan(2, 36_000)
    assert plan.segment_of(found, converted, 1) == Segment(36_000, 36_000)


def test_sound_alone_has_no_segments_to_detect(media):
    sound = replace(media, video=None)
    found = plan.make(sound, None, WHOLE, Settings())
    assert (found.segments.count, found.array, found.merge_on_batch) == (1, {}, False)


def test_a_silent_film_has_no_spans(media):
    assert made(replace(media, audio=None), ()).spans == ()


@pytest.mark.parametrize(
    ("seconds", "settings", "on_batch"),
    [
        (600, {"speech_model": "whisper-small"}, False),
        (9 * 3600, {"speech_model": "whisper-tiny.en"}, False),
        (10 * 3600, {"speech_model": "whisper-tiny.en"}, True),
        (1.5 * 3600, {"speech_model": "whisper-small"}, False),
        (1.75 * 3600, {"speech_model": "whisper-small"}, True),
    ],
)
def test_speech_that_lambda_has_no_time_for_goes_to_batch(media, seconds, settings, on_batch):
    spans = (Span(0, 0.0, 1.0), Span(1, 1.0, 1.0 + seconds))
    assert [span.on_batch for span in made(media, spans, **settings).spans] == [False, on_batch]


@pytest.mark.parametrize(
    ("hours", "on_batch"),
    [(1, False), (4, False), (12, True)],
)
def test_a_film_that_lambda_has_no_room_for_is_merged_on_batch(media, hours, on_batch):
    assert made(longer(media, hours * 3600)).merge_on_batch is on_batch


def test_a_silent_film_is_merged_without_its_source(media):
    huge = replace(longer(media, 60), size=20_000_000_000)
    assert made(huge).merge_on_batch is True
    assert made(replace(huge, audio=None), ()).merge_on_batch is False


def test_the_limits_are_the_templates():
    resources = yaml_parse((ROOT / "template.yaml").read_text(encoding="utf-8"))["Resources"]
    merge, audio2srt = (resources[name]["Properties"] for name in ("MergeFunction", "Audio2srtFunction"))
    assert merge["EphemeralStorage"]["Size"] * 2**20 == plan.MERGE_LAMBDA_TMP_BYTES
    assert audio2srt["Timeout"] == plan.AUDIO2SRT_LAMBDA_SECONDS
    assert audio2srt["MemorySize"] == plan.AUDIO2SRT_LAMBDA_MEMORY
    assert resources["Yolov3Function"]["Properties"]["EphemeralStorage"]["Size"] * 2**20 == plan.YOLOV3_LAMBDA_TMP_BYTES


# ---------------------------------------------------------------- short videos
LAMBDA = {"short_videos": "lambda", "yolov3_model": "yolov3", "choices": Choices(outputs=ALWAYS)}


def at_25(media, seconds, **picture):
    """`seconds` of video at 25 frames a second."""
    video = replace(media.video, frames=round(25 * seconds), nominal_rate=Fraction(25), **picture)
    return replace(media, duration=float(seconds), size=round(seconds * 6e5), video=video)


@pytest.mark.parametrize(
    ("seconds", "settings", "functions"),
    [
        (0.2, {}, SegmentPlan(1, 5)),
        (1, {}, SegmentPlan(2, 13)),
        (10, {}, SegmentPlan(8, 32)),  # 40 s
        (57, {}, SegmentPlan(8, 179)),  # 178 s
        (58, {}, None),  # 181 s: a GPU instance has started before
        (56, {"choices": Choices(outputs=OUTPUTS)}, SegmentPlan(8, 175)),  # an MP4 takes a little longer
        (57, {"choices": Choices(outputs=OUTPUTS)}, None),
        (60, {"short_videos_memory": 10240}, SegmentPlan(8, 188)),  # 62 s
        (60, {"short_videos_memory": 10240, "max_short_video_functions": 40}, SegmentPlan(28, 54)),
        (600, {"short_videos_memory": 10240, "max_short_video_functions": 40}, SegmentPlan(40, 375)),
        (3600, {"short_videos_memory": 10240, "max_short_video_functions": 40}, None),
        (57, {"max_short_video_functions": 1}, None),
        (360, {"yolov3_model": "yolov3-tiny"}, SegmentPlan(8, 1125)),
        (480, {"yolov3_model": "yolov3-tiny"}, None),
        (10, {"short_videos": "batch"}, None),
    ],
)
def test_a_video_is_short_if_functions_are_done_before_a_gpu_has_started(media, seconds, settings, functions):
    found = made(at_25(media, seconds), **{**LAMBDA, **settings})
    assert found.functions == functions
    without = made(at_25(media, seconds), **{**LAMBDA, **settings, "short_videos": "batch"})
    assert replace(found, functions=None) == without, "what Lambda can't do is a video like all others"


def test_the_segments_of_functions_are_numbered_behind_those_of_jobs(media):
    video = at_25(media, 10)
    found = made(video, **LAMBDA, segment_seconds=4)
    assert (plan.parts_on_batch(found), plan.parts_on_lambda(found)) == (range(3), range(3, 11))
    segments = [plan.segment_of(found, video.video, part) for part in range(11)]
    for parts in segments[:3], segments[3:]:
        assert parts[0].first == 0
        assert sum(part.frames for part in parts) == 250
    assert segments[4] == Segment(32, 32)
    with pytest.raises(IndexError):
        plan.segment_of(found, video.video, 11)


def test_frames_that_take_longer_than_the_network_count_by_their_size(media):
    big = {"width": 15360, "height": 8640}
    assert made(at_25(media, 30), **LAMBDA).functions
    assert not made(at_25(media, 30, **big), **LAMBDA).functions


def test_a_short_video_that_does_not_fit_into_tmp_goes_to_batch(media):
    huge = replace(at_25(media, 10), size=plan.YOLOV3_LAMBDA_TMP_BYTES)
    assert (made(huge, **LAMBDA).segments, made(huge, **LAMBDA).functions) == (SegmentPlan(1, 250), None)


def test_sound_alone_is_no_short_video(media):
    assert not plan.make(replace(media, video=None), None, WHOLE, Settings(**LAMBDA)).functions


# ---------------------------------------------------------------- what the state machine reads
VIDEO = VideoRef("bucket", "start/dir/sample.mkv", "sample-mkv-1", "v1", 1, "result/dir/sample")


@pytest.fixture
def report():
    """The report of the FFmpeg step on the sample."""
    return MediaReport.from_dict(json.loads((GOLDEN / "media.json").read_text(encoding="utf-8")))


@pytest.mark.parametrize(
    ("has_audio", "has_video", "kinds"),
    [
        (True, True, {"video": ".avi", "detections": ".detections.jsonl", "subtitles": ".srt", "manifest": ".json"}),
        (True, False, {"subtitles": ".srt", "manifest": ".json"}),
        (False, True, {"video": ".avi", "detections": ".detections.jsonl", "manifest": ".json"}),
    ],
)
def test_the_state_machine_learns_which_results_there_will_be(report, has_audio, has_video, kinds):
    found = plan.for_the_workflow(VIDEO, replace(report, has_audio=has_audio, has_video=has_video))
    assert (found.has_audio, found.has_video) == (has_audio, has_video)
    assert found.results == {kind: f"s3://bucket/result/dir/sample{suffix}" for kind, suffix in kinds.items()}


def test_the_output_of_an_execution_has_the_mp4_if_it_is_wanted(report):
    found = plan.for_the_workflow(VIDEO, replace(report, choices=Choices(outputs=OUTPUTS)))
    assert [*found.results] == ["video", "detections", "subtitles", "mp4", "page", "manifest"]
    assert found.results["mp4"] == "s3://bucket/result/dir/sample.mp4"


def test_the_state_machine_gets_what_decides_its_way_and_no_more(report):
    report = replace(report, choices=Choices(outputs=OUTPUTS))
    spans = tuple(SpanPlan(part, 600.0 * part, 600.0 * (part + 1), on_batch=part == 2) for part in range(8))
    long = replace(report, plan=Plan(SegmentPlan(16, 9000), {"Size": 16}, spans, merge_on_batch=True))
    found = plan.for_the_workflow(VIDEO, long).to_dict()
    assert found["plan"] == {
        "segments": {"count": 16},
        "array": {"Size": 16},
        "spans": [0, 1, 2, 3, 4, 5, 6, 7],
        "spans_on_batch": [2],
        "merge_on_batch": True,
    }
    assert screens.lines(json.dumps(found)) < screens.LINES


def test_the_state_machine_gets_the_segments_of_a_short_video(report):
    short = replace(report, plan=replace(report.plan, functions=SegmentPlan(3, 40)))
    assert plan.for_the_workflow(VIDEO, short).to_dict()["plan"]["segments"] == {"count": 1, "on_lambda": [1, 2, 3]}


@pytest.mark.parametrize(
    ("choices", "on_batch", "silent_on_batch"),
    [
        (Choices(), False, False),
        (Choices(labels="track"), True, True),
        (Choices(subtitles="burnt"), True, False),
    ],
    ids=["early", "track", "burnt"],
)
def test_a_merge_that_draws_goes_to_batch(media, choices, on_batch, silent_on_batch):
    assert made(media, choices=choices).merge_on_batch == on_batch
    assert made(replace(media, audio=None), (), choices=choices).merge_on_batch == silent_on_batch
    assert not made(replace(media, video=None), choices=choices).merge_on_batch
