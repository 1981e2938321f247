"""The GPU engine, all in one go: `python -m benchmarks.gpu`.

For every execution provider of ONNX Runtime that this machine can use (TensorRT, CUDA, the CPU):
whether it finds the boxes of the CPU's float32 on real frames, frames a second by batch size, on a
GPU the share of the peak that large matrix products reach there, and a whole 1080p video, its
slowest stage named. Without a GPU the same code runs on the CPU, in less than two minutes, and the
GPU's column says that it is unmeasured.
"""

from __future__ import annotations

import statistics
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, closing
from functools import partial
from itertools import islice, product
from pathlib import Path
from typing import Any

import numpy as np

from avflow.annotation.drawing import draw
from avflow.annotation.pipeline import annotate_video
from avflow.darknet import DATA
from avflow.darknet.cfg import Convolutional, Network, read_names, read_network
from avflow.detection import Detector
from avflow.detection.agreement import recall
from avflow.detection.converted import Converted
from avflow.detection.onnxruntime_detector import (
    CPU,
    CUDA,
    GPU_PROVIDERS,
    TENSORRT,
    OnnxRuntimeDetector,
    usable_providers,
)
from avflow.media import VideoStream, probe
from avflow.models.store import ModelStore
from avflow.video.frames import view
from avflow.video.nvdec import nvdec
from avflow.video.reader import VideoReader
from avflow.video.writer import VideoWriter
from benchmarks import random_yolov3
from benchmarks.agreement import other_frames, pictures
from benchmarks.common import SAMPLE, Result, command_line, ffmpeg, median_ratio, seconds
from benchmarks.pipeline import infer
from benchmarks.random_yolov3 import MODELS

TITLES = {TENSORRT: "TensorRT", CUDA: "CUDA", CPU: "CPU"}
SIZES = (416, 608)
BATCHES = (1, 2, 4, 8, 16, 32)
#: TensorRT takes minutes to compile each
TENSORRT_BATCHES = (1, 8, 32)
CPU_BATCHES = (1, 4)
#: sides of the square matrices of which the quickest product is the measure of a GPU, and how often each is tried
MATRICES, TRIES = (4096, 8192, 16384), 20
#: frames of the 1080p video: on a GPU, and on a CPU
FRAMES = {True: 1500, False: 60}
#: of these, kept in memory to measure a stage by itself
KEPT = {True: 240, False: 24}


def half_of(provider: str, *, quick: bool = False) -> tuple[bool, ...]:
    """Whether in float16: a CPU has no float16 kernels, TensorRT is used for nothing else."""
    return {TENSORRT: (True,), CPU: (False,)}.get(provider, (True,) if quick else (True, False))


def opened(
    provider: str, cfg: Path, weights: Path, *, half: bool, size: int = 416, batch: int | None = None
) -> OnnxRuntimeDetector:
    """A detector on one provider and no other."""
    network = read_network(cfg, (size, size))
    cache = MODELS / "converted"
    return OnnxRuntimeDetector(
        Converted(cfg, weights, network, cache).onnx(half=half),
        network,
        read_names(DATA / "coco.names", network),
        half=half,
        providers=[provider],
        batch_size=batch,
        cache_dir=cache / "tensorrt",
    )


def gflop(network: Network) -> float:
    """Of one picture's convolutions, a multiplication and an addition counting as two."""
    work = 0
    for layer in network.layers:
        if isinstance(layer, Convolutional):
            work += 2 * int(np.prod(layer.kernel_shape)) * layer.shape[1] * layer.shape[2]
    return work / 1e9


# ---------------------------------------------------------------- correctness
def same_boxes(providers: list[str], result: Result) -> None:
    """YOLOv3-tiny with its published weights: each provider and precision against the CPU in float32."""
    weights = ModelStore().fetch("yolov3-tiny") / "yolov3-tiny.weights"
    model = DATA / "yolov3-tiny.cfg", weights
    frames = [*other_frames()[::12], *pictures()]
    with closing(opened(CPU, *model, half=False)) as reference:
        wanted = reference.detect(frames)
    for provider in providers:
        for half in (True, False):
            if provider == CPU and not half:
                continue
            ratio = f"{TITLES[provider]} {_precision(half)}: same boxes as the CPU's fp32 (IoU 0.8)"
            result.declare(ratio)
            with closing(opened(provider, *model, half=half)) as detector:
                found = detector.detect(frames)
            share = min(recall(wanted, found, 0.8), recall(found, wanted, 0.8))
            result.ratio(ratio, share)


