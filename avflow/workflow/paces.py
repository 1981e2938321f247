"""How long YOLOv3 is expected to take, by machine: cautious, and for no machine of AWS measured.

The plan, the forecast of a run's cost and the comparison in the manifest use the same figures (docs/scaling.md, "Short
videos on Lambda" and "YOLOv3 decides the cost").
"""

from __future__ import annotations

from collections.abc import Sequence

#: frames a second of YOLOv3 at 416 on a GPU: assumed (docs/scaling.md)
GPU_FPS = 100.0
#: the same on the 4 vCPUs of Fargate: assumed for an older core without bfloat16 (docs/scaling.md). Two cores of a
#: newer one, which are 4 vCPUs, reached 3.4 in fp32 without and 12.9 in bfloat16 with decoding and encoding
#: (docs/benchmarks.md)
CPU_FPS, CPU_VCPUS = 2.5, 4
#: seconds for each pixel that is decoded and encoded on 4 vCPUs: 10 ms for a frame of 1920x1080. A frame of 4K takes
#: longer than the network.
PIXEL_SECONDS = 5e-9
#: How often these pixels count if each frame is encoded as H.264 too: about as long again, 28 ms of a core for a frame
#: of 1920x1080
_WITH_H264 = 2
#: MB of memory for which Lambda gives one vCPU (AWS Lambda Developer Guide, "Configure Lambda function memory")
MEMORY_OF_VCPU = 1769
#: seconds in which a function loads the image and the network before its first frame, without any waiting: assumed
LAMBDA_LOAD_SECONDS = 10.0
#: the same for a job, behind the start of its machine
JOB_LOAD_SECONDS = 8.0
#: bytes of yolov3.weights, for which the paces hold
_YOLOV3_BYTES = 248_007_048


def lambda_vcpus(memory_mb: int) -> float:
    """The vCPUs of a function with so many MB of memory."""
    return memory_mb / MEMORY_OF_VCPU


def pixels_worked(pixels: int, outputs: Sequence[str]) -> int:
    """The pixels of a frame, counted more than once if the results that are wanted take more work for each."""
    return pixels * (_WITH_H264 if "mp4" in outputs else 1)


def to_render(frames: int, pixels: int, vcpus: float) -> float:
    """Seconds in which Merge reads, draws and encodes `frames` frames of `pixels` (`pixels_worked`)."""
    return frames * pixels * PIXEL_SECONDS * CPU_VCPUS / vcpus


def vcpu_seconds(model_bytes: int, pixels: int) -> float:
    """Seconds of one vCPU for one frame of `pixels`, with a model of `model_bytes`.

    The network's time grows with its weights. YOLOv3-tiny has a seventh of them and takes a tenth of the time, so this
    is too long for it rather than too short. Decoding and encoding take turns with it on the same vCPUs.
    """
    network = CPU_VCPUS / CPU_FPS * model_bytes / _YOLOV3_BYTES
    return network + CPU_VCPUS * PIXEL_SECONDS * pixels


def on_lambda(frames: int, pixels: int, model_bytes: int, memory_mb: int) -> float:
    """Seconds in which one function detects `frames` frames."""
    return LAMBDA_LOAD_SECONDS + frames * vcpu_seconds(model_bytes, pixels) / lambda_vcpus(memory_mb)


def on_fargate(frames: int, pixels: int, model_bytes: int, vcpus: float = CPU_VCPUS) -> float:
    """Seconds of a job on Fargate, from its first line of code."""
    return JOB_LOAD_SECONDS + frames * vcpu_seconds(model_bytes, pixels) / vcpus


def on_gpu(frames: int, pixels: int) -> float:
    """Seconds of a job on a GPU, from its first line of code. The 4 vCPUs beside the GPU decode and encode."""
    return JOB_LOAD_SECONDS + frames * max(1 / GPU_FPS, PIXEL_SECONDS * pixels)
