"""Open a model's files as a detector, with the best engine on this machine."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

from avflow.darknet.cfg import Network, read_names, read_network
from avflow.detection.agreement import LEAST_AGREEMENT, Agreement
from avflow.detection.converted import Converted
from avflow.detection.detector import Detector, YoloDetector
from avflow.detection.gpu import gpu_facts
from avflow.detection.letterbox import Frame
from avflow.errors import GpuUnavailable, PrecisionUnsuitable
from avflow.models.kinds import PRECISIONS, Precision

Device = Literal["auto", "cpu", "gpu"]


def open_detector(
    cfg: Path,
    weights: Path,
    names: Path,
    *,
    cache_dir: Path,
    device: Device = "auto",
    precision: Precision = "fastest",
    input_size: tuple[int, int] | None = None,
    weights_sha256: str | None = None,
    **options: Any,
) -> Detector:
    """Open a Darknet model.

    Parameters
    ----------
    cfg, weights, names:
        The model's files.
    cache_dir:
        The folder for the ONNX file, which the first use makes, and for compiled networks.
    device:
        "gpu" needs an NVIDIA GPU and onnxruntime-gpu. "cpu" uses OpenVINO, or ONNX Runtime on platforms without an
        OpenVINO package. "auto" uses the GPU if there is one.
    precision:
        See `avflow.models.kinds.Precision`.
    input_size:
        Width and height of the network's input; by default those in the .cfg.
    weights_sha256:
        As for `Converted`.
    options:
        `threshold`, `overlap`, `classes` and `letterbox` of `YoloDetector`.

    Raises
    ------
    DarknetModelInvalid
        The files don't describe one network.
    ModelUnavailable
        The precision is int8, and the model has no int8 network.
    GpuUnavailable
        The device is "gpu", and no GPU can be used.
    """
    if precision not in PRECISIONS:
        raise ValueError(f"precision is {precision!r}, must be one of {', '.join(PRECISIONS)}")
    network = read_network(cfg, input_size)
    classes = read_names(names, network)
    converted = Converted(cfg, weights, network, cache_dir, weights_sha256)
    if device != "cpu":
        detector = _on_gpu(converted, classes, precision != "fp32", options)
        if detector is not None:
            return detector
        if device == "gpu":
            raise GpuUnavailable(f"ONNX Runtime finds no NVIDIA GPU that it can use: {gpu_facts()}")
    onnx_path = converted.int8() if precision == "int8" else converted.onnx()
    return _on_cpu(onnx_path, network, classes, precision=precision, cache_dir=cache_dir / "openvino", **options)


def quantize(converted: Converted, names: tuple[str, ...], frames: Sequence[Frame]) -> tuple[Path, Agreement]:
    """Make a model's int8 network from every second frame, and compare it with float32 on the other frames.

    A single frame is used for both.

    Raises
    ------
    DarknetModelInvalid
        The model's files don't describe one network.
    PrecisionUnsuitable
        The int8 network does not find what float32 finds. An older one stays.
    """
    found: list[Agreement] = []

    def check(made: Path) -> None:
        both: dict[Precision, Path] = {"fp32": converted.onnx(), "int8": made}
        detections = []
        for precision, path in both.items():
            with _on_cpu(path, converted.network, names, precision=precision) as detector:
                detections.append(detector.detect(frames[1::2] or frames))
        found.append(Agreement.of(*detections))
        if not found[0].suffices:
            raise PrecisionUnsuitable(
                f"In int8 {converted.weights.stem} finds {found[0].recall:.1%} of the {found[0].boxes} boxes that "
                f"float32 finds, and {found[0].precision:.1%} of its own are right; "
                f"both must be {LEAST_AGREEMENT:.0%} at least"
            )

    return converted.quantize(frames[::2], check), found[0]


def _on_cpu(
    onnx_path: Path, network: Network, names: tuple[str, ...], *, precision: Precision, **options: Any
) -> YoloDetector:
    if find_spec("openvino") is None:
        from avflow.detection.onnxruntime_detector import CPU_PROVIDERS, OnnxRuntimeDetector  # noqa: PLC0415  heavy

        int8 = precision == "int8"
        return OnnxRuntimeDetector(onnx_path, network, names, int8=int8, providers=CPU_PROVIDERS, **options)
    from avflow.detection.openvino_detector import OpenVinoDetector  # noqa: PLC0415  heavy

    return OpenVinoDetector(onnx_path, network, names, precision=precision, **options)


def _on_gpu(converted: Converted, names: tuple[str, ...], half: bool, options: dict[str, Any]) -> Detector | None:
    """The detector on the GPU; None if there is no usable GPU."""
    try:
        from avflow.detection import onnxruntime_detector  # noqa: PLC0415  heavy

        providers = onnxruntime_detector.usable_providers(onnxruntime_detector.GPU_PROVIDERS)
    except ImportError:
        return None
    if not providers:
        return None
    detector = onnxruntime_detector.OnnxRuntimeDetector(
        converted.onnx(half=half),
        converted.network,
        names,
        half=half,
        providers=providers,
        cache_dir=converted.cache_dir / "tensorrt",
        **options,
    )
    if detector.provider in providers:
        return detector
    detector.close()
    return None
