"""Detect objects on every frame of one segment, draw their boxes, and write the detections.

If Merge draws the boxes (`MediaReport.drawn_late`), this step only detects.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from avflow.annotation.labels import LabelStyle
from avflow.errors import MediaWorkFailed, SourceMissing
from avflow.isolation.time_limit import TimeLimit
from avflow.isolation.workplace import Workplace, workplace
from avflow.media.contract import fraction_text
from avflow.media_work.loading import load_detector
from avflow.media_work.requests import Annotate, DescribeGpu, LoadDetector
from avflow.models.store import ModelStore
from avflow.video.segments import Segment
from avflow.workflow.choosing import Chosen, with_known_classes
from avflow.workflow.context import StepContext, StepTimer, paced
from avflow.workflow.layout import VideoRef
from avflow.workflow.observability import count_fallback, log_gpu
from avflow.workflow.plan import segment_of
from avflow.workflow.publishing import sum_of
from avflow.workflow.reports import FileSum, MediaReport, ModelEntry, SegmentDoneBefore, SegmentReport
from avflow.workflow.source import ComingSource, begun, suits_ranges
from avflow.workflow.storage import Transfers

#: seconds; a driver that never answers what GPU there is would keep the job until its time-out
_DRIVER_SECONDS = 120.0


def run(
    video: VideoRef, context: StepContext, tasks: str = "avflow.media_work.yolov3"
) -> SegmentReport | SegmentDoneBefore:
    """Write the annotated AVI and MP4 (without audio), the detections, pictures and report of segment `context.part`.

    A segment that has a report is done and stays as it is. So a second run of an array job does only what is missing.

    Parameters
    ----------
    tasks:
        The module whose class `Tasks` does the media work.

    Raises
    ------
    ModelUnavailable
        The detector's model is not on this machine.
    GpuUnavailable
        The job has a GPU that does not work. It does not silently fall back to the CPU.
    SettingInvalid, MetadataInvalid
        The detector has classes of its own, and lacks one that was chosen. The FFmpeg step knows only COCO's.
    LambdaBudgetExceeded
        The segment would not be done in Lambda's time.
    FrameCountMismatch
        The output does not have every frame. Nothing is uploaded.
    MediaWorkFailed, MediaAnswerInvalid, IsolationUnavailable
        As `avflow.isolation.worker.MediaWorker`.
    """
    timer = StepTimer("yolov3", context)
    store, part, settings = context.store, context.part, context.settings
    with suppress(SourceMissing):
        return SegmentDoneBefore(store.read(video.part_json("yolov3", part), SegmentReport).step)
    media = store.read(video.media_json, MediaReport)
    context = context.within(media.choices.lambda_seconds, video)  # on Batch it changes nothing
    where = media.detector_input
    if where is None:
        raise ValueError(f"{video.shown_name} has no video stream: the state machine skips this step")
    chosen = Chosen(media.choices, media.chosen_by_upload)
    choices = with_known_classes(chosen, settings.yolov3_model, ModelStore(), video.shown_name).choices
    segment = segment_of(media.plan, where.stream, part)
    if media.plan.functions and context.ran_on == "batch" and not settings.fallback_from and settings.is_first_try:
        count_fallback("yolov3", "lambda")  # a short video: the plan had it on Lambda
    by_ranges = suits_ranges(media) and segment.frames < where.stream.total_frames
    with (
        workplace() as place,
        store.transfers() as transfers,
        begun(where, store, transfers, place.inputs / video.scratch_name, by_ranges=by_ranges) as source,
        context.media_process(tasks, place) as worker,
    ):
        if settings.has_gpu:  # before the engine starts: if that fails, the log tells on what
            silent = MediaWorkFailed(f"The NVIDIA driver did not say within {_DRIVER_SECONDS:.0f} s what GPU there is")
            log_gpu("yolov3", video, worker.do(DescribeGpu(), limit=TimeLimit(_DRIVER_SECONDS, silent)).facts)
        asked = LoadDetector(
            settings.yolov3_model,
            settings.detector_precision,
            settings.has_gpu,
            choices.confidence,
            choices.nms,
            choices.classes,
        )
        engine = load_detector(asked, worker, lambda folder: context.media_process(tasks, place, makes=[folder]))
        source.wait()
        request = _request(media, segment, source, place, hardware=settings.has_gpu)
        in_time = paced(context.report, context.budget, f"the detection on {source.path.name}")
        done = worker.do(request, in_time, source=source.ranges)
        files = _taken(request, place, video, part, transfers)
        isolation, read = worker.isolation, source.read()
    report = SegmentReport(
        frames=done.frames,
        objects=done.objects,
        frames_with=done.frames_with,
        damaged_frames=done.damaged_frames,
        frame_rate=fraction_text(where.stream.nominal_rate),
        size=(where.stream.width, where.stream.height),
        engine=engine,
        model=ModelEntry.of("detector", ModelStore().describe(settings.yolov3_model)),
        step=timer.record(isolation),
        source=read,
        notices=done.notices,
        files=files,
        class_ids=done.class_ids,
    )
    store.write(video.part_json("yolov3", part), report)
    return report


def _request(
    media: MediaReport, segment: Segment, source: ComingSource, place: Workplace, *, hardware: bool
) -> Annotate:
    """What the media process is to do: only the files that the results need."""
    where = media.detector_input
    assert where is not None
    drawn = () if media.drawn_late else ("avi", *media.choices.outputs)
    return Annotate(
        str(source.path),
        where.stream,
        segment.first,
        segment.frames,
        str(place.work / "boxed.avi") if "avi" in drawn else None,
        str(place.work / "detections.jsonl"),
        hardware,
        source.ranges is not None,
        where.key_frames,
        str(place.work / "boxed.mp4") if "mp4" in drawn else None,
        str(place.work / "pictures.zip") if "jpg" in drawn else None,
        LabelStyle(media.choices.labels, media.choices.label_size),
        media.input.drawn_color_space,
        media.choices.detect_every,
    )


def _taken(request: Annotate, place: Workplace, video: VideoRef, part: int, transfers: Transfers) -> dict[str, FileSum]:
    """Upload the files that the media process has written. Returns what each contains."""
    written: dict[str, str | None] = {"avi": request.boxed, "detections": request.detections}
    written |= {"mp4": request.mp4, "pictures": request.pictures}
    files = {name: place.take(Path(path).name) for name, path in written.items() if path}
    for name, path in files.items():
        transfers.upload(path, video.segment_file(name, part))
    return {name: sum_of(path) for name, path in files.items()}
