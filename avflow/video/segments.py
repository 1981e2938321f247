"""Cuts a video into segments for detectors that work in parallel.

A segment is a range of frame numbers, never a range of rounded times. By construction, neighbouring segments share no
frame and miss none, at any frame rate. The reader maps frame numbers to timestamps.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction


@dataclass(frozen=True)
class Segment:
    """The frames `first` to `first + frames - 1` of a video, counted from 0."""

    first: int
    frames: int


@dataclass(frozen=True)
class Segments:
    """A video of `total` frames, cut into `count` segments of `frames` frames. The last segment may be shorter."""

    count: int
    frames: int
    total: int

    @classmethod
    def of(cls, total: int, rate: Fraction, *, seconds: float, most: int) -> Segments:
        """Cut `total` frames, at `rate` frames per second, into segments of about `seconds`, but at most `most`.

        >>> Segments.of(1000, Fraction(25), seconds=10, most=16)
        Segments(count=4, frames=250, total=1000)
        """
        wanted = math.ceil(total / (rate * Fraction(seconds)))
        count = max(1, min(most, wanted, total))
        frames = max(1, math.ceil(total / count))
        # rounding up the frames may leave no frames for the last segments
        return cls(max(1, math.ceil(total / frames)), frames, total)

    def segment(self, part: int) -> Segment:
        """The segment with the number `part`, counted from 0.

        Raises
        ------
        IndexError
            There are fewer segments.
        """
        if not 0 <= part < self.count:
            raise IndexError(f"segment {part} of {self.count}")
        first = part * self.frames
        return Segment(first, min(self.frames, self.total - first))
