"""Inference alone, beside every peer there is: `python -m benchmarks.inference`.

The same network, the same input, the same cores, one engine after another, several rounds: ours
(OpenVINO, in each precision), OpenVINO's own benchmark_app on the same file, ONNX Runtime,
OpenCV 5 DNN, and Darknet's library where Debian's package `darknet` is installed. What counts is
the median of the rounds' ratios. Darknet takes seconds a frame of YOLOv3: it gets a frame or two,
after one that doesn't count, as everybody has.
"""

from __future__ import annotations

import os
import re
import statistics
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from avflow.darknet import DATA
from avflow.darknet.cfg import Network, read_network
from avflow.detection import Detector, open_detector
from avflow.detection.converted import Converted
from avflow.detection.quantization import CALIBRATION_FRAMES, calibration_frames
from avflow.errors import AvflowError, ModelUnavailable
from avflow.models.kinds import PRECISIONS
from avflow.models.store import ModelStore
from benchmarks import original_chain, random_yolov3
from benchmarks.common import SAMPLE, Result, command_line, median_ratio, not_installed, seconds
from benchmarks.pipeline import infer
from benchmarks.random_yolov3 import MODELS
from scripts import record_darknet_boxes as darknet

#: what each ratio is called, the engine that is the slower side of it, and the precision of ours that is the faster
RATIOS = (
    ("over Darknet", "Darknet", "fastest"),
    ("over OpenCV 5 DNN", "OpenCV 5 DNN", "fastest"),
    ("over ONNX Runtime", "ONNX Runtime", "fastest"),
    ("of benchmark_app", "OpenVINO benchmark_app", "fastest"),
    ("int8 over the fastest float", "fastest", "int8"),
    ("int8 over Darknet", "Darknet", "int8"),
)
#: the Python package that a peer is
PACKAGES = {"OpenVINO benchmark_app": "openvino", "ONNX Runtime": "onnxruntime", "OpenCV 5 DNN": "cv2"}
#: benchmark_app without the part of OpenVINO that reports its use to its maker
BENCHMARK_APP = (
    "import sys; sys.modules['openvino_telemetry'] = None; "
    "from openvino.tools.benchmark.main import main; sys.argv[0] = 'benchmark_app'; main()"
)
#: Darknet's network, in its own process
_loaded: list[darknet.Darknet] = []
#: benchmark_app's figure for frames a second
_THROUGHPUT = re.compile(r"Throughput:\s+([\d.]+) FPS")


@dataclass(frozen=True)
class Model:
    """A network and how many frames of it a round gets; Darknet one in each of a few rounds."""

    title: str
    cfg: Path
    weights: Path
    frames: int
    darknet_rounds: int
    calibration: int

    @property
    def network(self) -> Network:
        """As the .cfg says."""
        return read_network(self.cfg)

    @property
    def onnx(self) -> Path:
        """Its file for the engines."""
        return Converted(self.cfg, self.weights, self.network, self.cache).onnx()

    @property
    def cache(self) -> Path:
        """Beside the models, and so kept from run to run."""
        return MODELS / "converted"

    def open(self, precision: str) -> Detector:
        """Our detector on the CPU; the int8 network is made at its first use."""
        detector = partial(open_detector, self.cfg, self.weights, DATA / "coco.names", cache_dir=self.cache)
        if precision == "int8":
            converted = Converted(self.cfg, self.weights, self.network, self.cache)
            try:
                converted.int8()
            except ModelUnavailable:
                converted.quantize(calibration_frames(SAMPLE, self.calibration))
        return detector(device="cpu", precision=precision)


def models(quick: bool) -> list[Model]:
    """YOLOv3-tiny with the published weights, and YOLOv3 with random ones, for time alone."""
    folder = random_yolov3.model_folder(MODELS)
    tiny = ModelStore().fetch("yolov3-tiny") / "yolov3-tiny.weights"
    large = folder / random_yolov3.NAME / f"{random_yolov3.NAME}.weights"
    return [
        Model("YOLOv3-tiny-416", DATA / "yolov3-tiny.cfg", tiny, 40, 5, CALIBRATION_FRAMES),
        Model("YOLOv3-416", DATA / "yolov3.cfg", large, 4 if quick else 8, 1 if quick else 2, 2),
    ]


@dataclass
class Engines:
    """By engine, ours by precision, a function that measures a round, seconds a frame, and its name in the table."""

    works: dict[str, Callable[[], float]]
    titles: dict[str, str]
    #: why one isn't among them
    missing: dict[str, str]


