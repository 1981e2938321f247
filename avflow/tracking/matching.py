"""Which detections are those of which tracks: pairs of one class that overlap, each of them in one pair at most."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence

from avflow.tracking.tracks import Corners, Track

#: how far a track and a detection overlap, as a negative number, so that the best pairs come first in order; and the
#: numbers of both. A plain tuple: it is made for each pair that overlaps
Pair = tuple[float, int, int]
#: Pairs that are looked at on a frame. Boxes of which non-maximum suppression has left one in a place make fewer.
MOST_PAIRS = 100_000


class Boxes:
    """The boxes of one class in a frame, in order of their left sides, so that far ones are not even looked at."""

    def __init__(self, boxes: list[tuple[float, float, float, float, int]]) -> None:
        """`boxes` are corners and the number of the detection."""
        self._boxes = sorted(boxes)
        self._lefts = [box[0] for box in self._boxes]
        self._widest = max(box[2] - box[0] for box in boxes)

    def add_overlapping(self, track: int, expected: Corners, least: float, pairs: list[Pair]) -> None:
        """Add a pair for each box whose intersection over union with `expected` is above `least`."""
        left, top, right, bottom = expected
        area = (right - left) * (bottom - top)
        boxes = self._boxes
        for at in range(bisect_left(self._lefts, left - self._widest), len(boxes)):
            box_left, box_top, box_right, box_bottom, index = boxes[at]
            if box_left >= right:
                return
            if box_top >= bottom or box_bottom <= top or box_right <= left:
                continue
            width = (right if right < box_right else box_right) - (left if left > box_left else box_left)
            height = (bottom if bottom < box_bottom else box_bottom) - (top if top > box_top else box_top)
            shared = width * height
            overlap = shared / (area + (box_right - box_left) * (box_bottom - box_top) - shared)
            if overlap > least:
                pairs.append((-overlap, track, index))


def by_class(boxes: Iterable[tuple[int, str, Corners]]) -> Mapping[str, Boxes]:
    """The boxes of each class."""
    found: dict[str, list[tuple[float, float, float, float, int]]] = {}
    for index, class_name, (left, top, right, bottom) in boxes:
        found.setdefault(class_name, []).append((left, top, right, bottom, index))
    return {class_name: Boxes(each) for class_name, each in found.items()}


def match(tracks: Sequence[Track], boxes: Mapping[str, Boxes], least: float) -> list[Pair]:
    """The pairs that overlap most, each track and each detection in one at most.

    If there are too many pairs, the last tracks have none: no detector gives so many boxes in one place.
    """
    pairs: list[Pair] = []
    for number, track in enumerate(tracks):
        if len(pairs) >= MOST_PAIRS:
            break
        near = boxes.get(track.class_name)
        if near is not None:
            near.add_overlapping(number, track.corners(), least, pairs)
    return _each_once(pairs)


def _each_once(pairs: list[Pair]) -> list[Pair]:
    """The pairs that overlap most, without those whose track or detection is in a better one."""
    pairs.sort()
    tracks: set[int] = set()
    detections: set[int] = set()
    chosen = []
    for pair in pairs:
        _, track, detection = pair
        if track not in tracks and detection not in detections:
            tracks.add(track)
            detections.add(detection)
            chosen.append(pair)
    return chosen