def _precision(half: bool) -> str:
    return "fp16" if half else "fp32"


# ---------------------------------------------------------------- speed
def matmul_peak(half: bool) -> float:
    """GFLOP/s of the product of two large square matrices on the GPU, all in its memory: the best there is."""
    return max(matmul(side, half) for side in MATRICES)


def matmul(side: int, half: bool) -> float:
    """GFLOP/s with matrices of `side`: of several tries the best, as only the first ones choose an algorithm."""
    import onnxruntime  # noqa: PLC0415  heavy
    from onnx import TensorProto, helper  # noqa: PLC0415  heavy

    kind, number = (TensorProto.FLOAT16, np.float16) if half else (TensorProto.FLOAT, np.float32)
    a, b, result = (helper.make_tensor_value_info(name, kind, [side, side]) for name in ("a", "b", "result"))
    graph = helper.make_graph([helper.make_node("MatMul", ["a", "b"], ["result"])], "matmul", [a, b], [result])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)
    # without TF32, as the detector's float32
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=[(CUDA, {"use_tf32": "0"})])
    values = np.random.default_rng(1).random((side, side), np.float32).astype(number)
    binding = session.io_binding()
    for name in ("a", "b"):
        binding.bind_ortvalue_input(name, onnxruntime.OrtValue.ortvalue_from_numpy(values, "cuda"))
    binding.bind_ortvalue_output(
        "result", onnxruntime.OrtValue.ortvalue_from_shape_and_type((side, side), number, "cuda")
    )
    return 2 * side**3 / 1e9 / min(seconds(partial(session.run_with_iobinding, binding)) for _ in range(TRIES))


def batches_of(provider: str, quick: bool) -> tuple[int, ...]:
    """The batch sizes to measure."""
    if provider == CPU:
        return CPU_BATCHES[:1] if quick else CPU_BATCHES
    return TENSORRT_BATCHES if provider == TENSORRT else BATCHES


