"""What benchmarks compute themselves; what they measure is no matter of tests."""

from pathlib import Path

import pytest

from avflow.darknet import read_network
from avflow.stages.yolov3 import DATA
from benchmarks import inference
from benchmarks.common import Result
from benchmarks.gpu import gflop
from benchmarks.stand_in import FRAMES_OF_A_CLASS, FindingDetector


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
