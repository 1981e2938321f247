"""Platforms that OpenVINO has no package for: ONNX Runtime gives the same boxes on the CPU."""

import sys

import pytest

from avflow.darknet.cfg import read_network
from avflow.detection import Detector, open_detector
from avflow.detection.converted import Converted
from avflow.detection.quantization import calibration_frames
from avflow.models.store import ModelStore
from scripts.record_darknet_boxes import CFG, DATA, ROOT
from tests.unit.detection.test_agreement import BOXES, picture, require_agreement, tolerances

NAMES = DATA / "coco.names"


@pytest.fixture(scope="module")
def weights():
    return ModelStore().fetch("yolov3-tiny") / "yolov3-tiny.weights"


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def open_cpu(weights, cache, monkeypatch):
    monkeypatch.setitem(sys.modules, "openvino", None)  # an import then fails (Language Reference, "The module cache")

    def open_cpu(precision) -> Detector:
        return open_detector(CFG, weights, NAMES, cache_dir=cache, device="cpu", precision=precision)

    return open_cpu


@pytest.mark.parametrize("precision", ["fastest", "fp32"])
def test_the_boxes_are_those_that_darknet_found(open_cpu, precision):
    with open_cpu(precision) as detector:
        assert detector.engine == "ONNX Runtime, CPUExecutionProvider, fp32"
        for name, boxes in BOXES.items():
            frame = picture(name)
            require_agreement(detector.detect([frame])[0], boxes, frame, **tolerances("onnxruntime"))


@pytest.mark.slow
def test_int8_runs_and_says_so(open_cpu, weights, cache):
    Converted(CFG, weights, read_network(CFG), cache).quantize(calibration_frames(ROOT / "samples/my_video.mkv"))
    with open_cpu("int8") as detector:
        assert detector.engine == "ONNX Runtime, CPUExecutionProvider, int8"
        assert {one.class_name for one in detector.detect([picture("dog")])[0]} >= {"dog", "car"}
