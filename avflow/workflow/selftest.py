"""The self-test of the YOLOv3 image: load its model, and detect on a built-in photo. It sees no upload.

It says what GPU, driver, CUDA and engine there are before it detects. So its log tells what was there if it dies.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import cv2
import numpy as np

from avflow.annotation.detections import DetectedObject
from avflow.darknet import DATA
from avflow.detection import open_model
from avflow.detection.gpu import GpuFacts, gpu_facts
from avflow.models.store import ModelStore
from avflow.workflow.reports import ModelEntry
from avflow.workflow.settings import Settings

PICTURE = DATA / "person.jpg"


def self_test(
    told: Callable[[str], object] = print, facts_of: Callable[[], GpuFacts] = gpu_facts, *, gpu: bool | None = None
) -> dict[str, Any]:
    """The GPU with its driver and CUDA, the model with its sums, the engine, boxes (pixels) and durations (seconds).

    Parameters
    ----------
    told:
        Receives a line about the GPU before anything is loaded, and one about the engine before it detects.
    facts_of:
        Finds out what GPU there is.
    gpu:
        Whether a GPU must be used. When left out: whether this is a job that has one.

    Raises
    ------
    GpuUnavailable
        A GPU must be used, and can't.
    ModelUnavailable
    """
    settings, models = Settings.from_environ(), ModelStore()
    name, facts = settings.yolov3_model, facts_of()
    told(f"self-test: {facts}")
    picture = np.asarray(cv2.imread(str(PICTURE)), np.uint8)
    began = time.monotonic()
    detector = open_model(name, models, "gpu" if (settings.has_gpu if gpu is None else gpu) else "auto")
    loaded = time.monotonic()
    told(f"self-test: {name} on {detector.engine}")
    found = detector.detect([picture])[0]
    detected = time.monotonic()
    detector.close()
    return {
        "gpu": facts.to_dict(),
        "model": ModelEntry.of("detector", models.describe(name)).to_dict(),
        "engine": detector.engine,
        "picture": PICTURE.name,
        "boxes": [DetectedObject.of(each).to_dict() for each in found],
        "seconds": {"load": round(loaded - began, 3), "detect": round(detected - loaded, 3)},
    }
