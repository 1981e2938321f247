"""What benchmarks compute themselves; what they measure is no matter of tests."""

import re
from contextlib import closing
from dataclasses import asdict
from pathlib import Path

import pytest

from avflow.darknet import read_network
from avflow.media import probe
from avflow.stages.yolov3 import DATA
from benchmarks import gpu, inference, pipeline, reasons, report
from benchmarks.common import Result, synthetic
from benchmarks.gpu import gflop
from benchmarks.parts import PARTS
from benchmarks.stand_in import FRAMES_OF_A_CLASS, FindingDetector, FixedCostDetector


@pytest.mark.parametrize(("name", "size", "published"), [("yolov3", 416, 65.86), ("yolov3-tiny", 416, 5.56)])
def test_work_of_a_picture_is_what_darknet_says(name, size, published):
    # https://pjreddie.com/darknet/yolo/ (BFLOPs); ours counts convolutions alone
    assert gflop(read_network(DATA / f"{name}.cfg", (size, size))) == pytest.approx(published, rel=0.01)


def test_no_engine_is_timed_on_its_first_frame(monkeypatch):
    def engine(first, *others):
        return iter([first, *others]).__next__

    ours = {"av-workflow, float": engine(100, 2, 2), "av-workflow, int8": engine(100, 1, 1)}
    monkeypatch.setattr(inference, "peers", lambda *_: ours)
    monkeypatch.setattr(inference, "darknet_frame", lambda *_: engine(1000, 80))
    monkeypatch.setattr(inference.darknet, "LIBRARY", Path(__file__))
    result = Result("Inference")
    model = inference.Model("YOLOv3", Path(), Path(), frames=1, darknet_rounds=1, calibration=0)
    inference.measure(model, 2, result)
    assert result.ratios["YOLOv3: over Darknet"] == 40
    assert result.ratios["YOLOv3: int8 over Darknet"] == 80


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


# ---------------------------------------------------------------- the reasons for missed targets
def test_every_reason_finds_its_figures(monkeypatch, tmp_path):
    monkeypatch.setattr(pipeline, "opened", lambda _: closing(FixedCostDetector()))
    clip = synthetic(tmp_path / "clip.avi", 1, rate=10)
    found = Result("Whole video")
    for model in pipeline.LENGTHS:
        pipeline.compare(model, clip, probe(clip).picture, 1, found)
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
    monkeypatch.setattr(gpu, "_rate", lambda detector, pictures, rounds: 50.0 if pictures == 64 else 5.0)
    monkeypatch.setattr(gpu, "_matmul", lambda side, half: {4096: 80, 8192: 100, 16384: 90}[side] * work)
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
    assert rows["CPU: 1080p, the slowest stage"] == "inference"
    assert found.ratios["CPU: whole 1080p video of its slowest stage"] > 0
