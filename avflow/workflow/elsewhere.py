"""What YOLOv3 cost in a run, and what it would have cost elsewhere, for the manifest."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from avflow.choices import Choices
from avflow.video.segments import Segments
from avflow.workflow import cost, paces, plan
from avflow.workflow.compute import Ec2Compute, FargateCompute, LambdaCompute
from avflow.workflow.reports import SegmentReport
from avflow.workflow.settings import Settings

#: the machines of a stack without parameters
_GPU = Ec2Compute("ec2", cost.DEFAULT_INSTANCE, "spot")
_FARGATE = FargateCompute("fargate", paces.CPU_VCPUS, 8192, 200.0)
#: the key of each service that is in use
_KEY = {"lambda": "lambda", "ec2": "gpu_spot", "fargate": "fargate"}


def yolov3_usd(boxes: Sequence[SegmentReport]) -> dict[str, float]:
    """US dollars of YOLOv3: `as_run` by its seconds, and `lambda`, `gpu_spot`, `fargate` as predicted.

    Where it ran is left out, and `as_run` if a machine's size is unknown. Empty without video.

    Parameters
    ----------
    boxes:
        The reports of all segments.
    """
    if not boxes:
        return {}
    sizes = [report.step.compute for report in boxes]
    found = {key: round(usd, 6) for key, usd in predicted_usd(boxes).items()}
    for size in sizes:
        if size is not None:
            found.pop(_KEY[size.service], None)
    priced = [cost.step_usd(size, report.step.seconds) for size, report in zip(sizes, boxes, strict=True) if size]
    return ({"as_run": round(sum(priced), 6)} if len(priced) == len(boxes) else {}) | found


def predicted_usd(boxes: Sequence[SegmentReport]) -> dict[str, float]:
    """US dollars of YOLOv3 on each kind of machine, for the frames of these segments."""
    frames, rate = sum(report.frames for report in boxes), Fraction(boxes[0].frame_rate)
    width, height = boxes[0].size
    made = Settings(choices=Choices(outputs=tuple(boxes[0].files)))
    return usd_of(frames, rate, width * height, sum(file.bytes for file in boxes[0].model.files), made)


def usd_of(
    frames: int, rate: Fraction, pixels: int, model_bytes: int, settings: Settings | None = None
) -> dict[str, float]:
    """US dollars of YOLOv3 on each kind of machine, for a video of `frames`; the defaults without settings.

    The GPU's own encoder makes the MP4. Elsewhere it costs time of the processor.
    """
    settings = settings or Settings()
    worked = paces.pixels_worked(pixels, settings.choices.outputs)
    short = plan.functions(frames, rate, worked, model_bytes, settings)
    jobs = Segments.of(frames, rate, seconds=settings.segment_seconds, most=settings.max_segments)
    function = LambdaCompute("lambda", settings.short_videos_memory, 10.0)
    seconds = paces.on_lambda(short.frames, worked, model_bytes, settings.short_videos_memory)
    return {
        "lambda": short.count * cost.step_usd(function, seconds),
        "gpu_spot": jobs.count * cost.step_usd(_GPU, paces.on_gpu(jobs.frames, pixels)),
        "fargate": jobs.count * cost.step_usd(_FARGATE, paces.on_fargate(jobs.frames, worked, model_bytes)),
    }
