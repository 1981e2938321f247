"""Finds where the clock of a file starts again, and puts everything on one clock.

Where recordings were joined, the timestamps of all streams step back, or far forward. A *restart* is such a step. All
streams get the same offset there: the second recording begins where the first one ended, and its sound stays in sync
with its picture. A *hole* is a step forward of one stream, or a short one of all: packets are missing, and the clock
goes on.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from avflow.media.patience import check

#: a step back of more seconds than this is a restart, because reordering and rounding are shorter
_BACK = 0.5
#: a step forward of more seconds than this, in all streams at once, is a restart: an encoder lost no packets for so
#: long, but its clock was set, or another recording follows
_FORWARD = 10.0
#: a stream may step forward less far than another at the same restart: by the difference of their ends
_FORWARD_OF_MATE = 5.0
#: how far apart the streams of one recording start, in seconds and in packets of the file
_MATE_SECONDS, _MATE_PACKETS = 2.0, 600
#: largest number of packets out of presentation order: 16 frames in H.264 and HEVC
_REORDER = 16
#: The most steps to remember. A file with more has no usable clock; the later steps are not looked at.
_MAX_RUNS = 100_000


@dataclass
class Run:
    """Packets of one stream between two steps of its clock. All times are seconds on the file's own clock."""

    #: number of the first packet among those of the stream, and among those of the file
    number: int
    position: int
    #: how far the clock stepped before the first packet; 0 for the first run
    step: float
    #: presentation time at which the run starts
    start: float = math.inf
    #: presentation time at which it ends, the duration of the last frame included
    end: float = -math.inf
    #: position in the file of the last packet
    last: int = 0


class StreamClock:
    """Divides the packets of one stream into runs, in constant memory between two steps.

    Parameters
    ----------
    decoding_times:
        Whether the container stores decoding timestamps. Otherwise FFmpeg guesses them from the presentation
        timestamps, wrongly at the start of a stream with reordered frames.
    """

    def __init__(self, *, decoding_times: bool) -> None:
        self.runs: list[Run] = []
        self._number = 0
        self._expected: float | None = None
        self._recent: deque[float] | None = None if decoding_times else deque(maxlen=_REORDER)

    def add(self, position: int, dts: float | None, pts: float, duration: float, *, shown: bool = True) -> None:
        """Count the next packet of the stream.

        Parameters
        ----------
        position:
            Number of the packet in the file.
        dts, pts, duration:
            Seconds.
        shown:
            Whether a player shows or plays the packet, and doesn't only decode it.
        """
        step = self._step(dts, pts)
        if not self.runs or (not -_BACK <= step <= _FORWARD_OF_MATE and len(self.runs) < _MAX_RUNS):
            self.runs.append(Run(self._number, position, step))
            if self._recent is not None:
                self._recent.clear()
        run = self.runs[-1]
        run.last = position
        if shown:
            run.start, run.end = min(run.start, pts), max(run.end, pts + duration)
        self._number += 1
        if dts is not None:
            self._expected = dts + duration
        if self._recent is not None:
            self._recent.append(pts)

    def _step(self, dts: float | None, pts: float) -> float:
        """How far this packet lies from where the one before it ends."""
        if self._recent is not None:
            if not self._recent:
                return 0.0
            lowest = min(self._recent)
            return pts - lowest if pts < lowest else max(0.0, pts - max(self._recent))
        return 0.0 if dts is None or self._expected is None else dts - self._expected


@dataclass(frozen=True)
class Offset:
    """Seconds to add to the timestamps of a stream, from its packet `number` on."""

    number: int
    seconds: float


@dataclass
class Timeline:
    """The one clock of a file: for each stream, the offsets in order. It has restarts if any stream has an offset."""

    offsets: dict[int, list[Offset]] = field(default_factory=dict)
    #: presentation time of the first start and the last end on that clock; None without packets
    start: float | None = None
    end: float | None = None

    @property
    def restarts(self) -> bool:
        """Whether the file's own clock starts again anywhere."""
        return any(self.offsets.values())


