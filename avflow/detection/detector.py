"""The interface of a detector, and the part that all engines share: everything except inference.

A pipeline whose threads overlap calls the four parts of `detect` separately::

    blob = detector.preprocess(frame)  # any thread
    request = detector.start([blob])  # returns at once; `batch_size` images, `in_flight` requests
    heads = request.result()[0]  # waits
    boxes = detector.postprocess(heads, frame_size)  # any thread

`start` puts the images into a queue. `in_flight` threads take them from it and run outside of Python's global lock, so
requests may end in another order than they began. The result is a `concurrent.futures.Future`. The queue has no limit:
the caller must limit the requests that it starts.
"""

from __future__ import annotations

import tempfile
from abc import ABC, abstractmethod
from collections.abc import Collection, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self, overload

import numpy as np

from avflow.darknet.cfg import Network
from avflow.detection.heads import Heads, corners, decode, suppress
from avflow.detection.letterbox import Blob, Frame, Letterbox
from avflow.detection.pictures import is_picture, picture, pictures
from avflow.video.yuv import YuvFrame

#: Darknet's defaults
THRESHOLD = 0.25
OVERLAP = 0.45


@dataclass(frozen=True)
class Detection:
    """One object in one frame.

    Parameters
    ----------
    confidence:
        Probability, 0 to 1, that there is an object of this class.
    box:
        Left, top, width and height in pixels of the frame, clipped to the frame.
    track:
        Number of the object that is the same on all frames. None if the objects are not followed, and for one that
        was seen too seldom.
    """

    class_id: int
    class_name: str
    confidence: float
    box: tuple[float, float, float, float]
    track: int | None = None


class Detector(Protocol):
    """Finds objects in images. Several threads may use it at once."""

    @property
    def input_size(self) -> tuple[int, int]:
        """Width and height of the network's input in pixels."""

    @property
    def names(self) -> tuple[str, ...]:
        """The name of each class, by class number."""

    @property
    def engine(self) -> str:
        """The inference engine, the kind of processor, and the precision."""

    @property
    def batch_size(self) -> int:
        """The number of images per `start` with the best throughput."""

    @property
    def in_flight(self) -> int:
        """The number of requests that must be in progress so that the engine never waits for the caller."""

    def preprocess(self, frame: Frame | YuvFrame) -> Blob:
        """Turn a frame of any size into the network's input. It is (height, width, 3) BGR uint8, or as decoded."""

    def start(self, blobs: Sequence[Blob]) -> Future[list[Heads]]:
        """Start inference on images. The result contains the raw heads of each image, in order."""

    def postprocess(self, heads: Heads, frame_size: tuple[int, int]) -> list[Detection]:
        """Turn the raw heads of a frame of (width, height) pixels into detections, the most confident first."""

    @overload
    def detect(self, frames: Frame) -> list[Detection]: ...  # type: ignore[overload-overlap] # an array is one
    @overload
    def detect(self, frames: Iterable[Frame]) -> list[list[Detection]]: ...
    def detect(self, frames: Frame | Iterable[Frame]) -> list[Detection] | list[list[Detection]]:
        """Run all of the above on one picture, (height, width, 3) BGR uint8, or on several, which may differ in size.

        Raises
        ------
        TypeError, ValueError
            Something is no such picture (`avflow.detection.pictures`).
        """

    def close(self) -> None:
        """Wait for the requests in progress, and free the memory of the engine."""


class YoloDetector(ABC):
    """The part of a detector that doesn't depend on the inference engine.

    Parameters
    ----------
    network:
        The network whose ONNX file the engine runs.
    names:
        The name of each class.
    threshold:
        A detection must have a higher confidence than this, between 0 and 1.
    overlap:
        Intersection over union above which the less confident of two boxes of one class is removed.
    classes:
        The names of the classes to find; empty: all.
    letterbox:
        True keeps the aspect ratio, as pjreddie's Darknet does. False stretches the image, as AlexeyAB's does.
    """

    batch_size = 1
    in_flight: int
    engine: str
    _workers: ThreadPoolExecutor

    def __init__(
        self,
        network: Network,
        names: Sequence[str],
        *,
        threshold: float = THRESHOLD,
        overlap: float = OVERLAP,
        classes: Collection[str] = (),
        letterbox: bool = True,
    ) -> None:
        if not 0 < threshold < 1:
            raise ValueError(f"threshold is {threshold}, must lie between 0 and 1")
        self._network, self._threshold, self._overlap, self._letterbox = network, threshold, overlap, letterbox
        self.names = tuple(names)
        self._unwanted = [number for number, name in enumerate(names) if classes and name not in classes]
        self.input_size = network.input_size

    def _serve(self, in_flight: int) -> None:
        """Accept requests. A subclass calls this when its engine is ready."""
        self.in_flight = in_flight
        self._workers = ThreadPoolExecutor(in_flight, thread_name_prefix="inference")

    @abstractmethod
    def _infer(self, blobs: Sequence[Blob]) -> list[Heads]:
        """Run the network. `in_flight` threads call this at once."""

    def _fit(self, frame_size: tuple[int, int]) -> Letterbox:
        return Letterbox.fit(frame_size, self.input_size, self._letterbox)

    def preprocess(self, frame: Frame | YuvFrame) -> Blob:
        size = frame.size if isinstance(frame, YuvFrame) else (frame.shape[1], frame.shape[0])
        return self._fit(size).blob(frame)

    def start(self, blobs: Sequence[Blob]) -> Future[list[Heads]]:
        return self._workers.submit(self._infer, blobs)

    def postprocess(self, heads: Heads, frame_size: tuple[int, int]) -> list[Detection]:
        shares, scores = decode(heads, self._network.heads, self.input_size, self._threshold)
        scores[:, self._unwanted] = 0.0  # suppression is within each class, so the others stay as they are
        boxes = self._fit(frame_size).to_frame(shares)
        indices, classes = suppress(boxes, scores, self._overlap)
        clipped = np.clip(corners(boxes[indices]), 0, np.tile(frame_size, 2))
        found: list[Detection] = []
        for index, class_id, (left, top, right, bottom) in zip(indices, classes, clipped.tolist(), strict=True):
            if right > left and bottom > top:  # else the box lies in the grey bars
                confidence = float(scores[index, class_id])
                box = (left, top, right - left, bottom - top)
                found.append(Detection(int(class_id), self.names[class_id], confidence, box))
        return found

    @overload
    def detect(self, frames: Frame) -> list[Detection]: ...  # type: ignore[overload-overlap] # an array is one
    @overload
    def detect(self, frames: Iterable[Frame]) -> list[list[Detection]]: ...
    def detect(self, frames: Frame | Iterable[Frame]) -> list[Detection] | list[list[Detection]]:
        return self._detect([picture(frames)])[0] if is_picture(frames) else self._detect(pictures(frames))

    def _detect(self, frames: Sequence[Frame]) -> list[list[Detection]]:
        requests = []
        for first in range(0, len(frames), self.batch_size):
            batch = frames[first : first + self.batch_size]
            requests.append(self.start([self.preprocess(frame) for frame in batch]))
        heads = [picture for request in requests for picture in request.result()]
        return [
            self.postprocess(picture, (frame.shape[1], frame.shape[0]))
            for picture, frame in zip(heads, frames, strict=True)
        ]

    def close(self) -> None:
        self._workers.shutdown()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def writable(folder: Path) -> bool:
    """Whether an engine can store compiled networks in `folder`, which is made if it does not exist."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):  # os.access does not see what a sandbox forbids
            return True
    except OSError:
        return False
