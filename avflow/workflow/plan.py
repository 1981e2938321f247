"""Divide the work of the later steps into segments and spans, and send to Batch what clearly exceeds Lambda.

For speech and Merge, this prediction only saves a try on Lambda. A step that turns out to be too large for Lambda
notices it within seconds, and moves to Batch (see `avflow.workflow.entry`). So the plan sends work directly to Batch
only if it exceeds Lambda at the best pace and the smallest size.

YOLOv3 is the other way round: its place is a GPU on Batch. With ShortVideos=lambda the plan sends a video to Lambda if
the cautious pace of `avflow.workflow.paces` says that functions are done before a GPU instance has started.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction

from avflow.media import Media, VideoStream
from avflow.media.formats import AUDIO_BYTES_PER_SECOND, H264_MOST_BYTES_PER_SECOND, VIDEO_BYTES_PER_SECOND
from avflow.models.store import ModelStore
from avflow.results.names import OF_ALL, OF_AUDIO, OF_VIDEO
from avflow.speech.spans import Span
from avflow.video.segments import Segment, Segments
from avflow.workflow import cost, paces
from avflow.workflow.layout import VideoRef
from avflow.workflow.reports import (
    Decisions,
    MediaReport,
    Plan,
    SegmentCount,
    SegmentPlan,
    SpanPlan,
    WorkflowPlan,
)
from avflow.workflow.settings import Settings

#: limits that template.yaml gives the functions of these two steps: time in seconds, memory in MB, /tmp in bytes
AUDIO2SRT_LAMBDA_SECONDS = 900
AUDIO2SRT_LAMBDA_MEMORY = 3008
MERGE_LAMBDA_TMP_BYTES = 10240 * 2**20
YOLOV3_LAMBDA_TMP_BYTES = 10240 * 2**20
#: Seconds in which a function has to be done, as predicted, for a video to be short: until then no fresh GPU instance
#: has begun. Lambda's limit is five times as long, so a core may be five times slower than the cautious pace.
SHORT_SECONDS = cost.INSTANCE_START_SECONDS
#: seconds of detection for which another function is worth its start
_FUNCTION_SECONDS = 15.0

#: The outputs whose addresses are the output of the execution: with all of them, states would not fit on a screen. The
#: manifest lists all.
_ADDRESSED = ("avi", "srt", "mp4", "html")
#: smallest share of the allowed bit rate that a video with little motion takes
_LEAST_SHARE_OF_BITRATE = 0.5
#: core seconds per second of speech and byte of the model. whisper-tiny.en (78 MB) takes 0.022 s per second of speech
#: on two cores (docs/benchmarks.md). Whisper's time grows with its weights: whisper-small has six times as many and
#: takes six times as long. This is the best pace: a vCPU of Lambda is rather slower, and PocketSphinx much slower.
_SPEECH_CORE_SECONDS_PER_BYTE = 2 * 0.022 / 78e6


def make(media: Media, stream: VideoStream | None, spans: Sequence[Span], settings: Settings) -> Plan:
    """The `plan` of media.json.

    Parameters
    ----------
    media:
        The upload.
    stream:
        The video stream that the detector reads, of the upload or of its conversion. None without video.
    spans:
        The spans of the audio. Empty without audio.
    settings:
        Those of the step. Its choices are those for this upload.
    """
    short = _short(media, stream, settings)
    segments = _segments(stream, settings)
    pace = _speech_pace(settings) if spans else 0.0
    return Plan(
        segments=SegmentPlan(segments.count, segments.frames),
        # an array job has at least two children (AWS Batch API Reference, "ArrayProperties")
        array={"Size": segments.count} if segments.count > 1 else {},
        spans=tuple(
            SpanPlan(span.part, span.start, span.end, (span.end - span.start) * pace > AUDIO2SRT_LAMBDA_SECONDS)
            for span in spans
        ),
        # only the image of the job has what draws
        merge_on_batch=_merge_bytes(media, stream) > MERGE_LAMBDA_TMP_BYTES
        or (stream is not None and settings.choices.drawn_late(audio=media.audio is not None)),
        functions=SegmentPlan(short.count, short.frames) if short else None,
    )


def for_the_workflow(video: VideoRef, report: MediaReport) -> WorkflowPlan:
    """What the state machine reads of media.json: what decides its way, and where the results will be."""
    plan = report.plan
    suffixes: dict[str, str] = {}
    for output in (each for each in _ADDRESSED if each in report.choices.outputs):
        suffixes |= OF_VIDEO.get(output, {}) if report.has_video else {}
        suffixes |= OF_AUDIO.get(output, {}) if report.has_audio else {}
        suffixes |= OF_ALL.get(output, {})
    return WorkflowPlan(
        has_audio=report.has_audio,
        has_video=report.has_video,
        plan=Decisions(
            segments=SegmentCount(plan.segments.count, tuple(parts_on_lambda(plan))),
            array=plan.array,
            spans=tuple(span.part for span in plan.spans),
            spans_on_batch=tuple(span.part for span in plan.spans if span.on_batch),
            merge_on_batch=plan.merge_on_batch,
        ),
        results={
            kind: f"s3://{video.bucket}/{video.result(suffix)}"
            for kind, suffix in (suffixes | {"manifest": ".json"}).items()
        },
    )


def parts_on_batch(plan: Plan) -> range:
    """The numbers of the segments of jobs."""
    return range(plan.segments.count)


def parts_on_lambda(plan: Plan) -> range:
    """The numbers of the segments of functions, behind those of jobs: no object of one is taken for the other's."""
    first = plan.segments.count
    return range(first, first + (plan.functions.count if plan.functions else 0))


