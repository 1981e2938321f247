"""The proof of the converter: on real pictures our boxes are Darknet's own.

Compared with what scripts/record_darknet_boxes.py recorded, and with Darknet's library itself
where it is installed.
"""

import json
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import cv2
import numpy as np
import pytest

from avflow.darknet import read_names, read_network
from avflow.detection import Detection
from avflow.detection.converted import Converted
from avflow.detection.detector import YoloDetector
from avflow.detection.letterbox import Letterbox
from avflow.detection.onnxruntime_detector import CPU_PROVIDERS, OnnxRuntimeDetector
from avflow.detection.openvino_detector import OpenVinoDetector
from avflow.detection.quantization import intersection_over_union as overlap
from avflow.models import ModelStore
from scripts import record_darknet_boxes as recorder

BOXES = json.loads((recorder.RECORDINGS / "boxes.json").read_text())
needs_library = pytest.mark.skipif(not recorder.LIBRARY.exists(), reason="Debian's darknet is not installed")


def open_engine(engine: str, folder: Path) -> YoloDetector:
    weights = ModelStore().fetch("yolov3-tiny") / "yolov3-tiny.weights"
    network = read_network(recorder.CFG)
    model = (
        Converted(recorder.CFG, weights, network, folder).onnx(),
        network,
        read_names(recorder.DATA / "coco.names", network),
    )
    match engine:
        case "openvino":
            return OpenVinoDetector(*model, cache_dir=folder)
        case "openvino-fp32":
            return OpenVinoDetector(*model, precision="fp32", cache_dir=folder)
        case "onnxruntime":
            return OnnxRuntimeDetector(*model, providers=CPU_PROVIDERS)
        case _:
            half = Converted(recorder.CFG, weights, network, folder).onnx(half=True)
            return OnnxRuntimeDetector(half, *model[1:], half=True, providers=CPU_PROVIDERS)


@pytest.fixture(scope="module", params=["openvino", "openvino-fp32", "onnxruntime", "onnxruntime-half"])
def engine(request) -> str:
    return request.param


@pytest.fixture(scope="module")
def detector(engine, tmp_path_factory) -> Iterator[YoloDetector]:
    with open_engine(engine, tmp_path_factory.mktemp("model")) as detector:
        yield detector


@pytest.fixture(scope="module")
def look():
    """Darknet's library in a process of its own."""
    weights = ModelStore().fetch("yolov3-tiny") / "yolov3-tiny.weights"
    with ProcessPoolExecutor(1, get_context("spawn")) as process:
        yield lambda frame: process.submit(recorder.look, recorder.CFG, weights, frame).result()


def picture(name: str) -> np.ndarray:
    return cv2.imread(str(recorder.RECORDINGS / f"{name}.jpg"))


def darknet_letterbox(frame: np.ndarray, size: int = 416) -> np.ndarray:
    """Darknet's letterbox_image, in its own steps and in float32 as there."""
    height, width = frame.shape[:2]
    inner = Letterbox.fit((width, height), (size, size)).scaled_size
    value = frame[..., ::-1].transpose(2, 0, 1).astype(np.float32) / np.float32(255)
    value, _ = darknet_resize(value, inner[0], axis=2)
    value, lost = darknet_resize(value, inner[1], axis=1)
    value[:, -1] -= lost  # Darknet forgets it in the last row, which comes out dark if rounding makes it large
    blob = np.full((3, size, size), 0.5, np.float32)
    left, top = (size - inner[0]) // 2, (size - inner[1]) // 2
    blob[:, top : top + inner[1], left : left + inner[0]] = value
    return blob


def darknet_resize(value: np.ndarray, target: int, axis: int) -> tuple[np.ndarray, np.ndarray]:
    """One direction of Darknet's resize_image, and what the pixel after adds to the last one."""
    source = value.shape[axis]
    step = np.float32(source - 1) / np.float32(target - 1)
    position = np.arange(target, dtype=np.float32) * step
    first = np.minimum(position.astype(int), source - 1)
    share = (position - first).reshape((-1, 1) if axis == 1 else (1, -1))
    after = share * np.take(value, np.minimum(first + 1, source - 1), axis)
    return (1 - share) * np.take(value, first, axis) + after, np.take(after, -1, axis)


def clipped(box: list[float], frame: np.ndarray) -> tuple[float, float, float, float]:
    height, width = frame.shape[:2]
    left, top = max(0.0, box[0]), max(0.0, box[1])
    return left, top, min(width, box[0] + box[2]) - left, min(height, box[1] + box[3]) - top


