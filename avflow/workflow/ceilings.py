"""What a run will cost, known after the probe, against the setting MAX_RUN_COST: checked before any Batch job.

The estimate is a forecast with cautious paces (docs/scaling.md), priced by `avflow.workflow.cost`. It is there to stop
a file that announces days of film, not to tell cents.
"""

from __future__ import annotations

from fractions import Fraction

from avflow.errors import MaxRunCostExceeded
from avflow.media import Media, conversion_reasons
from avflow.media.rates import conversion_rate
from avflow.models.store import ModelStore
from avflow.video.segments import Segments
from avflow.workflow import cost, paces, plan
from avflow.workflow.compute import Compute, Ec2Compute, FargateCompute, LambdaCompute
from avflow.workflow.reports import StepRecord
from avflow.workflow.settings import Settings

#: seconds of the other steps for a second of sound or film, and their start
_SPEECH_PACE, _AUDIO_PACE, _MERGE_PACE, _START = 0.3, 0.01, 0.03, 8.0
#: bytes a second that the FFmpeg step downloads and reads
_BYTES_A_SECOND = 50e6
#: the sizes of template.yaml; a step that takes longer than Lambda allows runs on Batch
_LAMBDA, _LAMBDA_SECONDS = LambdaCompute("lambda", 3008, 10.0), 900.0
_MEDIA_JOB, _DETECTOR_JOB = FargateCompute("fargate", 4, 8192, 200), FargateCompute("fargate", 4, 8192, 200)
_DETECTOR_INSTANCE = Ec2Compute("ec2", cost.DEFAULT_INSTANCE, "on demand")


def require_affordable(name: str, media: Media, settings: Settings) -> None:
    """Refuse an upload whose run would probably cost more than the setting MAX_RUN_COST.

    Parameters
    ----------
    name:
        The name of the upload, for the error.

    Raises
    ------
    MaxRunCostExceeded
    """
    usd = expected_usd(media, settings)
    if usd > settings.max_run_cost:
        frames = f" with {_frames(media)} frames" if media.video else ""
        raise MaxRunCostExceeded(
            f"{name} ({media.duration / 3600:.1f} h{frames}) would cost about {usd:.2f} US dollars, "
            f"and MaxRunCost is {settings.max_run_cost:g}"
        )


def require_affordable_size(name: str, size: int, settings: Settings) -> None:
    """Refuse an upload of `size` bytes if only to read it in a Batch job costs more than MAX_RUN_COST.

    Raises
    ------
    MaxRunCostExceeded
    """
    usd = cost.step_usd(_MEDIA_JOB, size / _BYTES_A_SECOND)
    if size / _BYTES_A_SECOND > _LAMBDA_SECONDS and usd > settings.max_run_cost:
        raise MaxRunCostExceeded(
            f"{name} ({size} bytes) would cost about {usd:.2f} US dollars to read, "
            f"and MaxRunCost is {settings.max_run_cost:g}"
        )


def expected_usd(media: Media, settings: Settings) -> float:
    """US dollars that the run will cost on AWS, where it runs longest: on demand, and on the CPU if that may be."""
    steps = _steps(media, settings)
    converted = bool(conversion_reasons(media))
    late = settings.choices.drawn_late(audio=media.audio is not None)
    outputs = settings.choices.outputs
    return cost.estimate(steps, media, on_aws=True, converted=converted, outputs=outputs, drawn_late=late).usd


def _steps(media: Media, settings: Settings) -> list[StepRecord]:
    video, seconds = media.video, media.duration
    steps = [_on_lambda("ffmpeg", _START + _AUDIO_PACE * seconds + media.size / _BYTES_A_SECOND + _conversion(media))]
    if media.audio is not None:
        spans = min(settings.max_spans, max(1, round(seconds / settings.speech_span_seconds)))
        steps += [_on_lambda("audio2srt", _START + _SPEECH_PACE * seconds / spans)] * spans
    if video is not None:
        frames, pixels = _frames(media), paces.pixels_worked(video.width * video.height, settings.choices.outputs)
        rate = Fraction(frames) / Fraction(max(seconds, 1.0))
        segments = Segments.of(frames, rate, seconds=settings.segment_seconds, most=settings.max_segments).count
        on_gpu = settings.detector_compute == "gpu"
        pace = max(1 / (paces.GPU_FPS if on_gpu else paces.CPU_FPS), pixels * paces.PIXEL_SECONDS)
        machine = _DETECTOR_INSTANCE if on_gpu else _DETECTOR_JOB
        steps += [_record("yolov3", machine, _START + pace * frames / segments)] * segments
        steps += _short(frames, rate, pixels, settings)
    return [*steps, _merge(media, settings)]


def _merge(media: Media, settings: Settings) -> StepRecord:
    """Joining costs little. Drawing, if Merge does it, takes about as long as it would with the detection."""
    record = _on_lambda("merge", _START + _MERGE_PACE * media.duration)
    if media.video is None or not settings.choices.drawn_late(audio=media.audio is not None):
        return record
    work = _frames(media), paces.pixels_worked(media.video.width * media.video.height, settings.choices.outputs)
    return _record("merge", _MEDIA_JOB, record.seconds + paces.to_render(*work, _MEDIA_JOB.vcpus))


def _short(frames: int, rate: Fraction, pixels: int, settings: Settings) -> list[StepRecord]:
    """The functions of a short video, besides its jobs: the last function may find that it is too slow."""
    if settings.short_videos != "lambda":
        return []
    model = ModelStore().describe(settings.yolov3_model).bytes
    segments = plan.functions(frames, rate, pixels, model, settings)
    if not plan.is_short(segments, pixels, model, settings):
        return []
    memory = settings.short_videos_memory
    record = _record(
        "yolov3", LambdaCompute("lambda", memory, 10.0), paces.on_lambda(segments.frames, pixels, model, memory)
    )
    return [record] * segments.count


def _frames(media: Media) -> int:
    """The frames that YOLOv3 gets."""
    video = media.video
    if video is None:
        return 0
    if not conversion_reasons(media):
        return video.total_frames
    return max(1, round(media.duration * float(conversion_rate(video))))


def _conversion(media: Media) -> float:
    """Seconds of the conversion, if there is one."""
    if media.video is None or not conversion_reasons(media):
        return 0.0
    return _frames(media) * media.video.width * media.video.height * paces.PIXEL_SECONDS


def _on_lambda(name: str, seconds: float) -> StepRecord:
    """A step on Lambda, or on Batch if it takes too long for that."""
    return _record(name, _LAMBDA if seconds <= _LAMBDA_SECONDS else _MEDIA_JOB, seconds)


def _record(name: str, machine: Compute, seconds: float) -> StepRecord:
    return StepRecord(name, "lambda" if isinstance(machine, LambdaCompute) else "batch", machine, "", seconds)
