"""The int8 network: made from real frames, and nearly as right as fp32 on frames it wasn't made from."""

import shutil
import subprocess
from pathlib import Path

import av
import cv2
import numpy as np
import onnx
import pytest

from avflow.darknet import read_network
from avflow.detection import Detection, open_detector
from avflow.detection.converted import Converted
from avflow.detection.quantization import CALIBRATION_FRAMES, calibration_frames, recall
from avflow.errors import InvalidMediaNoStreams
from avflow.ffmpeg import binary
from avflow.models import ModelStore
from scripts.record_darknet_boxes import CFG, DATA, RECORDINGS, ROOT

SAMPLE = ROOT / "samples/my_video.mkv"
NAMES = DATA / "coco.names"


def box(left: float, class_id: int = 0, size: float = 10) -> Detection:
    return Detection(class_id, "thing", 0.9, (left, 0, size, size))


@pytest.fixture(scope="module")
def weights() -> Path:
    return ModelStore().fetch("yolov3-tiny") / "yolov3-tiny.weights"


@pytest.fixture(scope="module")
def cache(weights, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("cache")
    Converted(CFG, weights, read_network(CFG), folder).quantize(calibration_frames(SAMPLE))
    return folder


@pytest.fixture(scope="module")
def other_frames() -> list[np.ndarray]:
    """Frames of the sample that calibration didn't see."""
    with av.open(str(SAMPLE)) as video:
        frames = [frame.to_ndarray(format="bgr24") for frame in video.decode(video=0)]
    seen = {number * len(frames) // CALIBRATION_FRAMES for number in range(CALIBRATION_FRAMES)}
    return [frame for number, frame in enumerate(frames) if number not in seen][::4]


@pytest.fixture(scope="module")
def pictures() -> list[np.ndarray]:
    """Pictures of quite other things."""
    return [cv2.imread(str(path)) for path in RECORDINGS.glob("*.jpg") if not path.stem.startswith("my_video")]


@pytest.mark.parametrize(("source", "least"), [("other_frames", 0.95), ("pictures", 0.85)])
def test_finds_what_fp32_finds(source, least, weights, cache, request):
    frames = request.getfixturevalue(source)
    found = {}
    for precision in ("fp32", "int8"):
        with open_detector(CFG, weights, NAMES, cache_dir=cache, device="cpu", precision=precision) as detector:
            found[precision] = detector.detect(frames)
            assert detector.engine.endswith(", int8") == (precision == "int8")
    assert sum(map(len, found["fp32"])) >= 19
    assert recall(found["fp32"], found["int8"]) >= least
    assert recall(found["int8"], found["fp32"]) >= least  # and hardly anything else


def test_convolutions_are_int8_but_for_those_before_the_heads(cache):
    nodes = onnx.load(next(cache.glob("*.int8.onnx"))).graph.node
    makers = {output: node.op_type for node in nodes for output in node.output}
    inputs = [makers.get(node.input[1]) for node in nodes if node.op_type == "Conv"]
    assert inputs.count("DequantizeLinear") == len(inputs) - 2 == 11


def test_what_quantizing_leaves_is_one_file(weights, cache, capfd):
    assert sorted(path.name.split(".", 1)[1] for path in cache.glob("*.*")) == ["int8.onnx", "onnx"]


class TestCalibrationFrames:
    def test_of_a_video_are_evenly_spread(self, tmp_path):
        video = tmp_path / "grey.avi"
        picture = "color=black:size=64x48:rate=10:duration=4,geq=lum='16+5*N':cb=128:cr=128"
        subprocess.run(
            [binary(), "-v", "error", "-f", "lavfi", "-i", picture, "-c:v", "ffv1", "-pix_fmt", "yuv420p", video],
            check=True,
        )
        levels = [int(frame.mean()) for frame in calibration_frames(video, 4)]
        assert np.diff(levels) == pytest.approx(5 * 10 * 255 / 219, abs=1.5)
        assert len(calibration_frames(video, 100)) == 40

    def test_of_a_folder(self, tmp_path):
        for name in ("dog", "kite", "horses"):
            shutil.copy(RECORDINGS / f"{name}.jpg", tmp_path)
        (tmp_path / "notes.txt").write_text("not a picture")
        (tmp_path / "damaged.png").write_bytes(b"nor this")
        frames = calibration_frames(tmp_path)
        assert len(frames) == 3
        assert all(frame.ndim == 3 and frame.dtype == np.uint8 for frame in frames)

    def test_without_any_says_so(self, tmp_path):
        with pytest.raises(InvalidMediaNoStreams, match="holds no picture that can be read"):
            calibration_frames(tmp_path)


class TestRecall:
    def test_nothing_to_find_is_all_of_it(self):
        assert recall([[]], [[box(0)]]) == 1

    def test_counts_boxes_of_the_same_class_that_overlap(self):
        assert recall([[box(0), box(100)]], [[box(3), box(300)]]) == 0.5
        assert recall([[box(0)]], [[box(0, class_id=1)]]) == 0
        assert recall([[box(0)]], [[box(4)]]) == 0  # 60 of 140
        assert recall([[box(0)]], [[box(4)]], overlap=0.4) == 1

    def test_pictures_are_compared_each_with_its_own(self):
        assert recall([[box(0)], []], [[], [box(0)]]) == 0

    def test_one_box_stands_for_one_only(self):
        assert recall([[box(0), box(1)]], [[box(0)]]) == 0.5
