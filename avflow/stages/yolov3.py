"""Draw boxes on every frame, and write down what was detected where."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from avflow.boxed_video import box_video
from avflow.darknet import read_network
from avflow.detection import Detector, open_detector
from avflow.detection.opening import Device, cached_onnx
from avflow.errors import DarknetModelInvalid, InvalidMediaNoStreams
from avflow.layout import VideoRef
from avflow.manifest import model_entry
from avflow.media import probe
from avflow.media.model import fraction_text
from avflow.models import ModelStore
from avflow.stages.context import StageContext, StepTimer, scratch, source_path

DEFAULT_MODEL = "yolov3"
DATA = Path(__file__).parents[1] / "data"


def run(video: VideoRef, context: StageContext) -> dict[str, Any]:
    """Write the boxed AVI (no sound), the detections and the step's report.

    Raises
    ------
    ModelUnavailable
        The detector's model is not on this machine.
    GpuUnavailable
        The job has a GPU that can't be used.
    FrameCountMismatch
        Not every frame came out; nothing is uploaded.
    """
    timer = StepTimer("yolov3", context.ran_on)
    store = context.store
    models = ModelStore()
    name = context.settings.get("YOLOV3_MODEL", DEFAULT_MODEL)
    where = store.read_json(video.media_json)["picture"]
    with scratch() as folder:
        source, boxed, detections = source_path(folder, video), folder / "boxed.avi", folder / "detections.jsonl"
        store.download(where["key"], source, where["version_id"])
        picture = probe(source).picture
        if picture is None:
            raise InvalidMediaNoStreams(f"{video.filename} has no picture.")
        detector = open_model(name, models, "gpu" if _has_a_gpu(context.settings) else "auto")
        done = box_video(source, picture, detector, boxed, detections, report=context.report, budget=context.budget)
        store.upload(boxed, video.boxed)
        store.upload(detections, video.detections)
    report = {
        **done.to_dict(),
        "frame_rate": fraction_text(picture.nominal_rate),
        "size": [picture.width, picture.height],
        "engine": detector.engine,
        "model": model_entry("detector", models.describe(name)),
        "step": timer.record(),
    }
    store.write_json(video.step_json("yolov3"), report)
    return report


def _has_a_gpu(settings: Mapping[str, str]) -> bool:
    """Whether this job was given, and so pays for, a GPU: then the CPU doesn't silently do its work.

    ECS names the GPUs of a container by their ids (Amazon ECS Developer Guide, "Use GPUs on Amazon ECS").
    """
    return settings.get("NVIDIA_VISIBLE_DEVICES", "").startswith("GPU-")


def open_model(name: str, models: ModelStore, device: Device = "auto") -> Detector:
    """The detector of a named model.

    The project has the .cfg and class names of the models it declares; a model of the user's own
    brings its .cfg and .names beside its .weights.

    Raises
    ------
    ModelUnknown, ModelUnavailable, DarknetModelInvalid, GpuUnavailable
    """
    cfg, weights, names = _files(name, models)
    return open_detector(cfg, weights, names, cache_dir=_converted(models), device=device)


def convert_model(name: str, models: ModelStore) -> Path:
    """Make the file that `open_model` would make at its first use, as in an image, which is read-only then.

    Raises
    ------
    ModelUnknown, ModelUnavailable, DarknetModelInvalid
    """
    cfg, weights, _ = _files(name, models)
    return cached_onnx(cfg, weights, read_network(cfg), _converted(models))


def _converted(models: ModelStore) -> Path:
    return models.root / "converted"


def _files(name: str, models: ModelStore) -> tuple[Path, Path, Path]:
    """A model's .cfg, .weights and .names."""
    folder = models.path(name)
    own = {path.suffix: path for path in folder.iterdir() if path.suffix in (".cfg", ".weights", ".names")}
    cfg = own.get(".cfg", DATA / f"{name}.cfg")
    if not cfg.is_file():
        raise DarknetModelInvalid(f"The model {name} has no .cfg beside its .weights.", "Add the .cfg to its files.")
    return cfg, own[".weights"], own.get(".names", DATA / "coco.names")
