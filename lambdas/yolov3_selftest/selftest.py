"""Load the model of the image, and detect on a built-in photo."""

from __future__ import annotations

import time
from typing import Any

import cv2
import numpy as np

from avflow.annotation.detections import DetectedObject
from avflow.darknet import DATA
from avflow.detection import open_model
from avflow.models.store import ModelStore
from avflow.workflow.reports import ModelEntry
from avflow.workflow.settings import Settings

PICTURE = DATA / "person.jpg"


def run() -> dict[str, Any]:
    """The model with its checksums, the engine, the boxes (pixels) and the durations (seconds)."""
    models = ModelStore()
    name = Settings.from_environ().yolov3_model
    picture = np.asarray(cv2.imread(str(PICTURE)), np.uint8)
    began = time.monotonic()
    detector = open_model(name, models)
    loaded = time.monotonic()
    found = detector.detect([picture])[0]
    detected = time.monotonic()
    detector.close()
    return {
        "model": ModelEntry.of("detector", models.describe(name)).to_dict(),
        "engine": detector.engine,
        "picture": PICTURE.name,
        "boxes": [DetectedObject.of(each).to_dict() for each in found],
        "seconds": {"load": round(loaded - began, 3), "detect": round(detected - loaded, 3)},
    }
