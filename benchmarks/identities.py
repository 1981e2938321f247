"""How well a tracker keeps identities: IDF1 and identity switches.

IDF1 is that of Ristani et al., "Performance Measures and a Data Set for Multi-Target, Multi-Camera Tracking" (2016):
each true identity is given to one track at most, so that the most boxes are right in the whole video. Switches are
those of CLEAR MOT (Bernardin and Stiefelhagen, 2008): a true object is covered by another track than before.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from benchmarks.tracking_scenes import Box, overlap

#: intersection over union from which on a box is the right one
RIGHT = 0.5


@dataclass(frozen=True)
class Identities:
    """The outcome for one video."""

    idf1: float
    switches: int
    #: true identities, and tracks
    objects: int
    tracks: int


def measure(frames: Iterable[tuple[Mapping[int, Box], Mapping[int, Box]]]) -> Identities:
    """Compare what is true on each frame with what a tracker says: boxes by identity, and boxes by track."""
    shared: Counter[tuple[int, int]] = Counter()
    true: Counter[int] = Counter()
    said: Counter[int] = Counter()
    last: dict[int, int] = {}
    switches = 0
    for truth, tracked in frames:
        true.update(truth.keys())
        said.update(tracked.keys())
        pairs = {
            (identity, track): similar
            for identity, box in truth.items()
            for track, other in tracked.items()
            if (similar := overlap(box, other)) >= RIGHT
        }
        shared.update(pairs.keys())
        for identity, track in _frame_pairs(pairs, last):
            switches += identity in last and last[identity] != track
            last[identity] = track
    total = sum(true.values()) + sum(said.values())
    return Identities(2 * _most(shared) / total if total else 1.0, switches, len(true), len(said))


def _frame_pairs(pairs: Mapping[tuple[int, int], float], last: Mapping[int, int]) -> Iterable[tuple[int, int]]:
    """The pairs of one frame, each identity and track once: those of the frame before first, then the most similar."""
    taken: set[tuple[str, int]] = set()
    for identity, track in sorted(pairs, key=lambda pair: (last.get(pair[0]) != pair[1], -pairs[pair], pair)):
        sides = {("identity", identity), ("track", track)}
        if not sides & taken:
            taken |= sides
            yield identity, track


def _most(shared: Mapping[tuple[int, int], int]) -> int:
    """The most frames that pairs of an identity and a track can share, each of them in one pair at most."""
    identities, tracks = (sorted({pair[side] for pair in shared}) for side in (0, 1))
    table = [[-shared.get((identity, track), 0) for track in tracks] for identity in identities]
    if len(identities) > len(tracks):
        table = [list(row) for row in zip(*table, strict=True)]
    return -round(sum(table[row][column] for row, column in enumerate(cheapest(table))))


def cheapest(table: Sequence[Sequence[float]]) -> list[int]:
    """The column of each row, no column twice, so that the sum is least. There are no fewer columns than rows.

    Kuhn's algorithm with potentials, in rows² x columns (Jonker and Volgenant, "A Shortest Augmenting Path Algorithm
    for Dense and Sparse Linear Assignment Problems", 1987). Both are counted from 1 inside: 0 is nothing.
    """
    rows, columns = len(table), len(table[0]) if table else 0
    row_cost, column_cost = [0.0] * (rows + 1), [0.0] * (columns + 1)
    row_of = [0] * (columns + 1)
    for row in range(1, rows + 1):
        row_of[0], column = row, 0
        least, before, done = [math.inf] * (columns + 1), [0] * (columns + 1), [False] * (columns + 1)
        while row_of[column]:
            done[column] = True
            here, step, following = row_of[column], math.inf, 0
            for other in range(1, columns + 1):
                if done[other]:
                    continue
                cost = table[here - 1][other - 1] - row_cost[here] - column_cost[other]
                if cost < least[other]:
                    least[other], before[other] = cost, column
                if least[other] < step:
                    step, following = least[other], other
            for other in range(columns + 1):
                if done[other]:
                    row_cost[row_of[other]] += step
                    column_cost[other] -= step
                else:
                    least[other] -= step
            column = following
        while column:
            row_of[column] = row_of[before[column]]
            column = before[column]
    found = [0] * rows
    for column, row in enumerate(row_of[1:]):
        if row:
            found[row - 1] = column
    return found
