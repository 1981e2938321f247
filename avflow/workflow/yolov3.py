"""Draw boxes on every frame, and write down what was detected where."""

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
    """Write the boxed AVI (no sound), the detections and the report of one segment, `context.part`.

    What was written before stays: an array job that is run again does only what is missing.

    Parameters
    ----------
    opener:
        Makes the detector of the model with that name, on a GPU or on whatever there is; `open_model` with the
        precision of the settings when left out.

    Raises
    ------
    ModelUnavailable
        The detector's model is not on this machine.
    GpuUnavailable
        The job has a GPU that can't be used: the CPU doesn't silently do its work.
    FrameCountMismatch
        Not every frame came out; nothing is uploaded.
    """
    timer = StepTimer("yolov3", context)
    store, part, settings = context.store, context.part, context.settings
    with suppress(SourceMissing):
        return SegmentDoneBefore(store.read(video.part_json("yolov3", part), SegmentReport).step)
    models = ModelStore()
    media = store.read(video.media_json, MediaReport)
    where = media.detector_input
    if where is None:
        raise ValueError(f"{video.filename} has no video stream: the state machine skips this step")
    opener = opener or partial(open_model, precision=settings.detector_precision)
    with scratch() as folder, store.transfers() as transfers:
        source, boxed, detections = source_path(folder, video), folder / "boxed.avi", folder / "detections.jsonl"
        coming = transfers.download(where.key, source, where.version_id)  # while the model opens
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
                report=paced(context.report, context.budget, f"boxes on {source.name}"),
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
    )
    store.write(video.part_json("yolov3", part), report)
    return report
