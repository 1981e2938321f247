"""Made-up reports of the steps."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from avflow.choices import Choices
from avflow.media import AudioStream, Media, VideoStream
from avflow.results.names import ALWAYS
from avflow.speech import Transcript, Utterance, Word
from avflow.workflow import cost
from avflow.workflow.compute import Compute, Ec2Compute, FargateCompute, LambdaCompute
from avflow.workflow.reports import (
    DetectorInput,
    Manifest,
    MediaReport,
    ModelEntry,
    Plan,
    SegmentPlan,
    SegmentReport,
    Source,
    SpanPlan,
    SpanReport,
    StepRecord,
)

LAMBDA = LambdaCompute("lambda", 3072, 10.5)
FARGATE = FargateCompute("fargate", 4.0, 8192, 200.0)
SPOT = Ec2Compute("ec2", "g4dn.xlarge", "spot")

VIDEO = VideoStream(
    index=0,
    codec="h264",
    width=768,
    height=576,
    display_width=768,
    display_height=576,
    pixel_format="yuv420p",
    bit_depth=8,
    rotation=0,
    sample_aspect_ratio=Fraction(1),
    interlaced=False,
    hdr=False,
    color_transfer="unknown",
    color_space="unknown",
    average_rate=Fraction(25),
    nominal_rate=Fraction(25),
    constant_rate=True,
    frames=250,
    start_time=0.0,
)
WHOLE = SegmentPlan(1, 0)
AUDIO = AudioStream(index=1, codec="aac", channels=2, rate=44_100, tracks=1, start_time=0.0)


def media(size: int, duration: float, video: VideoStream | None = VIDEO, audio: AudioStream | None = AUDIO) -> Media:
    """The description of a file of `size` bytes and `duration` seconds."""
    return Media("matroska,webm", size, duration, True, video, audio)


def step(name: str, seconds: float = 1.0, compute: Compute | None = None) -> StepRecord:
    """The record of a step."""
    return StepRecord(name, "batch", compute, "2026-11-22T12:00:00.000Z", seconds)


def media_report(
    found: Media | None = None, spans: Sequence[tuple[float, float]] = (), segments: SegmentPlan = WHOLE
) -> MediaReport:
    """The FFmpeg step's report on a file that needs no conversion. `spans` are (start, end) in seconds."""
    found = found or media(1000, 1.0, None, None)
    plans = tuple(SpanPlan(part, start, end, False) for part, (start, end) in enumerate(spans))
    stream = DetectorInput("start/film.mkv", None, found.video) if found.video else None
    plan = Plan(segments, {"Size": segments.count} if segments.count > 1 else {}, plans, False)
    return MediaReport(
        bool(spans), found.video is not None, found, (), stream, plan, step("ffmpeg"), choices=Choices(outputs=ALWAYS)
    )


def span_report(*words: Word, seconds: float) -> SpanReport:
    """The audio2srt step's report on a span that contains these words."""
    said = Transcript((Utterance(words),) if words else (), seconds, "en" if words else None)
    return SpanReport(
        said.language, seconds, ModelEntry("speech", "whisper-tiny.en", "whisper", ()), step("audio2srt"), said
    )


def segment_report(frames: int) -> SegmentReport:
    """The YOLOv3 step's report on a segment without detections."""
    return SegmentReport(
        frames=frames,
        objects={},
        frames_with={},
        frame_rate="25/1",
        size=(768, 576),
        engine="none",
        model=ModelEntry("detector", "yolov3-tiny", "yolov3", ()),
        step=step("yolov3"),
    )


def manifest(steps: Sequence[StepRecord]) -> Manifest:
    """The manifest of a run with these steps."""
    found = media(1000, 1.0)
    price = cost.estimate(steps, found, on_aws=True, converted=False)
    source = Source("bucket", "start/film.mkv", None)
    return Manifest(1, "run-1", source, found, (), (), {}, None, None, tuple(steps), price)
