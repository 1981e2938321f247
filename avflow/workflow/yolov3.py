"""Detect objects on every frame of one segment, draw their boxes, and write the detections."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from avflow.annotation.pipeline import annotate_video
from avflow.darknet import DATA
from avflow.darknet.cfg import read_names, read_network
from avflow.detection import Detector, open_detector
from avflow.detection.agreement import Agreement
from avflow.detection.converted import Converted
from avflow.detection.opening import Device, Precision, quantize
from avflow.errors import DarknetModelInvalid, SourceMissing
from avflow.media.contract import fraction_text
from avflow.models.store import ModelStore
from avflow.workflow.context import StepContext, StepTimer, paced, scratch, source_path
from avflow.workflow.layout import VideoRef
from avflow.workflow.plan import segments_of
from avflow.workflow.reports import MediaReport, ModelEntry, SegmentDoneBefore, SegmentReport

Opener = Callable[[str, ModelStore, Device], Detector]

DEFAULT_MODEL = "yolov3"


def open_model(name: str, models: ModelStore, device: Device = "auto", *, precision: Precision = "fastest") -> Detector:
    """Open the detector of the model called `name`.

    The project ships the .cfg and class names of the models that it declares. A model of the user's own needs its .cfg
    and .names beside its .weights.

    Raises
    ------
    ModelUnknown, ModelUnavailable, DarknetModelInvalid, GpuUnavailable
    """
    files = _files(name, models)
    return open_detector(
        files.cfg,
        files.weights,
        files.names,
        cache_dir=_cache_dir(models),
        device=device,
        precision=precision,
        weights_sha256=files.weights_sha256,
    )


def convert_model(name: str, models: ModelStore) -> list[Path]:
    """Make the files that `open_model` would make at its first use, for CPU and GPU. A running image is read-only.

    Raises
    ------
    ModelUnknown, ModelUnavailable, DarknetModelInvalid
    """
    converted = _converted(name, models)
    return [converted.onnx(half=half) for half in (False, True)]


def quantize_model(name: str, models: ModelStore, frames: Path) -> tuple[Path, Agreement]:
    """Make the network for the precision `int8`, and measure how far it agrees with float32.

    `frames` is a video or a folder of images that resemble the videos to process. The agreement is measured on frames
    that the network was not made from.

    Raises
    ------
    ModelUnknown, ModelUnavailable, DarknetModelInvalid
    InvalidMediaNoStreams
        `frames` has no image.
    PrecisionUnsuitable
        The int8 network does not find what float32 finds.
    """
    from avflow.detection.quantization import CALIBRATION_FRAMES, calibration_frames  # noqa: PLC0415  only a tool needs it

    converted = _converted(name, models)
    names = read_names(_files(name, models).names, converted.network)
    return quantize(converted, names, calibration_frames(frames, 2 * CALIBRATION_FRAMES))


def require_int8(name: str, models: ModelStore) -> None:
    """Check that `quantize_model` made the int8 network of this model.

    Raises
    ------
    ModelUnknown, ModelUnavailable, DarknetModelInvalid
    """
    _converted(name, models).int8()


def _converted(name: str, models: ModelStore) -> Converted:
    files = _files(name, models)
    return Converted(
        files.cfg, files.weights, read_network(files.cfg), _cache_dir(models), weights_sha256=files.weights_sha256
    )


def _cache_dir(models: ModelStore) -> Path:
    return models.converted


@dataclass(frozen=True)
class _Files:
    """A model's files."""

    cfg: Path
    weights: Path
    names: Path
    #: as declared and verified
    weights_sha256: str


def _files(name: str, models: ModelStore) -> _Files:
    folder = models.path(name)
    own = {path.suffix: path for path in folder.iterdir() if path.suffix in (".cfg", ".weights", ".names")}
    cfg = own.get(".cfg", DATA / f"{name}.cfg")
    if not cfg.is_file():
        raise DarknetModelInvalid(f"The model {name} has no .cfg beside its .weights.", "Add the .cfg to its files.")
    weights = own[".weights"]
    (sha256,) = (file.sha256 for file in models.describe(name).files if file.name == weights.name)
    return _Files(cfg, weights, own.get(".names", DATA / "coco.names"), sha256)


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
        raise ValueError(f"{video.filename} has no video stream: the state machine skips this step")
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
    )
    store.write(video.part_json("yolov3", part), report)
    return report