def timeline(clocks: Mapping[int, StreamClock], *, forward_alone: bool) -> Timeline:
    """Place all runs of all streams on one clock.

    Parameters
    ----------
    clocks:
        By index of the stream.
    forward_alone:
        Whether a step forward of a file with a single stream is a restart. That holds for MPEG transport and program
        streams, whose clocks wrap around. In other containers a single stream may rest, such as a slide show.
    """
    placing = _Placing({index: clock.runs for index, clock in clocks.items() if clock.runs})
    events = sorted(
        ((index, run) for index, runs in placing.runs.items() for run in runs[1:]), key=lambda event: event[1].position
    )
    done: set[tuple[int, int]] = set()
    for index, run in events:
        check()
        if (index, run.number) in done:
            continue
        group = {index: run} | _mates(index, run, placing.runs, done)
        done |= {(member, found.number) for member, found in group.items()}
        if _is_restart(group, placing.runs, forward_alone):
            placing.restart(group)
        else:
            placing.go_on(group)
    return placing.timeline()


def _mates(index: int, run: Run, runs: Mapping[int, Sequence[Run]], done: set[tuple[int, int]]) -> dict[int, Run]:
    """The runs of other streams that begin with a step in the same direction at the same place."""
    found: dict[int, Run] = {}
    for other, candidates in runs.items():
        if other == index:
            continue
        first = max(1, bisect_left(candidates, run.position - _MATE_PACKETS, key=lambda each: each.position))
        end = bisect_right(candidates, run.position + _MATE_PACKETS, key=lambda each: each.position)
        for candidate in candidates[first:end]:
            same_way = (candidate.step < 0) == (run.step < 0)
            if same_way and abs(candidate.start - run.start) < _MATE_SECONDS and (other, candidate.number) not in done:
                found.setdefault(other, candidate)
    return found


def _is_restart(group: Mapping[int, Run], runs: Mapping[int, Sequence[Run]], forward_alone: bool) -> bool:
    first = next(iter(group.values()))
    if first.step < 0:
        return True
    if max(run.step for run in group.values()) <= _FORWARD:
        return False
    return len(group) > 1 or (forward_alone and len(runs) == 1)


class _Placing:
    """The state while the runs are placed, in the order of the file."""

    def __init__(self, runs: dict[int, list[Run]]) -> None:
        self.runs = runs
        self._offsets: dict[int, list[Offset]] = {index: [] for index in runs}
        #: by stream, the bounds of what is placed so far, on the one clock
        self._start = {index: stream[0].start for index, stream in runs.items()}
        self._end = {index: stream[0].end for index, stream in runs.items()}

    def go_on(self, group: Mapping[int, Run]) -> None:
        """Place runs that follow a hole."""
        for index, run in group.items():
            self._place(index, run, self._offset(index))

    def restart(self, group: Mapping[int, Run]) -> None:
        """Place runs that follow a restart: the earliest of them starts where everything before it ends.

        A stream that ended before, or that begins only now, belongs to the recording before or after the restart.
        """
        position = min(run.position for run in group.values())
        others = self.runs.keys() - group.keys()
        alone = any(self._goes_on(index, position, group) for index in others)
        before = group if alone else self.runs
        end = max(self._end[index] for index in before if self.runs[index][0].position < position)
        offset = end - min(run.start for run in group.values())
        if not math.isfinite(offset):  # a run of packets that nobody sees
            self.go_on(group)
            return
        for index, run in group.items():
            self._place(index, run, offset)
            self._offsets[index].append(Offset(run.number, offset))
        if not alone:
            for index in others:
                self._begin_late(index, position, offset)

    def _goes_on(self, index: int, position: int, group: Mapping[int, Run]) -> bool:
        """Whether a stream plays on across a restart of others, instead of having ended there."""
        runs = self.runs[index]
        current = bisect_left(runs, position, key=lambda run: run.position) - 1
        if current < 0 or runs[current].last <= position:
            return False
        until = max(self._end[member] - self._offset(member) for member in group)
        return runs[current].end > until + _MATE_SECONDS

    def _begin_late(self, index: int, position: int, offset: float) -> None:
        """Give the offset to a stream whose first packet follows the restart."""
        first = self.runs[index][0]
        if first.position > position:
            self._start[index], self._end[index] = first.start + offset, first.end + offset
            self._offsets[index] = [Offset(0, offset)]

    def _offset(self, index: int) -> float:
        return self._offsets[index][-1].seconds if self._offsets[index] else 0.0

    def _place(self, index: int, run: Run, offset: float) -> None:
        self._start[index] = min(self._start[index], run.start + offset)
        self._end[index] = max(self._end[index], run.end + offset)

    def timeline(self) -> Timeline:
        """The offsets of all streams, and the bounds of all that they show."""
        shown = [index for index in self.runs if math.isfinite(self._start[index])]
        return Timeline(
            {index: offsets for index, offsets in self._offsets.items() if offsets},
            min((self._start[index] for index in shown), default=None),
            max((self._end[index] for index in shown), default=None),
        )
