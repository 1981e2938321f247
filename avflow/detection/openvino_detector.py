"""Detection on the CPU by OpenVINO, the fastest of the engines that were measured there."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import numpy as np

from avflow.cores import usable_cores, visible_cores
from avflow.darknet.cfg import Network
from avflow.detection.detector import YoloDetector, writable
from avflow.detection.heads import Heads
from avflow.detection.letterbox import Blob
from avflow.models.kinds import Precision

#: oneDNN's limits that exclude bfloat16 instructions (oneDNN's documentation, "CPU Dispatcher Control")
_CAPS_BELOW_BFLOAT16 = ("SSE41", "AVX", "AVX2", "AVX2_VNNI", "AVX2_VNNI_2", "AVX512_CORE", "AVX512_CORE_VNNI")
#: images inferred at once: each takes 36 to 50 MB with YOLOv3, 91 MB at 608x608 in fp32, and another frame waits
MOST_STREAMS = 16


class OpenVinoDetector(YoloDetector):
    """A detector on the CPU.

    It infers several images at a time, each on few cores (OpenVINO's throughput mode; OpenVINO's documentation,
    "High-level Performance Hints"), so no core waits for another within an image. On a quiet machine with 2 cores (AMD
    Zen 5, bfloat16) this mode gave 1.12 times the frames of the latency mode with YOLOv3-tiny and 1.06 times with
    YOLOv3, and took 13 % and 5 % less processor time, which decoding and encoding need too. Batches gain nothing more.

    Parameters
    ----------
    onnx_path:
        The network as `avflow.darknet.onnx_export` or, for "int8", `avflow.detection.quantization` writes it.
    precision:
        "fastest" lets OpenVINO choose. It takes bfloat16 if the CPU has it, which is twice as fast and changes
        confidences by about 0.01. "fp32" keeps single precision. "int8" is "fastest" for the float layers of the file.
    cache_dir:
        The folder for compiled networks, which make the next start faster. They fit the kind of CPU that made
        them, so do not put them into an image. A folder that is not writable is ignored.
    options:
        `threshold`, `overlap` and `letterbox` of `YoloDetector`.
    """

    def __init__(
        self,
        onnx_path: Path,
        network: Network,
        names: Sequence[str],
        *,
        precision: Precision = "fastest",
        cache_dir: Path | None = None,
        **options: Any,
    ) -> None:
        super().__init__(network, names, **options)
        width, height = network.input_size
        openvino = _openvino()
        core = openvino.Core()
        if cache_dir is not None and writable(cache_dir):
            core.set_property({"CACHE_DIR": str(cache_dir)})
        model = core.read_model(onnx_path)
        model.reshape([1, 3, height, width])
        compiled = core.compile_model(model, "CPU", _config(precision))
        kind = "int8" if precision == "int8" else compiled.get_property("INFERENCE_PRECISION_HINT").to_string()
        self.engine = f"OpenVINO on the CPU, {kind}"
        self._tensor = openvino.Tensor
        self._shapes = [tuple(output.shape) for output in compiled.outputs]
        streams: int = compiled.get_property("OPTIMAL_NUMBER_OF_INFER_REQUESTS")
        # when a core ends one image, the next one waits for it
        in_flight = 2 * streams
        self._idle: SimpleQueue[Any] = SimpleQueue()
        for _ in range(in_flight):
            self._idle.put(compiled.create_infer_request())
        self._serve(in_flight)

    def _infer(self, blobs: Sequence[Blob]) -> list[Heads]:
        request = self._idle.get()
        try:
            return [self._infer_one(request, blob) for blob in blobs]
        finally:
            self._idle.put(request)

    def _infer_one(self, request: Any, blob: Blob) -> Heads:
        # OpenVINO reads the image and writes the heads in place, without a copy
        heads = [np.empty(shape, np.float32) for shape in self._shapes]
        for number, head in enumerate(heads):
            request.set_output_tensor(number, self._tensor(head, shared_memory=True))
        request.start_async([blob[np.newaxis]], share_inputs=True)
        request.wait()
        return [head[0] for head in heads]


def _config(precision: Precision) -> dict[str, str]:
    """OpenVINO's properties for a precision on this machine's cores and processor."""
    # the throughput mode makes at most this many streams, each with its own buffers
    config = {"PERFORMANCE_HINT": "THROUGHPUT", "PERFORMANCE_HINT_NUM_REQUESTS": str(MOST_STREAMS)}
    if usable_cores() < visible_cores():  # OpenVINO respects affinity, but not quotas
        config["INFERENCE_NUM_THREADS"] = str(usable_cores())
    if precision == "fp32" or _capped_below_bfloat16():
        config["INFERENCE_PRECISION_HINT"] = "f32"
    return config


def _capped_below_bfloat16() -> bool:
    """Whether the environment limits oneDNN to instructions without bfloat16.

    OpenVINO chooses bfloat16 by the processor alone. With such a limit it then can't compile the network, or emulates
    bfloat16.
    """
    cap = os.environ.get("ONEDNN_MAX_CPU_ISA") or os.environ.get("DNNL_MAX_CPU_ISA") or ""
    return cap.upper() in _CAPS_BELOW_BFLOAT16


def _openvino() -> Any:
    """Import OpenVINO, which is heavy, without the package that reports its use to its maker.

    Nor does it load its converter of other networks, which takes longer than all the rest. None in `sys.modules` makes
    an import fail (Python Language Reference, "The module cache"); OpenVINO then does without.
    """
    for name in ("openvino_telemetry", "openvino.tools.ovc"):
        sys.modules.setdefault(name, None)  # type: ignore[arg-type]
    import openvino  # noqa: PLC0415

    return openvino
