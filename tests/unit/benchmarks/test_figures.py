"""What benchmarks compute themselves; what they measure is no matter of tests."""

import re
import subprocess
import sys
from contextlib import ExitStack, closing
from dataclasses import asdict
from itertools import chain, repeat
from pathlib import Path

import pytest

from avflow.darknet import DATA
from avflow.darknet.cfg import read_network
from avflow.errors import ModelUnavailable
from avflow.media import probe
from benchmarks import gpu, inference, original_chain, peak_memory, pipeline, reasons, report
from benchmarks.common import Result, synthetic
from benchmarks.gpu import gflop
from benchmarks.parts import PARTS
from benchmarks.stand_in import FRAMES_OF_A_CLASS, FindingDetector, FixedCostDetector


@pytest.mark.parametrize(("name", "size", "published"), [("yolov3", 416, 65.86), ("yolov3-tiny", 416, 5.56)])
def test_work_of_a_picture_is_what_darknet_says(name, size, published):
    # https://pjreddie.com/darknet/yolo/ (BFLOPs); ours counts convolutions alone
    assert gflop(read_network(DATA / f"{name}.cfg", (size, size))) == pytest.approx(published, rel=0.01)


MODEL = inference.Model("YOLOv3", Path(), Path(), frames=1, darknet_rounds=1, calibration=0)


def engines(missing=None, **times):
    """Each takes 100 s a frame the first time, later what is given here."""
    works = {name: chain([100.0], repeat(took)).__next__ for name, took in times.items()}
    return lambda *_: inference.Engines(works, {}, missing or {})


def test_no_engine_is_timed_on_its_first_frame(monkeypatch):
    found = engines(
        fastest=2, int8=1, Darknet=80, **{"OpenCV 5 DNN": 8, "ONNX Runtime": 4, "OpenVINO benchmark_app": 2}
    )
    monkeypatch.setattr(inference, "engines", found)
    result = Result("Inference")
    inference.measure(MODEL, 2, result)
    assert result.ratios == {
        "YOLOv3: over Darknet": 40,
        "YOLOv3: over OpenCV 5 DNN": 4,
        "YOLOv3: over ONNX Runtime": 2,
        "YOLOv3: of benchmark_app": 1,
        "YOLOv3: int8 over the fastest float": 2,
        "YOLOv3: int8 over Darknet": 80,
    }


def test_what_needs_a_missing_engine_has_its_reason_whichever_side_it_is_on(monkeypatch, tmp_path):
    missing = {"Darknet": "no Darknet", "ONNX Runtime": "no ONNX Runtime", "int8": "int8 does not suit this processor"}
    found = engines(missing, fastest=2, **{"OpenCV 5 DNN": 8, "OpenVINO benchmark_app": 2})
    monkeypatch.setattr(inference, "engines", found)
    result = Result("Inference")
    inference.measure(MODEL, 2, result)
    assert result.skipped == {
        "YOLOv3: over Darknet": "no Darknet",
        "YOLOv3: over ONNX Runtime": "no ONNX Runtime",
        "YOLOv3: int8 over the fastest float": "int8 does not suit this processor",
        "YOLOv3: int8 over Darknet": "no Darknet",
    }
    assert set(result.ratios) == {"YOLOv3: over OpenCV 5 DNN", "YOLOv3: of benchmark_app"}
    result.publish(tmp_path / "inference.json")


def test_engines_that_are_not_installed_and_a_precision_that_is_refused_are_told_apart(monkeypatch):
    def opened(self, precision):
        if precision == refused:
            raise ModelUnavailable(f"no {precision} here")
        return FixedCostDetector()

    monkeypatch.setattr(inference.Model, "open", opened)
    monkeypatch.setattr(inference.Model, "network", read_network(DATA / "yolov3-tiny.cfg"))
    monkeypatch.setattr(inference, "not_installed", lambda package: f"{package} is not installed")
    monkeypatch.setattr(inference.darknet, "LIBRARY", Path("/nowhere"))
    refused = "int8"
    with ExitStack() as stack:
        found = inference.engines(MODEL, stack)
    assert list(found.works) == ["fastest", "fp32"]
    assert set(found.missing) == {"OpenVINO benchmark_app", "ONNX Runtime", "OpenCV 5 DNN", "Darknet", "int8"}
    assert found.missing["int8"] == "no int8 here."
    refused = "fastest"  # a fault, and no matter of the processor
    with ExitStack() as stack, pytest.raises(ModelUnavailable):
        inference.engines(MODEL, stack)