def throughput(provider: str, rounds: int, quick: bool, result: Result) -> None:
    """Frames a second of YOLOv3 (random weights) by batch size, copies to and from the device included."""
    files = random_files()
    for half in half_of(provider, quick=quick):
        engine = f"{TITLES[provider]} {_precision(half)}"
        best = dict.fromkeys(SIZES, 0.0)
        of_peak = {size: f"{engine}: YOLOv3-{size} of the matrix product's peak" for size in SIZES}
        if provider in GPU_PROVIDERS:
            result.declare(*of_peak.values())
        for size, batch in product(SIZES, batches_of(provider, quick)):
            with closing(opened(provider, *files, half=half, size=size, batch=batch)) as detector:
                rate = rate_of(detector, batch * (1 if provider == CPU else max(4, 64 // batch)), rounds)
            best[size] = max(rate, best[size])
            result.row(f"{engine}: YOLOv3-{size}, batch {batch}", rate, "frames/s")
        if provider in GPU_PROVIDERS:
            peak = matmul_peak(half)
            result.row(f"{engine}: matrix product, the best of {len(MATRICES)} sizes", peak / 1000, "TFLOP/s")
            for size, rate in best.items():
                work = gflop(read_network(files[0], (size, size)))
                result.ratio(of_peak[size], rate * work / peak)


def rate_of(detector: Detector, pictures: int, rounds: int) -> float:
    """Frames a second, so many at a time, once the detector is warm."""
    infer(detector, pictures, detector.input_size)
    times = [seconds(partial(infer, detector, pictures, detector.input_size)) for _ in range(rounds)]
    return pictures / statistics.median(times)


def random_files() -> tuple[Path, Path]:
    """The .cfg and .weights of YOLOv3 with random weights."""
    folder = random_yolov3.model_folder(MODELS) / random_yolov3.NAME
    return DATA / "yolov3.cfg", folder / f"{random_yolov3.NAME}.weights"


# ---------------------------------------------------------------- a whole video
def whole_video(provider: str, rounds: int, result: Result) -> None:
    """The sample at 1080p by YOLOv3-416, and its stages each by itself, in turn."""
    engine, on_gpu = TITLES[provider], provider in GPU_PROVIDERS
    of_slowest = f"{engine}: whole 1080p video of its slowest stage"
    result.declare(of_slowest)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        detector = stack.enter_context(closing(opened(provider, *random_files(), half=half_of(provider)[0])))
        clip = folder / "1080p.mkv"
        encoding = ("-c:v", "libx264", "-preset", "veryfast", "-frames:v", FRAMES[on_gpu])
        ffmpeg(
            "-stream_loop", -1, "-i", SAMPLE, "-vf", "scale=1920:1080,setpts=N/25/TB", "-r", 25, "-an", *encoding, clip
        )
        picture = probe(clip).video
        assert picture is not None
        infer(detector, 2 * detector.batch_size, (1920, 1080))
        targets = folder / "boxed.avi", folder / "boxes.jsonl"
        box = partial(annotate_video, clip, picture, detector, *targets, hardware=nvdec(picture))
        whole, alone = [], []
        for _ in range(rounds):
            whole.append(picture.frames / seconds(box))
            alone.append(stages(clip, picture, detector, folder / "alone.avi", KEPT[on_gpu]))
    result.row(f"{engine}: whole 1080p video, YOLOv3-416", statistics.median(whole), "frames/s")
    medians = {stage: statistics.median(rates[stage] for rates in alone) for stage in alone[0]}
    for stage, rate in medians.items():
        result.row(f"{engine}: 1080p, {stage} by itself", rate, "frames/s")
    result.row(f"{engine}: 1080p, the slowest stage", min(medians, key=lambda stage: medians[stage]), "")
    result.ratio(of_slowest, median_ratio(whole, [min(rates.values()) for rates in alone]))


def stages(clip: Path, picture: VideoStream, detector: Detector, target: Path, kept: int) -> dict[str, float]:
    """Frames a second of what runs at once in a pipeline, each with the machine to itself: of the first `kept`."""
    with VideoReader(clip, picture, hardware=nvdec(picture)) as reader:
        frames: list[Any] = []
        reading = seconds(lambda: frames.extend(_read(islice(reader, kept), picture, detector)))
    blob = detector.preprocess(view(frames[0], picture))
    heads = detector.start([blob]).result()[0]
    size = (picture.width, picture.height)
    count = max(len(frames), 16 * detector.batch_size)
    inferring = seconds(partial(infer, detector, count, size))
    with VideoWriter(target, size, picture.nominal_rate) as writer:

        def write() -> None:
            for frame in frames:
                found = detector.postprocess(heads, size)
                draw(view(frame, picture), found)
                writer.write(frame)
            writer.finish()

        writing = seconds(write)
    return {
        "decoding and letterboxing": len(frames) / reading,
        "inference": count / inferring,
        "drawing and encoding": len(frames) / writing,
    }


def _read(decoded: Iterable[Any], picture: VideoStream, detector: Detector) -> Iterator[Any]:
    for frame in decoded:
        detector.preprocess(view(frame, picture))
        frame.make_writable()
        yield frame


def main() -> None:
    """Print the table."""
    options = command_line(__doc__, rounds=3).parse_args()
    providers = usable_providers((TENSORRT, CUDA, CPU))
    result = Result("YOLOv3 by ONNX Runtime's execution providers", quick=options.quick)
    if providers == [CPU]:
        result.notes.append("GPU: unmeasured, because this machine has none.")
        for provider in (TENSORRT, CUDA):
            result.row(f"{TITLES[provider]}: YOLOv3-416", None, "")
    rounds = 1 if options.quick else options.rounds
    same_boxes(providers, result)
    for provider in providers:
        throughput(provider, rounds, options.quick, result)
    whole_video(providers[0], rounds, result)
    result.publish(options.json)


if __name__ == "__main__":
    main()
