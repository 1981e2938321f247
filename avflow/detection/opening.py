"""From a model's files to a detector on the best engine of this machine."""

from __future__ import annotations

import ctypes
import hashlib
from pathlib import Path
from typing import Any, Literal

from avflow.darknet import Network, read_names, read_network
from avflow.darknet_weights import read_weights
from avflow.detection.detector import Detector
from avflow.errors import GpuUnavailable

Device = Literal["auto", "cpu", "gpu"]

#: part of the name of cached ONNX files: raise it whenever `avflow.onnx_export` writes the same network differently
EXPORT_VERSION = 1


def open_detector(
    cfg: Path,
    weights: Path,
    names: Path,
    *,
    cache_dir: Path,
    device: Device = "auto",
    input_size: tuple[int, int] | None = None,
    **options: Any,
) -> Detector:
    """Open a Darknet model.

    Parameters
    ----------
    cfg, weights, names:
        The model's files.
    cache_dir:
        Where the network is kept as ONNX (converted at the first use) and compiled.
    device:
        "gpu" needs an NVIDIA GPU and onnxruntime-gpu; "cpu" takes OpenVINO; "auto" takes the
        GPU if there is one.
    input_size:
        (width, height) of the network's input instead of the .cfg's.
    options:
        `threshold`, `overlap` and `letterbox` of `YoloDetector`.

    Raises
    ------
    DarknetModelInvalid
        If the files don't describe one network.
    GpuUnavailable
        If a GPU is demanded and can't be used.
    """
    network = read_network(cfg, input_size)
    classes = read_names(names, network)
    onnx_path = cached_onnx(cfg, weights, network, cache_dir)
    if device != "cpu":
        detector = _on_gpu(onnx_path, network, classes, options)
        if detector is not None:
            return detector
        if device == "gpu":
            raise GpuUnavailable("ONNX Runtime finds no NVIDIA GPU that it can use")
    from avflow.detection.openvino_detector import OpenVinoDetector  # noqa: PLC0415  heavy

    return OpenVinoDetector(onnx_path, network, classes, cache_dir=cache_dir / "openvino", **options)


def cached_onnx(cfg: Path, weights: Path, network: Network, cache_dir: Path) -> Path:
    """The model's ONNX file in `cache_dir`, converted now if it isn't there yet.

    Its name holds a hash of everything it depends on: a changed model is another file.
    """
    digest = hashlib.sha256(f"{EXPORT_VERSION} {network.input_size}".encode())
    for path in (cfg, weights):
        with path.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    path = cache_dir / f"{weights.stem}-{digest.hexdigest()[:16]}.onnx"
    if not path.exists():
        from avflow.onnx_export import export_onnx  # noqa: PLC0415  heavy, and not needed where the file is there

        export_onnx(network, read_weights(weights, network), path)
    return path


def _on_gpu(onnx_path: Path, network: Network, names: tuple[str, ...], options: dict[str, Any]) -> Detector | None:
    try:
        import onnxruntime  # type: ignore[import-untyped]  # noqa: PLC0415  heavy
    except ImportError:
        return None
    from avflow.detection.onnxruntime_detector import GPU_PROVIDERS, OnnxRuntimeDetector  # noqa: PLC0415

    if not (set(GPU_PROVIDERS) & set(onnxruntime.get_available_providers()) and _has_nvidia_driver()):
        return None
    detector = OnnxRuntimeDetector(onnx_path, network, names, **options)
    if detector.provider in GPU_PROVIDERS:
        return detector
    detector.close()
    return None


def _has_nvidia_driver() -> bool:
    """Whether CUDA's driver library is here; onnxruntime-gpu without it complains at length, and then does without."""
    try:
        ctypes.CDLL("libcuda.so.1")
    except OSError:
        return False
    return True
