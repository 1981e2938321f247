"""Detectors without a network, for measuring what is around the real one."""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np

from avflow.detection import Detection
from avflow.detection.heads import Heads
from avflow.detection.letterbox import Blob, Frame
from avflow.video.yuv import YuvFrame

#: seconds that a frame takes in `benchmarks.segments`
FRAME_SECONDS = 0.006

#: after so many frames other classes are found
FRAMES_OF_A_CLASS = 1500
#: the least confidence that is found, and the steps in which it goes through the rest: far, so that it is soon another
_LEAST, _STEP = 0.25, 0.618


class FixedCostDetector:
    """Finds nothing. Takes `cost` seconds of waiting for a frame, and no processor; see `avflow.detection.Detector`."""

    input_size = (32, 32)
    names: tuple[str, ...] = ()
    engine = "none, a fixed cost a frame"
    batch_size = 1
    in_flight = 2

    def __init__(self, cost: float = 0.0) -> None:
        self._cost = cost
        self._worker = ThreadPoolExecutor(1)
        self._blob: Blob = np.zeros((3, 32, 32), np.float32)

    def preprocess(self, frame: Frame | YuvFrame) -> Blob:
        return self._blob

    def start(self, blobs: Sequence[Blob]) -> Future[list[Heads]]:
        return self._worker.submit(self._wait, len(blobs))

    def _wait(self, count: int) -> list[Heads]:
        if self._cost:
            time.sleep(self._cost * count)
        return [[]] * count

    def postprocess(self, heads: Heads, frame_size: tuple[int, int]) -> list[Detection]:
        return []

    def detect(self, frames: Sequence[Frame]) -> list[list[Detection]]:
        return [[] for _ in frames]

    def close(self) -> None:
        self._worker.shutdown()


class FindingDetector(FixedCostDetector):
    """Finds three objects in every frame, at no cost. However long the video, new labels never cease to come."""

    def __init__(self) -> None:
        super().__init__()
        self._frames = 0

    def postprocess(self, heads: Heads, frame_size: tuple[int, int]) -> list[Detection]:
        number, self._frames = self._frames, self._frames + 1
        width, height = frame_size
        return [
            Detection(
                class_id=(class_id := 3 * (number // FRAMES_OF_A_CLASS) + which),
                class_name=f"object {class_id}",
                confidence=_LEAST + (1 - _LEAST) * ((number + which / 3) * _STEP % 1),
                box=((number + which * width / 3) % width, number // width % height, width / 3, height / 3),
            )
            for which in range(3)
        ]
