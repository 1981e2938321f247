"""How the later steps share the work, and which of it clearly does not fit Lambda.

What is predicted here only saves a try: a step for which Lambda turns out too small says so itself, within
seconds, and moves to Batch. So only what won't fit by any likely pace or size is sent there at once.
"""

from __future__ import annotations

from collections.abc import Sequence

from avflow.media import Media, VideoStream
from avflow.media.formats import AUDIO_BYTES_PER_SECOND, VIDEO_BYTES_PER_SECOND
from avflow.models.store import ModelStore
from avflow.speech.spans import Span
from avflow.video.segments import Segments
from avflow.workflow.reports import Plan, SegmentPlan, SpanPlan
from avflow.workflow.settings import Settings

#: what template.yaml gives the functions of these two steps: seconds, megabytes of memory, and bytes of /tmp
AUDIO2SRT_LAMBDA_SECONDS = 900
AUDIO2SRT_LAMBDA_MEMORY = 3008
MERGE_LAMBDA_TMP_BYTES = 10240 * 2**20
#: megabytes of memory that come with one vCPU (AWS Lambda Developer Guide, "Configure Lambda function memory")
_MEMORY_OF_VCPU = 1769

#: quiet pictures need less than the bit rate they may have
_LEAST_SHARE_OF_BITRATE = 0.5
#: seconds of a core for a second of speech and a byte of the model: whisper-tiny.en, 78 MB, takes 0.022 on two cores
#: (docs/benchmarks.md), and Whisper's time grows with its weights: whisper-small has six times as many and takes six
#: times as long. That is the best pace: a vCPU of Lambda's is slower rather than quicker, and PocketSphinx far slower
_SPEECH_CORE_SECONDS_PER_BYTE = 2 * 0.022 / 78e6


def make(media: Media, stream: VideoStream | None, spans: Sequence[Span], settings: Settings) -> Plan:
    """The `plan` of media.json.

    Parameters
    ----------
    media:
        The upload.
    stream:
        What the detector reads: the upload's own, or that of its conversion; None without one.
    spans:
        How the sound is cut; none without sound.
    """
    segments = _segments(stream, settings)
    pace = _speech_pace(settings) if spans else 0.0
    return Plan(
        segments=SegmentPlan(segments.count, segments.frames),
        # an array job has two children at least (AWS Batch API Reference, "ArrayProperties")
        array={"Size": segments.count} if segments.count > 1 else {},
        spans=tuple(
            SpanPlan(span.part, span.start, span.end, (span.end - span.start) * pace > AUDIO2SRT_LAMBDA_SECONDS)
            for span in spans
        ),
        merge_on_batch=_merge_bytes(media, stream) > MERGE_LAMBDA_TMP_BYTES,
    )


def segments_of(plan: Plan, stream: VideoStream) -> Segments:
    """The segments of a plan, for who works on one of them."""
    return Segments(plan.segments.count, plan.segments.frames, stream.frames)


def _segments(stream: VideoStream | None, settings: Settings) -> Segments:
    if stream is None:
        return Segments(1, 0, 0)
    return Segments.of(stream.frames, stream.nominal_rate, seconds=settings.segment_seconds, most=settings.max_segments)


def _speech_pace(settings: Settings) -> float:
    """Seconds that Lambda takes for a second of speech, at the best."""
    cores = AUDIO2SRT_LAMBDA_MEMORY / _MEMORY_OF_VCPU
    return ModelStore().describe(settings.speech_model).bytes * _SPEECH_CORE_SECONDS_PER_BYTE / cores


def _merge_bytes(media: Media, stream: VideoStream | None) -> float:
    """The least that the Merge step needs of /tmp: the upload for its sound, the segments, and the result of both."""
    if stream is None:
        return 0.0
    boxed = media.duration * VIDEO_BYTES_PER_SECOND * _LEAST_SHARE_OF_BITRATE
    sound = media.size + media.duration * AUDIO_BYTES_PER_SECOND if media.audio else 0.0
    return 2 * boxed + sound
