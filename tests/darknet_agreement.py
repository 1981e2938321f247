"""Compares our boxes with Darknet's, which scripts/record_darknet_boxes.py recorded."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from avflow.darknet.cfg import read_names, read_network
from avflow.detection import Detection
from avflow.detection.agreement import intersection_over_union as overlap
from avflow.detection.converted import Converted
from avflow.detection.detector import YoloDetector
from avflow.detection.letterbox import Letterbox
from avflow.detection.onnxruntime_detector import CPU_PROVIDERS, OnnxRuntimeDetector
from avflow.detection.openvino_detector import OpenVinoDetector
from avflow.models.store import ModelStore
from scripts import record_darknet_boxes as recorder
from tests.engines import needs_openvino

BOXES = json.loads((recorder.RECORDINGS / "boxes.json").read_text())
ENGINES = (
    pytest.param("openvino", marks=needs_openvino),
    pytest.param("openvino-fp32", marks=needs_openvino),
    "onnxruntime",
    "onnxruntime-half",
)


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


def picture(name: str) -> np.ndarray:
    return cv2.imread(str(recorder.RECORDINGS / f"{name}.jpg"))


def darknet_letterbox(frame: np.ndarray, size: int = 416) -> np.ndarray:
    """Darknet's letterbox_image, with the same steps in float32."""
    height, width = frame.shape[:2]
    inner = Letterbox.fit((width, height), (size, size)).scaled_size
    value = frame[..., ::-1].transpose(2, 0, 1).astype(np.float32) / np.float32(255)
    value, _ = darknet_resize(value, inner[0], axis=2)
    value, lost = darknet_resize(value, inner[1], axis=1)
    value[:, -1] -= lost  # Darknet omits this term in the last row, which becomes dark if rounding makes it large
    blob = np.full((3, size, size), 0.5, np.float32)
    left, top = (size - inner[0]) // 2, (size - inner[1]) // 2
    blob[:, top : top + inner[1], left : left + inner[0]] = value
    return blob


def darknet_resize(value: np.ndarray, target: int, axis: int) -> tuple[np.ndarray, np.ndarray]:
    """One direction of Darknet's resize_image, and the contribution of the next pixel to the last row or column."""
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
    """Assert that every box of one side has an equal box on the other side."""

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
    # bfloat16 has 8 significant bits, so non-maximum suppression may choose the other of two nearly equal boxes
    if engine == "openvino":
        return {"same_box": 0.75, "same_confidence": 0.05}
    if engine == "onnxruntime-half":
        return {"same_box": 0.95, "same_confidence": 0.01}
    return {"same_box": 0.98, "same_confidence": 0.005}