def segment_of(plan: Plan, stream: VideoStream, part: int) -> Segment:
    """The frames of `stream` in the segment with the number `part`.

    Raises
    ------
    IndexError
        The plan has fewer segments.
    """
    on_lambda = parts_on_lambda(plan)
    if plan.functions is not None and part in on_lambda:
        functions = Segments(plan.functions.count, plan.functions.frames, stream.total_frames)
        return functions.segment(part - on_lambda.start)
    return Segments(plan.segments.count, plan.segments.frames, stream.total_frames).segment(part)


def _segments(stream: VideoStream | None, settings: Settings) -> Segments:
    if stream is None:
        return Segments(1, 0, 0)
    frames, rate = stream.total_frames, stream.nominal_rate
    return Segments.of(frames, rate, seconds=settings.segment_seconds, most=settings.max_segments)


def functions(frames: int, rate: Fraction, pixels: int, model_bytes: int, settings: Settings) -> Segments:
    """The segments of a video for functions, one for each: as many as are worth their start.

    Parameters
    ----------
    frames, rate, pixels:
        The frames of the video, how many are shown in a second, and the size of each.
    model_bytes:
        The size of the detector's weights.
    """
    detection = frames * paces.vcpu_seconds(model_bytes, pixels) / paces.lambda_vcpus(settings.short_videos_memory)
    wanted = max(1, min(settings.max_short_video_functions, math.ceil(detection / _FUNCTION_SECONDS)))
    return Segments.of(frames, rate, seconds=float(frames / rate) / wanted, most=wanted)


def is_short(segments: Segments, pixels: int, model_bytes: int, settings: Settings) -> bool:
    """Whether functions are probably done with these segments before a GPU instance would have started."""
    seconds = paces.on_lambda(segments.frames, pixels, model_bytes, settings.short_videos_memory)
    return seconds <= SHORT_SECONDS


def _short(media: Media, stream: VideoStream | None, settings: Settings) -> Segments | None:
    """The segments of a short video, one for each function. None if it is not short, or goes to Batch anyway."""
    if stream is None or settings.short_videos != "lambda":
        return None
    pixels, model = (
        paces.pixels_worked(stream.width * stream.height, settings.choices.outputs),
        ModelStore().describe(settings.yolov3_model).bytes,
    )
    segments = functions(stream.total_frames, stream.nominal_rate, pixels, model, settings)
    video_bytes = media.duration * VIDEO_BYTES_PER_SECOND
    mp4_bytes = media.duration * H264_MOST_BYTES_PER_SECOND if "mp4" in settings.choices.outputs else 0
    needed = max(media.size, video_bytes) + (video_bytes + mp4_bytes) / segments.count
    fits = needed <= YOLOV3_LAMBDA_TMP_BYTES
    return segments if fits and is_short(segments, pixels, model, settings) else None


def _speech_pace(settings: Settings) -> float:
    """The least seconds that Lambda takes per second of speech."""
    cores = paces.lambda_vcpus(AUDIO2SRT_LAMBDA_MEMORY)
    return ModelStore().describe(settings.speech_model).bytes * _SPEECH_CORE_SECONDS_PER_BYTE / cores


def _merge_bytes(media: Media, stream: VideoStream | None) -> float:
    """The least bytes of /tmp that the Merge step needs: the upload for its audio, the segments, and the result."""
    if stream is None:
        return 0.0
    video_bytes = media.duration * VIDEO_BYTES_PER_SECOND * _LEAST_SHARE_OF_BITRATE
    audio_bytes = media.size + media.duration * AUDIO_BYTES_PER_SECOND if media.audio else 0.0
    return 2 * video_bytes + audio_bytes
