"""The true frame rate of a stream, from the timestamps of its packets, in constant memory."""

from __future__ import annotations

import heapq
from collections import Counter
from fractions import Fraction
from itertools import pairwise

#: pictures that a codec may hold back for reordering: 16 frames, as fields, in H.264 and HEVC
_REORDER = 32
#: jitter up to this many seconds is a container's or a camera clock's rounding, not a variable rate
_JITTER = Fraction(1, 1000)
#: jitter beyond this share of a frame could hide a lost frame
_MOST_JITTER = 0.4
#: different distances between frames that are worth remembering
_DISTANCES = 4096

#: seconds by which time never goes back or skips within one recording
_JUMP_BACK, _JUMP_FORTH = Fraction(1, 2), Fraction(10)

STANDARD_RATES = (
    *(Fraction(rate, 1) for rate in (24, 25, 30, 50, 60)),
    *(Fraction(rate, 1001) for rate in (24_000, 30_000, 60_000, 120_000)),
    *(Fraction(rate, 1) for rate in (15, 12, 10, 48, 100, 120, 240, 20, 5, 1)),
)


class Joints:
    """Finds where recordings were joined, and closes the gap in their timestamps as FFmpeg does.

    Parameters
    ----------
    time_base:
        Seconds per tick of the timestamps.
    """

    def __init__(self, time_base: Fraction) -> None:
        self._back, self._forth = _JUMP_BACK / time_base, _JUMP_FORTH / time_base
        self._next: int | None = None
        #: ticks to add to the timestamps read last
        self.offset = 0
        self.found = 0

    def add(self, ticks: int | None, duration: int) -> None:
        """Look at the decoding time of the next packet."""
        if ticks is None:
            return
        if self._next is not None and not -self._back < ticks - self._next < self._forth:
            self.offset += self._next - ticks
            self.found += 1
        self._next = ticks + duration


class FrameClock:
    """Decides whether timestamps tick at one constant rate, and at which.

    A rate is constant if some period `p` explains every timestamp `t_i` within the
    rounding of the container's clock: `|t_i - t_0 - i p| <= jitter` for all `i`. Each
    frame narrows the interval in which `p` can lie; an empty interval proves a variable
    rate. Timestamps may arrive in decoding order.

    Parameters
    ----------
    time_base:
        Seconds per tick of the timestamps.
    """

    def __init__(self, time_base: Fraction) -> None:
        self.time_base = time_base
        self.count = 0
        self.first = self.last = 0
        self._waiting: list[int] = []
        self._jitter = 0.0
        self._shortest, self._longest = 0.0, float("inf")
        self._distances: Counter[int] = Counter()

    def add(self, ticks: int) -> None:
        """Count one frame shown at `ticks`."""
        heapq.heappush(self._waiting, ticks)
        if len(self._waiting) > _REORDER:
            self._take()

    def finish(self) -> None:
        """Count the frames still held back for reordering; to be called once, before the results are read."""
        while self._waiting:
            self._take()

    def _take(self) -> None:
        if self.count == 0:
            self._begin()
        ticks = heapq.heappop(self._waiting)
        if self.count > 0:
            distance = ticks - self.last
            if distance in self._distances or len(self._distances) < _DISTANCES:
                self._distances[distance] += 1
            elapsed = ticks - self.first
            self._shortest = max(self._shortest, (elapsed - self._jitter) / self.count)
            self._longest = min(self._longest, (elapsed + self._jitter) / self.count)
        else:
            self.first = ticks
        self.last = ticks
        self.count += 1

    def _begin(self) -> None:
        ordered = sorted(self._waiting)
        distances = sorted(after - before for before, after in pairwise(ordered))
        typical = distances[len(distances) // 2] if distances else 1
        rounding = max(1.0, float(_JITTER / self.time_base))
        self._jitter = min(rounding, _MOST_JITTER * typical)

    @property
    def constant(self) -> bool:
        """Whether one rate explains every timestamp."""
        return self._shortest <= self._longest and self.last >= self.first

    @property
    def average(self) -> Fraction | None:
        """Frames per second over the whole stream; None below two frames."""
        if self.count < 2 or self.last <= self.first:
            return None
        return (self.count - 1) / ((self.last - self.first) * self.time_base)

    def nominal(self, announced: tuple[Fraction, ...]) -> Fraction:
        """The exact constant rate; of a variable one, the rate at which most frames follow each other.

        Parameters
        ----------
        announced:
            Rates that the header claims: taken where the timestamps agree.
        """
        if self.average is None:
            return announced_rate(announced)
        if self.constant:
            low = 1 / (Fraction(self._longest) * self.time_base)
            high = 1 / (Fraction(self._shortest) * self.time_base) if self._shortest > 0 else low * 2
        else:
            middle = self._typical_distance() * self.time_base
            jitter = min(_JITTER, middle / 4)
            low, high = 1 / (middle + jitter), 1 / (middle - jitter)
        for rate in announced + STANDARD_RATES:
            if low <= rate <= high:
                return rate
        return simplest_between(low, high)

    def _typical_distance(self) -> int:
        """Median distance of two frames, in ticks."""
        counted = sum(n for distance, n in self._distances.items() if distance > 0)
        passed = 0
        for distance, n in sorted(self._distances.items()):
            passed += n if distance > 0 else 0
            if 2 * passed >= counted and distance > 0:
                return distance
        return 1


def announced_rate(announced: tuple[Fraction, ...]) -> Fraction:
    """The first rate of the header that can be one; 25, FFmpeg's own guess, where there is none."""
    return next((rate for rate in announced if 1 <= rate <= 240), Fraction(25))


def simplest_between(low: Fraction, high: Fraction) -> Fraction:
    """The fraction with the smallest denominator in [low, high], by their common continued fraction.

    >>> simplest_between(Fraction(333, 1000), Fraction(334, 1000))
    Fraction(1, 3)
    """
    whole = low.numerator // low.denominator
    if low == whole:
        return Fraction(whole)
    if whole + 1 <= high:
        return Fraction(whole + 1)
    return whole + 1 / simplest_between(1 / (high - whole), 1 / (low - whole))