@pytest.mark.parametrize("darknet", [False, True])
def test_the_chain_says_why_it_is_not_measured(monkeypatch, tmp_path, darknet):
    monkeypatch.setattr(original_chain, "DARKNET", tmp_path / "darknet")
    monkeypatch.setattr(original_chain, "DARKNET_FOLDER", tmp_path)
    monkeypatch.setattr(original_chain, "not_installed", lambda package: f"no {package}")
    (tmp_path / "data" / "labels").mkdir(parents=True)
    if darknet:
        (tmp_path / "darknet").touch()
    assert original_chain.unavailable() == ("no pocketsphinx" if darknet else original_chain.UNAVAILABLE)


def test_the_memory_benchmark_meets_new_labels_in_every_minute():
    detector = FindingDetector()
    frames = [detector.postprocess([], (160, 120)) for _ in range(2 * FRAMES_OF_A_CLASS)]
    first, second = (
        {(found.class_name, f"{found.confidence:.0%}") for frame in part for found in frame}
        for part in (frames[:FRAMES_OF_A_CLASS], frames[FRAMES_OF_A_CLASS:])
    )
    assert min(len(first), len(second)) > 200
    assert not first & second
    assert all(0.25 <= found.confidence <= 1 and found.box[0] < 160 for frame in frames for found in frame)


@pytest.mark.parametrize("system", ["Linux", "without proc"])
def test_peak_memory_counts_what_a_process_has(monkeypatch, tmp_path, system):
    if system != "Linux":
        monkeypatch.setattr(peak_memory, "PROC", tmp_path)
    code = "import sys; kept = bytes(range(256)) * 400_000; print(flush=True); sys.stdin.read()"  # 102.4 MB
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        process.stdout.readline()
        assert 102.4e6 < peak_memory.high_water(process.pid) < 150e6
        process.stdin.close()
    assert peak_memory.high_water(process.pid) == 0


# ---------------------------------------------------------------- the reasons for missed targets
def test_every_reason_finds_its_figures(monkeypatch, tmp_path):
    monkeypatch.setattr(pipeline, "opened", lambda _: closing(FixedCostDetector()))
    clip = synthetic(tmp_path / "clip.avi", 1, rate=10)
    found = Result("Whole video")
    for model in pipeline.LENGTHS:
        pipeline.compare(model, clip, probe(clip).video, 1, found)
    figures = reasons.Figures({**report.load(), "pipeline": asdict(found)})
    targets = {name for part in PARTS for name in part.targets}
    assert set(reasons.REASONS) <= targets
    for name, why in reasons.REASONS.items():
        assert re.search(r"takes? [\d.]+ m?s\b", why(figures)), name


# ---------------------------------------------------------------- the GPU's part
@pytest.fixture(autouse=True)
def _stand_in(monkeypatch):
    """For the network, on whichever provider."""
    monkeypatch.setattr(gpu, "random_files", lambda: (DATA / "yolov3.cfg", Path()))
    monkeypatch.setattr(gpu, "opened", lambda *_, **__: FixedCostDetector(0.05))


def test_a_gpu_is_compared_with_the_best_of_its_matrix_products_and_a_cpu_with_none(monkeypatch):
    work = gflop(read_network(DATA / "yolov3.cfg", (416, 416)))
    monkeypatch.setattr(gpu, "rate_of", lambda detector, pictures, rounds: 50.0 if pictures == 64 else 5.0)
    monkeypatch.setattr(gpu, "matmul", lambda side, half: {4096: 80, 8192: 100, 16384: 90}[side] * work)
    on_cpu, on_gpu = Result("CPU"), Result("GPU")
    gpu.throughput(gpu.CPU, 1, True, on_cpu)
    gpu.throughput(gpu.TENSORRT, 1, True, on_gpu)
    assert on_cpu.ratios == {}
    assert on_gpu.ratios["TensorRT fp16: YOLOv3-416 of the matrix product's peak"] == 0.5


def test_the_slowest_stage_of_a_whole_video_is_named(monkeypatch):
    monkeypatch.setattr(gpu, "FRAMES", {False: 6})
    found = Result("CPU")
    gpu.whole_video(gpu.CPU, 1, found)
    rows = {row["name"]: row["value"] for row in found.rows}
    alone = {name.split(", ")[1].removesuffix(" by itself"): rate for name, rate in rows.items() if "by itself" in name}
    assert len(alone) == 3
    assert rows["CPU: 1080p, the slowest stage"] == min(alone, key=alone.get)
    assert found.ratios["CPU: whole 1080p video of its slowest stage"] > 0