def require_agreement(
    ours: list[Detection], theirs: list[dict], frame: np.ndarray, same_box: float, same_confidence: float
) -> None:
    """Every box of either side has its equal on the other."""

    def equal(mine: Detection, other: dict) -> bool:
        return (
            mine.class_id == other["class_id"]
            and overlap(mine.box, clipped(other["box"], frame)) >= same_box
            and abs(mine.confidence - other["confidence"]) <= same_confidence
        )

    missing = [other for other in theirs if other["confidence"] >= 0.3 and not any(equal(mine, other) for mine in ours)]
    extra = [mine for mine in ours if mine.confidence >= 0.35 and not any(equal(mine, other) for other in theirs)]
    assert not missing
    assert not extra


def tolerances(engine: str) -> dict[str, float]:
    # bfloat16 has 8 significant bits: of two nearly equal boxes of one object the other one may win
    if engine == "openvino":
        return {"same_box": 0.75, "same_confidence": 0.05}
    if engine == "onnxruntime-half":
        return {"same_box": 0.95, "same_confidence": 0.01}
    return {"same_box": 0.98, "same_confidence": 0.005}


@pytest.mark.parametrize("name", BOXES)
def test_the_boxes_are_those_that_darknet_found(detector, engine, name):
    frame = picture(name)
    require_agreement(detector.detect([frame])[0], BOXES[name], frame, **tolerances(engine))


def test_nearly_all_boxes_lie_where_darknets_do(detector):
    overlaps = []
    for name, boxes in BOXES.items():
        frame = picture(name)
        ours = detector.detect([frame])[0]
        for box in boxes:
            if box["confidence"] >= 0.3:
                same = [mine for mine in ours if mine.class_id == box["class_id"]]
                overlaps.append(max(overlap(mine.box, clipped(box["box"], frame)) for mine in same))
    assert np.mean(np.array(overlaps) >= 0.95) >= 0.95


def test_the_recording_holds_something_to_compare():
    assert sum(box["confidence"] >= 0.3 for boxes in BOXES.values() for box in boxes) >= 40
    assert len({box["class_id"] for boxes in BOXES.values() for box in boxes}) >= 8


@pytest.mark.parametrize("name", BOXES)
def test_raw_heads_on_darknets_own_input(detector, engine, name):
    heads = detector.start([darknet_letterbox(picture(name))]).result()[0]
    tolerance = {"openvino": 1.0, "onnxruntime-half": 0.1}.get(engine, 1e-3)
    with np.load(recorder.RECORDINGS / "heads.npz") as recorded:
        for number, head in enumerate(heads):
            np.testing.assert_allclose(recorder.sampled(head), recorded[f"{name}.{number}"], rtol=0, atol=tolerance)


@pytest.mark.parametrize("name", BOXES)
def test_our_input_is_darknets(detector, name):
    frame = picture(name)
    # Darknet's last scaled row may come out dark by a rounding error of its own: left out
    rows = slice(0, sum(Letterbox.fit(frame.shape[1::-1], (416, 416)).scaled_size[1:]) - 1)
    difference = np.abs(detector.preprocess(frame) - darknet_letterbox(frame))[:, rows]
    assert difference.max() < 1e-4


@pytest.fixture(scope="module")
def exact(tmp_path_factory) -> Iterator[YoloDetector]:
    with open_engine("openvino-fp32", tmp_path_factory.mktemp("model")) as detector:
        yield detector


@needs_library
# Darknet takes two seconds a picture, and what it found is recorded: that the record is true takes but two
@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[] if name in ("dog", "my_video_040") else pytest.mark.slow) for name in BOXES]
)
def test_darknet_itself(look, exact, name):
    frame = picture(name)
    boxes, blob, heads = look(frame)
    require_agreement(exact.detect([frame])[0], boxes, frame, **tolerances("openvino-fp32"))
    np.testing.assert_allclose(darknet_letterbox(frame), blob, rtol=0, atol=1e-5)
    for head, wanted in zip(exact.start([blob]).result()[0], heads, strict=True):
        np.testing.assert_allclose(head.ravel(), wanted, rtol=0, atol=1e-3)


@needs_library
@pytest.mark.slow
@pytest.mark.parametrize("name", ["kite", "horses"])
def test_darknet_itself_on_large_originals(look, exact, name):
    frame = cv2.imread(str(recorder.PICTURES / f"{name}.jpg"))
    require_agreement(exact.detect([frame])[0], look(frame)[0], frame, **tolerances("openvino-fp32"))
