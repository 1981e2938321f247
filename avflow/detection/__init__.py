"""Finding objects in pictures with Darknet's YOLOv3 networks."""

from avflow.detection.detector import OVERLAP, THRESHOLD, Detection, Detector
from avflow.detection.named import convert_model, open_model, quantize_model, require_int8
from avflow.detection.opening import Device, open_detector
from avflow.models.kinds import Precision

__all__ = [
    "OVERLAP",
    "THRESHOLD",
    "Detection",
    "Detector",
    "Device",
    "Precision",
    "convert_model",
    "open_detector",
    "open_model",
    "quantize_model",
    "require_int8",
]
