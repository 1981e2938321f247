"""When each class is seen: counts in bins of time, so that a page stays small whatever the video's length."""

from __future__ import annotations

import base64
import zlib
from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

#: bins of a whole video at most: one for each second of ten hours, or for each frame of a short video
MOST_BINS = 36_000


class Presence:
    """Counts the objects of each class over the video.

    Parameters
    ----------
    frames:
        Number of frames in the video.
    """

    def __init__(self, frames: int) -> None:
        self.frames = frames
        self.bins = max(1, min(frames, MOST_BINS))
        self._counts: dict[str, NDArray[np.uint32]] = {}

    def add(self, frame: int, classes: Iterable[str]) -> None:
        """Count the objects of one frame, by the class of each. A frame's number counts from 0."""
        place = min(self.bins - 1, frame * self.bins // max(1, self.frames))
        for name, count in Counter(classes).items():
            counts = self._counts.get(name)
            if counts is None:
                counts = self._counts[name] = np.zeros(self.bins, np.uint32)
            counts[place] += count

    def levels(self, classes: Sequence[str]) -> NDArray[np.uint8]:
        """Classes x bins. 0: the class is not seen. 255: the most objects that any bin has of this class."""
        levels = np.zeros((len(classes), self.bins), np.uint8)
        for row, name in enumerate(classes):
            counts = self._counts.get(name)
            if counts is not None:
                levels[row] = np.ceil(counts * (255 / counts.max()))
        return levels

    def packed(self, classes: Sequence[str]) -> str:
        """`levels`, row by row, as zlib's deflate in base64: what a browser's DecompressionStream reads."""
        return base64.b64encode(zlib.compress(self.levels(classes).tobytes(), 9)).decode()