def engines(model: Model, stack: ExitStack) -> Engines:
    """All there are on this machine."""
    size = width, height = model.network.input_size
    blob = np.random.default_rng(1).random((1, 3, height, width), np.float32)
    found = Engines({}, {}, {name: why for name, package in PACKAGES.items() if (why := not_installed(package))})
    frames = model.frames
    for precision in PRECISIONS:
        try:
            detector = model.open(precision)
        except AvflowError as error:
            if precision != "int8":  # which alone may not suit a processor
                raise
            found.missing[precision] = error.message
            continue
        stack.callback(detector.close)
        frames = max(frames, 2 * detector.in_flight)  # with many cores some would else have nothing to do
        found.titles[precision] = f"av-workflow, {detector.engine}"
        found.works[precision] = partial(_per_frame, partial(infer, detector, frames, size), frames)
    times = max(2, model.frames // 4)
    others: dict[str, Callable[[], Callable[[], float]]] = {
        "OpenVINO benchmark_app": lambda: partial(benchmark_app, model, frames),
        "ONNX Runtime": lambda: _repeated(partial(onnx_runtime(model.onnx), blob), times),
        "OpenCV 5 DNN": lambda: _repeated(partial(opencv(model.onnx), blob), times),
    }
    found.works |= {name: opened() for name, opened in others.items() if name not in found.missing}
    if darknet.LIBRARY.exists():
        found.works["Darknet"] = darknet_frame(model, stack)
    else:
        found.missing["Darknet"] = original_chain.UNAVAILABLE
    return found


def _repeated(work: Callable[[], object], times: int) -> Callable[[], float]:
    return partial(_per_frame, partial(_repeat, work, times), times)


def _per_frame(work: Callable[[], None], frames: int) -> float:
    return seconds(work) / frames


def _repeat(work: Callable[[], object], times: int) -> None:
    for _ in range(times):
        work()


def benchmark_app(model: Model, frames: int) -> float:
    """Seconds a frame by OpenVINO's own tool: the same file, the same hint, the same number of frames."""
    width, height = model.network.input_size
    command = [sys.executable, "-c", BENCHMARK_APP, "-m", str(model.onnx), "-d", "CPU", "-hint", "throughput"]
    command += ["-shape", f"[1,3,{height},{width}]", "-niter", str(frames)]
    answer = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    found = _THROUGHPUT.search(answer)
    if found is None:
        raise RuntimeError(f"benchmark_app named no throughput:\n{answer}")
    return 1 / float(found[1])


def onnx_runtime(path: Path) -> Callable[[NDArray[np.float32]], object]:
    """ONNX Runtime as anyone would use it on a CPU."""
    import onnxruntime  # noqa: PLC0415  heavy

    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    return lambda blob: session.run(None, {"image": blob})


def opencv(path: Path) -> Callable[[NDArray[np.float32]], object]:
    """OpenCV's own engine on the same file."""
    network = cv2.dnn.readNetFromONNX(str(path))
    names = network.getUnconnectedOutLayersNames()

    def run(blob: NDArray[np.float32]) -> object:
        network.setInput(blob)
        return network.forward(names)

    return run


def _load_darknet(cfg: Path, weights: Path) -> None:
    """In the process that will run it."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (1, 2):  # it prints every layer
        os.dup2(nowhere, stream)
    _loaded.append(darknet.Darknet(cfg, weights))


def _darknet_seconds() -> float:
    network = _loaded[0]
    return seconds(partial(network.output, darknet.random_blob(network.input_size[0])))


def darknet_frame(model: Model, stack: ExitStack) -> Callable[[], float]:
    """Seconds of one of its frames; in a process of its own, as its library changes how floats are computed."""
    initial = {"initializer": _load_darknet, "initargs": (model.cfg, model.weights)}
    process = stack.enter_context(ProcessPoolExecutor(1, get_context("spawn"), **initial))
    return lambda: process.submit(_darknet_seconds).result()


def measure(model: Model, rounds: int, result: Result) -> None:
    """All engines in turn."""
    result.declare(*(f"{model.title}: {name}" for name, *_ in RATIOS))
    times: dict[str, list[float]] = {}
    with ExitStack() as stack:
        found = engines(model, stack)
        for work in found.works.values():  # once for nothing: threads, caches, memory
            work()
        for number in range(rounds):
            for name, work in found.works.items():
                if name != "Darknet" or number < model.darknet_rounds:
                    times.setdefault(name, []).append(work())
    for name, measured in times.items():
        result.row(f"{model.title}: {found.titles.get(name, name)}", 1000 * statistics.median(measured), "ms a frame")
    for name, slower, faster in RATIOS:
        title = f"{model.title}: {name}"
        if why := found.missing.get(slower) or found.missing.get(faster):
            result.skip(why, title)
        else:
            above, below = times[slower], times[faster]
            result.ratio(title, median_ratio(above, below[: len(above)]))


def main() -> None:
    """Print the table."""
    options = command_line(__doc__, rounds=5).parse_args()
    result = Result("Inference on one 416x416 image", quick=options.quick)
    for model in models(options.quick):
        measure(model, 2 if options.quick else options.rounds, result)
    result.publish(options.json)


if __name__ == "__main__":
    main()
