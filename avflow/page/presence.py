"""When each class is seen: counts in bins of time, so that a page stays small whatever the video's length."""

from __future__ import annotations

import base64
import zlib
from array import array
from collections import Counter
from collections.abc import Iterable, Sequence

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
        self._counts: dict[str, array[int]] = {}

    def add(self, frame: int, classes: Iterable[str]) -> None:
        """Count the objects of one frame, by the class of each. A frame's number counts from 0."""
        place = min(self.bins - 1, frame * self.bins // max(1, self.frames))
        for name, count in Counter(classes).items():
            counts = self._counts.get(name)
            if counts is None:
                counts = self._counts[name] = array("Q", bytes(8 * self.bins))
            counts[place] += count

    def levels(self, name: str) -> bytes:
        """One level for each bin. 0: the class is not seen. 255: the most objects that any bin has of this class."""
        counts = self._counts.get(name)
        if counts is None:
            return bytes(self.bins)
        most = max(counts)
        level = {count: -(-255 * count // most) for count in set(counts)}
        return bytes(map(level.__getitem__, counts))

    def packed(self, classes: Sequence[str]) -> str:
        """The levels, class by class, as zlib's deflate in base64: what a browser's DecompressionStream reads."""
        return base64.b64encode(zlib.compress(b"".join(map(self.levels, classes)), 9)).decode()
