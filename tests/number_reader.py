"""A detector that stands in for YOLOv3: it reads the number on each frame of the numbered test videos."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np

from avflow.detection import Detection
from avflow.video.yuv import YuvFrame
from tests.media_samples import number_of


def bgr(frame: YuvFrame) -> np.ndarray:
    i420 = np.concatenate([plane.ravel() for plane in (frame.luma, frame.blue, frame.red)])
    return cv2.cvtColor(i420.reshape(-1, frame.size[0]), cv2.COLOR_YUV2BGR_I420)


class NumberReader:
    """A detector that reads the number on each frame and returns one object, at a place that tells the number."""

    input_size = (160, 128)
    names = ("number",)
    in_flight = 2

    def __init__(self, batch_size: int = 1, seconds: float = 0.0) -> None:
        self.batch_size = batch_size
        self.batches: list[int] = []
        self.in_pipeline: list[int] = []
        self.max_in_pipeline = 0
        self._seconds = seconds
        self._worker = ThreadPoolExecutor(1)

    def preprocess(self, frame):
        self.in_pipeline.append(0)
        self.max_in_pipeline = max(self.max_in_pipeline, len(self.in_pipeline))
        return number_of(bgr(frame))

    def start(self, blobs):
        self.batches.append(len(blobs))
        return self._worker.submit(self._infer, list(blobs))

    def _infer(self, blobs):
        time.sleep(self._seconds)
        return blobs

    def postprocess(self, heads, frame_size):
        assert frame_size == (160, 128)
        self.in_pipeline.pop()
        # below the number, which must stay readable
        return [Detection(0, "odd" if heads % 2 else "even", 0.123456, (float(heads % 100), 118.06, 10.0, 6.0))]

    def detect(self, frames):
        raise NotImplementedError

    def close(self):
        self._worker.shutdown()
