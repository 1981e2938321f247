"""Which detections are those of which tracks: pairs of one class that overlap, each of them in one pair at most."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from avflow.tracking.tracks import Corners, Track


class Pair(NamedTuple):
    """A track and a detection by their numbers, and how far they overlap."""

    overlap: float
    track: int
    detection: int


class Boxes:
    """The boxes of one class in a frame, in order of their left sides, so that far ones are not even looked at."""

    def __init__(self, boxes: Iterable[tuple[int, Corners]]) -> None:
        ordered = sorted(boxes, key=lambda box: box[1])
        self._boxes = [(*corners, index) for index, corners in ordered]
        self._lefts = [corners[0] for _, corners in ordered]
        self._widest = max((corners[2] - corners[0] for _, corners in ordered), default=0.0)

    def overlapping(self, track: int, expected: Corners, least: float) -> Iterable[Pair]:
        """The boxes whose intersection over union with `expected` is above `least`."""
        left, top, right, bottom = expected
        area = (right - left) * (bottom - top)
        boxes = self._boxes
        for at in range(bisect_left(self._lefts, left - self._widest), len(boxes)):
            box_left, box_top, box_right, box_bottom, index = boxes[at]
            if box_left >= right:
                return
            width = (right if right < box_right else box_right) - (left if left > box_left else box_left)
            if width <= 0:
                continue
            height = (bottom if bottom < box_bottom else box_bottom) - (top if top > box_top else box_top)
            if height <= 0:
                continue
            shared = width * height
            overlap = shared / (area + (box_right - box_left) * (box_bottom - box_top) - shared)
            if overlap > least:
                yield Pair(overlap, track, index)


def by_class(boxes: Iterable[tuple[int, str, Corners]]) -> Mapping[str, Boxes]:
    """The boxes of each class."""
    found: dict[str, list[tuple[int, Corners]]] = {}
    for index, class_name, corners in boxes:
        found.setdefault(class_name, []).append((index, corners))
    return {class_name: Boxes(each) for class_name, each in found.items()}


def match(tracks: Sequence[Track], boxes: Mapping[str, Boxes], least: float) -> list[Pair]:
    """Pairs of the numbers of a track and a detection, those that overlap most first."""
    pairs: list[Pair] = []
    for number, track in enumerate(tracks):
        near = boxes.get(track.class_name)
        if near is not None:
            pairs.extend(near.overlapping(number, track.corners(), least))
    return _each_once(pairs)


def _each_once(pairs: list[Pair]) -> list[Pair]:
    """The pairs that overlap most, without those whose track or detection is in a better one."""
    pairs.sort(key=lambda pair: (-pair.overlap, pair.track, pair.detection))
    tracks: set[int] = set()
    detections: set[int] = set()
    chosen = []
    for pair in pairs:
        if pair.track not in tracks and pair.detection not in detections:
            tracks.add(pair.track)
            detections.add(pair.detection)
            chosen.append(pair)
    return chosen
