"""Measures the true frame rate of a stream from the timestamps of its packets, in constant memory."""

from __future__ import annotations

import heapq
import math
from collections import Counter
from fractions import Fraction
from itertools import pairwise

#: largest number of packets out of presentation order: 16 frames, stored as fields, in H.264 and HEVC
_REORDER = 32
#: jitter in seconds that comes from rounding by a container or a camera's clock, not from a variable rate
_JITTER = Fraction(1, 1000)
#: largest jitter as a share of the frame interval; more could hide a missing frame
_MAX_JITTER = 0.4
#: a stream whose typical frame is shown for longer, in seconds, is a slide show: no picture of it may be left out
_SLIDE = Fraction(1, 10)
#: ... except for those that are shown for less than this
_SHORTEST_SLIDE = Fraction(1, 25)
#: ... and unless the conversion would have more frames than this
_MAX_SLIDE_FRAMES = 20_000
#: seconds by which the last frame may be shorter than the others in a video of constant rate
_SHORT_END = Fraction(1, 10)
#: largest number of different frame intervals to count
_MAX_INTERVALS = 4096

STANDARD_RATES = (
    *(Fraction(rate, 1) for rate in (24, 25, 30, 50, 60)),
    *(Fraction(rate, 1001) for rate in (24_000, 30_000, 60_000, 120_000)),
    *(Fraction(rate, 1) for rate in (15, 12, 10, 48, 100, 120, 240, 20, 5, 1)),
)


class FrameClock:
    """Decides whether a stream has a constant frame rate, and measures the rate.

    The rate is constant if one period `p` explains every timestamp `t_i` within the rounding of the container's clock:
    `|t_i - t_0 - i p| <= jitter` for all `i`. Each frame narrows the interval of possible periods. An empty interval
    proves a variable rate. Timestamps may arrive in decoding order.

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
        #: the interval of possible periods, in ticks
        self._shortest, self._longest = 0.0, float("inf")
        #: how often each interval between two frames occurs, by its ticks
        self._intervals: Counter[int] = Counter()

    def add(self, ticks: int) -> None:
        """Count one frame with the presentation timestamp `ticks`."""
        heapq.heappush(self._waiting, ticks)
        if len(self._waiting) > _REORDER:
            self._take()

    def finish(self, duration: int = 0) -> None:
        """Count the frames that are still held back for reordering. Call it once, before reading the results.

        Parameters
        ----------
        duration:
            Ticks for which the last frame is shown; 0 if unknown. If that is clearly shorter than the period, the rate
            is variable.
        """
        while self._waiting:
            self._take()
        if self.count > 1 and 0 < duration < self._shortest - _SHORT_END / self.time_base:
            self._longest = 0.0
            self._intervals[duration] += 1

    def _take(self) -> None:
        if self.count == 0:
            self._begin()
        ticks = heapq.heappop(self._waiting)
        if self.count > 0:
            interval = ticks - self.last
            if interval in self._intervals or len(self._intervals) < _MAX_INTERVALS:
                self._intervals[interval] += 1
            elapsed = ticks - self.first
            self._shortest = max(self._shortest, (elapsed - self._jitter) / self.count)
            self._longest = min(self._longest, (elapsed + self._jitter) / self.count)
        else:
            self.first = ticks
        self.last = ticks
        self.count += 1

    def _begin(self) -> None:
        ordered = sorted(self._waiting)
        intervals = sorted(after - before for before, after in pairwise(ordered))
        typical = intervals[len(intervals) // 2] if intervals else 1
        rounding = max(1.0, float(_JITTER / self.time_base))
        self._jitter = min(rounding, _MAX_JITTER * typical)

    @property
    def constant(self) -> bool:
        """Whether one rate explains every timestamp."""
        return self._shortest <= self._longest and self.last >= self.first

    @property
    def repeats(self) -> bool:
        """Whether two frames have the same timestamp."""
        return self._intervals[0] > 0

    @property
    def average(self) -> Fraction | None:
        """Frames per second, averaged over the whole stream; None with fewer than two frames."""
        if self.count < 2 or self.last <= self.first:
            return None
        return (self.count - 1) / ((self.last - self.first) * self.time_base)

    def nominal(self, announced: tuple[Fraction, ...]) -> Fraction:
        """Frames per second: the exact rate if it is constant, else the rate of the typical frame interval.

        Parameters
        ----------
        announced:
            Frame rates from the header. One of them is used if the timestamps agree with it.
        """
        if self.average is None:
            return announced_rate(announced)
        if self.constant:
            low = 1 / (Fraction(self._longest) * self.time_base)
            high = 1 / (Fraction(self._shortest) * self.time_base) if self._shortest > 0 else low * 2
        else:
            middle = max(self._interval(), 1) * self.time_base
            jitter = min(_JITTER, middle / 4)
            low, high = 1 / (middle + jitter), 1 / (middle - jitter)
        for rate in announced + STANDARD_RATES:
            if low <= rate <= high:
                return rate
        return simplest_between(low, high)

    def _interval(self) -> int:
        """The interval of a converted video, in ticks: the median, or the shortest one of a slide show."""
        typical = self._typical_interval()
        if typical * self.time_base <= _SLIDE:
            return typical
        shortest = min((interval for interval in self._intervals if interval > 0), default=typical)
        shortest = max(shortest, math.ceil(_SHORTEST_SLIDE / self.time_base))
        return typical if self.last - self.first > _MAX_SLIDE_FRAMES * shortest else shortest

    def _typical_interval(self) -> int:
        """The median interval between two frames, in ticks."""
        total = sum(n for interval, n in self._intervals.items() if interval > 0)
        passed = 0
        for interval, n in sorted(self._intervals.items()):
            passed += n if interval > 0 else 0
            if 2 * passed >= total and interval > 0:
                return interval
        return 1


def announced_rate(announced: tuple[Fraction, ...]) -> Fraction:
    """The first plausible frame rate of the header; 25, FFmpeg's default, if there is none."""
    return next((rate for rate in announced if 1 <= rate <= 240), Fraction(25))


def simplest_between(low: Fraction, high: Fraction) -> Fraction:
    """The fraction with the smallest denominator in [low, high], from the continued fractions of both bounds.

    >>> simplest_between(Fraction(333, 1000), Fraction(334, 1000))
    Fraction(1, 3)
    """
    whole = low.numerator // low.denominator
    if low == whole:
        return Fraction(whole)
    if whole + 1 <= high:
        return Fraction(whole + 1)
    return whole + 1 / simplest_between(1 / (high - whole), 1 / (low - whole))
