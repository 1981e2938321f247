"""How a video is cut for detectors that work side by side: into runs of whole frames, counted, never by a rounded time.

A segment is known by the numbers of its frames alone. Two neighbours share no frame and leave none
out by construction, whatever the rate; where a frame's number lies in time is the decoder's concern.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction


@dataclass(frozen=True)
class Segment:
    """Frames `first` to `first + frames - 1` of a video."""

    first: int
    frames: int


@dataclass(frozen=True)
class Segments:
    """A video of `total` frames in `count` segments of `frames` frames each; the last may be shorter."""

    count: int
    frames: int
    total: int

    @classmethod
    def of(cls, total: int, rate: Fraction, *, seconds: float, most: int) -> Segments:
        """Cut `total` frames at `rate` a second into segments of about `seconds`, and into `most` at most.

        >>> Segments.of(1000, Fraction(25), seconds=10, most=16)
        Segments(count=4, frames=250, total=1000)
        """
        wanted = math.ceil(total / (rate * Fraction(seconds)))
        count = max(1, min(most, wanted, total))
        frames = max(1, math.ceil(total / count))
        # rounding up may leave nothing for the last ones
        return cls(max(1, math.ceil(total / frames)), frames, total)

    def segment(self, part: int) -> Segment:
        """Segment number `part`, from 0.

        Raises
        ------
        IndexError
            There are fewer.
        """
        if not 0 <= part < self.count:
            raise IndexError(f"segment {part} of {self.count}")
        first = part * self.frames
        return Segment(first, min(self.frames, self.total - first))
