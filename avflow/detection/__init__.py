"""Finding objects in pictures with Darknet's YOLOv3 networks."""

from avflow.detection.detector import OVERLAP, THRESHOLD, Detection, Detector
from avflow.detection.opening import open_detector

__all__ = ["OVERLAP", "THRESHOLD", "Detection", "Detector", "open_detector"]
