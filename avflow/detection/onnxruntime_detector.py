"""Detection by ONNX Runtime: on NVIDIA GPUs, and on CPUs of platforms without an OpenVINO package.

Scaling and decoding of heads stay on the CPU. For a g4dn.xlarge (4 vCPUs, one T4 on PCIe 3) and YOLOv3-416 on 1080p
the reasons are these. Scaling to the network's input takes 0.8 ms of a core of AMD Zen 5, and about 2 ms there. On the
GPU it would need the whole frame in each batch (3.1 MB as decoded instead of 2.1 MB), and decoding and encoding take
several times as long and would still limit the rate. The raw heads return whole: 1.8 MB in float16, 0.3 ms at 6 GB/s,
while the GPU computes the next batch. Choosing boxes takes 0.2 ms. So a second implementation gains nothing.

CUDA graphs are not used: on an H100 they gained nothing at one batch in progress. Nor is page-locked memory: an H200
detects several times as many frames as 16 cores decode (docs/benchmarks.md).
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import numpy as np
from numpy.typing import NDArray

from avflow.cores import usable_cores, visible_cores
from avflow.darknet.cfg import Network
from avflow.detection.detector import YoloDetector, writable
from avflow.detection.heads import Heads
from avflow.detection.letterbox import Blob

TENSORRT, CUDA, CPU = "TensorrtExecutionProvider", "CUDAExecutionProvider", "CPUExecutionProvider"
GPU_PROVIDERS = (TENSORRT, CUDA)
CPU_PROVIDERS = (CPU,)
#: images in one batch on a GPU
GPU_BATCH = 8
#: batches in progress: the GPU computes one while the images and heads of the other cross the bus
IN_FLIGHT = 2
#: ONNX Runtime's TensorRT provider loads these; its package does not contain TensorRT
_TENSORRT_LIBRARIES = ("libnvinfer.so.10", "libnvonnxparser.so.10")
#: ONNX Runtime's severity of a message, above that of an error
_FATAL = 4


@dataclass(frozen=True)
class _Slot:
    """The buffers of one batch, which all batches reuse."""

    pictures: NDArray[np.float32]
    #: the same on the device
    image: Any
    binding: Any


class OnnxRuntimeDetector(YoloDetector):
    """A detector on an NVIDIA GPU or a CPU.

    Parameters
    ----------
    onnx_path:
        The network as `avflow.darknet.onnx_export` writes it.
    half:
        Whether the network is in float16. A GPU then computes in float16, a CPU still in float32.
    int8:
        Whether the network is in 8-bit integers, as `avflow.detection.quantization` writes it.
    providers:
        ONNX Runtime's execution providers in order of preference. Those that this machine lacks are skipped;
        `provider` is the one in use.
    batch_size:
        Images in one batch; by default `GPU_BATCH` on a GPU and 1 on a CPU. The network is compiled for this
        size; earlier images fill up a smaller batch.
    cache_dir:
        The folder for networks that TensorRT compiled, which takes minutes. They fit the kind of GPU that made
        them. A folder that is not writable is ignored.
    options:
        `threshold`, `overlap` and `letterbox` of `YoloDetector`.
    """

    def __init__(
        self,
        onnx_path: Path,
        network: Network,
        names: Sequence[str],
        *,
        half: bool = False,
        int8: bool = False,
        providers: Sequence[str] = (*GPU_PROVIDERS, *CPU_PROVIDERS),
        batch_size: int | None = None,
        cache_dir: Path | None = None,
        **options: Any,
    ) -> None:
        import onnxruntime  # type: ignore[import-untyped]  # noqa: PLC0415  heavy

        super().__init__(network, names, **options)
        usable = usable_providers(providers)
        on_gpu = usable[0] not in CPU_PROVIDERS
        if on_gpu:
            onnxruntime.preload_dlls(msvc=False)
        self.batch_size = batch_size or (GPU_BATCH if on_gpu else 1)
        settings = onnxruntime.SessionOptions()
        settings.add_free_dimension_override_by_name("batch", self.batch_size)
        if usable_cores() < visible_cores():  # ONNX Runtime respects affinity, but not quotas
            settings.intra_op_num_threads = usable_cores()
        self._session = onnxruntime.InferenceSession(
            onnx_path, settings, providers=[(name, _provider_options(name, half, cache_dir)) for name in usable]
        )
        if on_gpu:
            # Some convolutions have no fused kernel in cuDNN. ONNX Runtime then takes another one, and logs an error
            # for each that it tried. What it can't compute at all it raises.
            onnxruntime.set_default_logger_severity(_FATAL)
        self.provider: str = self._session.get_providers()[0]
        #: threads within one operator; 0 if ONNX Runtime chooses
        self.threads: int = self._session.get_session_options().intra_op_num_threads
        self.engine = f"ONNX Runtime, {self.provider}, {'int8' if int8 else 'fp16' if half else 'fp32'}"
        self._idle: SimpleQueue[_Slot] = SimpleQueue()
        for _ in range(IN_FLIGHT):
            self._idle.put(self._slot(np.float16 if half else np.float32))
        self._serve(IN_FLIGHT)

    def _slot(self, kind: type[np.floating[Any]]) -> _Slot:
        from onnxruntime import OrtValue  # noqa: PLC0415  heavy

        device = "cpu" if self.provider in CPU_PROVIDERS else "cuda"
        width, height = self.input_size
        pictures = np.zeros((self.batch_size, 3, height, width), np.float32)
        image = OrtValue.ortvalue_from_shape_and_type(pictures.shape, np.float32, device)
        binding = self._session.io_binding()
        binding.bind_ortvalue_input("image", image)
        for head in self._session.get_outputs():
            binding.bind_ortvalue_output(head.name, OrtValue.ortvalue_from_shape_and_type(head.shape, kind, device))
        return _Slot(pictures, image, binding)

    def _infer(self, blobs: Sequence[Blob]) -> list[Heads]:
        slot = self._idle.get()
        try:
            heads: list[Heads] = []
            for first in range(0, len(blobs), self.batch_size):
                heads += self._infer_batch(slot, blobs[first : first + self.batch_size])
            return heads
        finally:
            self._idle.put(slot)

    def _infer_batch(self, slot: _Slot, blobs: Sequence[Blob]) -> list[Heads]:
        np.stack(blobs, out=slot.pictures[: len(blobs)])
        slot.image.update_inplace(slot.pictures)
        self._session.run_with_iobinding(slot.binding)
        outputs = slot.binding.copy_outputs_to_cpu()
        return [[output[number] for output in outputs] for number in range(len(blobs))]


def usable_providers(providers: Sequence[str]) -> list[str]:
    """Those of `providers` that can work on this machine.

    onnxruntime-gpu always lists the GPU providers. If it can't load one, it prints long warnings and continues.
    """
    cuda = loads("libcuda.so.1")
    if not cuda and set(providers) <= set(GPU_PROVIDERS):
        return []  # without the import, which is a tenth of a small job's work
    import onnxruntime  # noqa: PLC0415  heavy

    available = set(onnxruntime.get_available_providers())
    if not cuda:
        available -= set(GPU_PROVIDERS)
    elif TENSORRT in available:
        with suppress(ImportError):
            import tensorrt  # type: ignore[import-not-found]  # noqa: F401, PLC0415  pip's loads its libraries itself
        if not all(map(loads, _TENSORRT_LIBRARIES)):
            available.discard(TENSORRT)
    return [provider for provider in providers if provider in available]


def loads(library: str) -> bool:
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True


def _provider_options(provider: str, half: bool, cache_dir: Path | None) -> dict[str, str]:
    """ONNX Runtime's documentation, "CUDA Execution Provider" and "TensorRT Execution Provider"."""
    if provider == CUDA:
        # Tensor cores need the channels last; TF32 would reduce float32 to 11 significant bits. The exhaustive search
        # ends at slow algorithms: 254 frames/s in float16 at batch 8 on an H200, where the heuristic gives 1 896.
        return {"cudnn_conv_algo_search": "HEURISTIC", "prefer_nhwc": "1", "use_tf32": "0"}
    if provider != TENSORRT:
        return {}
    options = {"trt_fp16_enable": str(int(half))}
    if cache_dir is not None and writable(cache_dir):
        options |= {"trt_engine_cache_enable": "1", "trt_engine_cache_path": str(cache_dir)}
        options |= {"trt_timing_cache_enable": "1", "trt_timing_cache_path": str(cache_dir)}
    return options
