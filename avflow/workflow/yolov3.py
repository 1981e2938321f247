"""Detect objects on every frame of one segment, draw their boxes, and write the detections."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing, suppress
from functools import partial

from avflow.annotation.pipeline import annotate_video
from avflow.detection import Detector, Device, open_model
from avflow.errors import SourceMissing
from avflow.media.contract import fraction_text
from avflow.models.store import ModelStore
from avflow.workflow.context import StepContext, StepTimer, paced, scratch, source_path
from avflow.workflow.layout import VideoRef
from avflow.workflow.plan import segments_of
from avflow.workflow.reports import MediaReport, ModelEntry, SegmentDoneBefore, SegmentReport

Opener = Callable[[str, ModelStore, Device], Detector]


def run(video: VideoRef, context: StepContext, opener: Opener | None = None) -> SegmentReport | SegmentDoneBefore:
    """Write the annotated AVI (without audio), the detections and the report of segment `context.part`.

    A segment that has a report is done and stays as it is. So a second run of an array job does only what is missing.

    Parameters
    ----------
    opener:
        Opens the detector of a named model on a device. By default `open_model` with the precision of the settings.

    Raises
    ------
    ModelUnavailable
        The detector's model is not on this machine.
    GpuUnavailable
        The job has a GPU that does not work. It does not silently fall back to the CPU.
    FrameCountMismatch
        The output does not have every frame. Nothing is uploaded.
    """
    timer = StepTimer("yolov3", context)
    store, part, settings = context.store, context.part, context.settings
    with suppress(SourceMissing):
        return SegmentDoneBefore(store.read(video.part_json("yolov3", part), SegmentReport).step)
    models = ModelStore()
    media = store.read(video.media_json, MediaReport)
    where = media.detector_input
    if where is None:
        raise ValueError(f"{video.shown_name} has no video stream: the state machine skips this step")
    opener = opener or partial(open_model, precision=settings.detector_precision)
    with scratch() as folder, store.transfers() as transfers:
        source, boxed, detections = source_path(folder, video), folder / "boxed.avi", folder / "detections.jsonl"
        coming = transfers.download(where.key, source, where.version_id)  # while the model loads
        with closing(opener(settings.yolov3_model, models, "gpu" if settings.has_gpu else "auto")) as detector:
            coming.result()
            done = annotate_video(
                source,
                where.stream,
                detector,
                boxed,
                detections,
                segment=segments_of(media.plan, where.stream).segment(part),
                hardware=settings.has_gpu,
                report=paced(context.report, context.budget, f"the detection on {source.name}"),
            )
            engine = detector.engine
        transfers.upload(boxed, video.boxed(part))
        transfers.upload(detections, video.detections(part))
    report = SegmentReport(
        frames=done.frames,
        objects=done.objects,
        frames_with=done.frames_with,
        damaged_frames=done.damaged_frames,
        frame_rate=fraction_text(where.stream.nominal_rate),
        size=(where.stream.width, where.stream.height),
        engine=engine,
        model=ModelEntry.of("detector", models.describe(settings.yolov3_model)),
        step=timer.record(),
        notices=done.notices,
    )
    store.write(video.part_json("yolov3", part), report)
    return report
