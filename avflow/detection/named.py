"""Models by their names in the model manifest: open, convert, quantize.

The project ships the .cfg and the class names of the models that it declares. A model of the user's own needs its .cfg
and .names beside its .weights.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from avflow.darknet import DATA
from avflow.darknet.cfg import read_names, read_network
from avflow.darknet.names import COCO
from avflow.detection.agreement import Agreement
from avflow.detection.converted import Converted
from avflow.detection.detector import Detector
from avflow.detection.letterbox import Frame
from avflow.detection.opening import Device, open_detector, quantize
from avflow.errors import DarknetModelInvalid
from avflow.models.kinds import Precision
from avflow.models.store import ModelStore


def open_model(
    name: str, models: ModelStore, device: Device = "auto", *, precision: Precision = "fastest", **options: Any
) -> Detector:
    """Open the detector of the model called `name`. `options` are those of `YoloDetector`.

    Raises
    ------
    ModelUnknown, ModelUnavailable, DarknetModelInvalid, GpuUnavailable
    """
    files = _files(name, models)
    return open_detector(
        files.cfg,
        files.weights,
        files.names,
        cache_dir=models.converted,
        device=device,
        precision=precision,
        weights_sha256=files.weights_sha256,
        **options,
    )


def convert_model(name: str, models: ModelStore, halves: Sequence[bool] = (False, True)) -> list[Path]:
    """Make the networks that `open_model` would make at its first use, for CPU and GPU. A running image is read-only.

    Parameters
    ----------
    halves:
        Which of them: False for the network in float32, True for that in float16.

    Raises
    ------
    ModelUnknown, ModelUnavailable, DarknetModelInvalid
    """
    converted = _converted(_files(name, models), models)
    return [converted.onnx(half=half) for half in halves]


def is_converted(name: str, models: ModelStore, *, precision: Precision = "fastest", gpu: bool = False) -> bool:
    """Whether `open_model` finds the network that it loads. It makes a missing one, but none for int8.

    Raises
    ------
    ModelUnknown, ModelUnavailable, DarknetModelInvalid
    """
    return precision == "int8" or _converted(_files(name, models), models).has(half=loads_half(precision, gpu=gpu))


def loads_half(precision: Precision, *, gpu: bool) -> bool:
    """Whether `open_model` loads the network in float16."""
    return gpu and precision != "fp32"


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
    from avflow.detection.quantization import CALIBRATION_FRAMES, calibration_frames  # noqa: PLC0415  only a tool

    return quantize_with(name, models, calibration_frames(frames, 2 * CALIBRATION_FRAMES))


def quantize_with(name: str, models: ModelStore, frames: Sequence[Frame]) -> tuple[Path, Agreement]:
    """As `quantize_model`, from frames that have been read already."""
    files = _files(name, models)
    converted = _converted(files, models)
    return quantize(converted, read_names(files.names, converted.network), frames)


def require_int8(name: str, models: ModelStore) -> None:
    """Check that `quantize_model` made the int8 network of this model.

    Raises
    ------
    ModelUnknown, ModelUnavailable, DarknetModelInvalid
    """
    _converted(_files(name, models), models).int8()


def _converted(files: _Files, models: ModelStore) -> Converted:
    return Converted(
        files.cfg, files.weights, read_network(files.cfg), models.converted, weights_sha256=files.weights_sha256
    )


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
    return _Files(cfg, weights, own.get(".names", COCO), sha256)
