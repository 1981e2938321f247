"""Detection on the CPU by OpenVINO, the fastest engine there of those measured."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np

from avflow.darknet import Network
from avflow.detection.detector import YoloDetector
from avflow.detection.heads import Heads
from avflow.detection.letterbox import Blob


class OpenVinoDetector(YoloDetector):
    """A detector on the CPU.

    One picture at a time on all cores (OpenVINO's latency mode): on few cores that is also the
    mode of the highest throughput, and batches gain nothing.

    Parameters
    ----------
    onnx_path:
        The network as `avflow.onnx_export` writes it.
    precision:
        "fastest" lets OpenVINO choose: bfloat16 where the CPU has it, twice as fast, and
        confidences move by about 0.01. "fp32" keeps single precision.
    cache_dir:
        Where compiled networks are kept for a faster next start. They fit the kind of CPU
        that made them: don't put them into an image. Done without where it can't be written.
    options:
        `threshold`, `overlap` and `letterbox` of `YoloDetector`.
    """

    engine = "OpenVINO on the CPU"

    def __init__(
        self,
        onnx_path: Path,
        network: Network,
        names: Sequence[str],
        *,
        precision: Literal["fastest", "fp32"] = "fastest",
        cache_dir: Path | None = None,
        **options: Any,
    ) -> None:
        super().__init__(network, names, **options)
        width, height = network.input_size
        config: dict[str, str] = {"PERFORMANCE_HINT": "LATENCY"}
        if precision == "fp32":
            config["INFERENCE_PRECISION_HINT"] = "f32"
        core = _openvino().Core()
        if cache_dir is not None and _writable(cache_dir):
            core.set_property({"CACHE_DIR": str(cache_dir)})
        model = core.read_model(onnx_path)
        model.reshape([1, 3, height, width])
        self._request = core.compile_model(model, "CPU", config).create_infer_request()
        self._outputs = range(len(model.outputs))

    def _infer(self, blobs: Sequence[Blob]) -> list[Heads]:
        return [self._infer_one(blob) for blob in blobs]

    def _infer_one(self, blob: Blob) -> Heads:
        self._request.infer([blob[np.newaxis]], share_inputs=True)
        # copied, as the next inference overwrites the request's own arrays
        return [self._request.get_output_tensor(number).data[0].copy() for number in self._outputs]


def _openvino() -> Any:
    """OpenVINO, imported late because it is heavy, and without the part of it that reports its use to its maker.

    None in `sys.modules` makes an import fail (Python Language Reference, "The module cache");
    OpenVINO then takes a stub in its place.
    """
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
    import openvino  # type: ignore[import-untyped]  # noqa: PLC0415

    return openvino


def _writable(folder: Path) -> bool:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return False
    return os.access(folder, os.W_OK)
