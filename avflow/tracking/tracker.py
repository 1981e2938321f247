"""The tracker: after ByteTrack (Zhang et al., 2022), with times in seconds, so that it works at any frame rate.

Confident detections are matched first, with all tracks. The others are matched with tracks that were seen lately: an
object that is half hidden is detected with little confidence where its track expects it. What is left begins new
tracks.

What differs from ByteTrack: only detections of one class are matched; pairs are chosen greedily, because the optimal
assignment gave the same IDF1; objects that are never detected with confidence get a track too, after more frames; an
object that turns is believed sooner. docs/tracking.md has the figures.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from avflow.tracking.matching import by_class, match
from avflow.tracking.tracks import Track

#: detections with at least this confidence are matched first
_CONFIDENT = 0.5
#: least intersection over union of a track with a confident detection, with another one, and of a new track
_LEAST, _LEAST_DOUBTFUL, _LEAST_NEW = 0.1, 0.3, 0.1
#: seconds for which an object may be unseen; to be matched with a doubtful detection; while it is new
_HIDDEN_SECONDS, _DOUBTFUL_SECONDS, _NEW_SECONDS = 1.2, 0.3, 0.1
#: more detections on a frame and more tracks at a time are left out: the least confident, and those unseen for longest
MOST_OBJECTS, MOST_TRACKS = 1000, 3000


class Sighting(NamedTuple):
    """A detection, as the tracker needs it."""

    class_name: str
    confidence: float
    #: left, top, width and height in pixels
    box: tuple[float, float, float, float]


class Tracker:
    """Follows the objects of one video, frame by frame."""

    def __init__(self) -> None:
        self._tracks: list[Track] = []
        self._time = 0.0

    def update(self, time: float, objects: Sequence[Sighting]) -> list[Track | None]:
        """The track of each object on the next frame. A track that is not `confirmed` may be later.

        Parameters
        ----------
        time:
            Seconds since the first frame. Times never go back.
        objects:
            All detections on the frame.
        """
        before, self._time = self._time, time
        for track in self._tracks:
            track.predict(time)
        found: list[Track | None] = [None] * len(objects)
        sure, doubtful = _by_confidence(objects)
        confirmed = [track for track in self._tracks if track.confirmed]
        sure = _give(confirmed, objects, sure, _LEAST, found)
        seen = [track for track in confirmed if track.seen < time and before - track.seen <= _DOUBTFUL_SECONDS]
        doubtful = _give(seen, objects, doubtful, _LEAST_DOUBTFUL, found)
        new = [track for track in self._tracks if not track.confirmed]
        for index in _give(new, objects, sure + doubtful, _LEAST_NEW, found):
            class_name, confidence, box = objects[index]
            track = found[index] = Track(class_name, time, box, confidence)
            self._tracks.append(track)
        self._end()
        return found

    def finish(self) -> None:
        """End all tracks: the video is over."""
        for track in self._tracks:
            track.ended = True

    def _end(self) -> None:
        """End tracks that have not been seen for long."""
        if len(self._tracks) > MOST_TRACKS:
            self._tracks.sort(key=lambda track: -track.seen)
            for track in self._tracks[MOST_TRACKS:]:
                track.ended = True
        for track in self._tracks:
            unseen = self._time - track.seen
            if unseen > (_HIDDEN_SECONDS if track.confirmed else _NEW_SECONDS):
                track.ended = True
        self._tracks = [track for track in self._tracks if not track.ended]


def _by_confidence(objects: Sequence[Sighting]) -> tuple[list[int], list[int]]:
    """The numbers of the objects that are matched first, and of the others."""
    numbers: Sequence[int] = range(len(objects))
    if len(objects) > MOST_OBJECTS:
        numbers = sorted(numbers, key=lambda number: -objects[number].confidence)[:MOST_OBJECTS]
    sure: list[int] = []
    doubtful: list[int] = []
    for number in numbers:
        (sure if objects[number].confidence >= _CONFIDENT else doubtful).append(number)
    return sure, doubtful


def _give(
    tracks: Sequence[Track], objects: Sequence[Sighting], numbers: list[int], least: float, found: list[Track | None]
) -> list[int]:
    """Match objects with tracks, note the pairs in `found`, and return the numbers of the other objects."""
    if not tracks or not numbers:
        return numbers
    boxes = []
    for number in numbers:
        class_name, _, (left, top, width, height) = objects[number]
        boxes.append((number, class_name, (left, top, left + width, top + height)))
    for _, track, number in match(tracks, by_class(boxes), least):
        tracks[track].update(objects[number].box, objects[number].confidence)
        found[number] = tracks[track]
    return [number for number in numbers if found[number] is None]
