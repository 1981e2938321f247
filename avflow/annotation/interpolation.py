"""Boxes of frames on which nothing was detected: between the same object's boxes on the frames before and after."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction

from avflow.detection import Detection
from avflow.tracking import Sighting, Track, Tracker


@dataclass
class Interpolator:
    """Follows the objects from one detected frame to the next.

    An object that only one of the two frames has is not shown between them: nobody saw it there.

    Parameters
    ----------
    rate:
        Frames per second.
    """

    rate: Fraction
    _tracker: Tracker = field(default_factory=Tracker)
    _before: int | None = None
    _objects: list[tuple[Track, Detection]] = field(default_factory=list)

    def between(self, number: int, found: Sequence[Detection]) -> list[list[Detection]]:
        """The boxes of each frame between the last detected frame and this one, in order of confidence, highest first.

        Parameters
        ----------
        number:
            The next frame with detections, `found`. Numbers count in the whole video.
        """
        sightings = [Sighting(each.class_name, each.confidence, each.box) for each in found]
        tracks = self._tracker.update(float(number / self.rate), sightings)
        now = [(track, each) for track, each in zip(tracks, found, strict=True) if track is not None]
        before, self._before = self._before, number
        last, self._objects = {id(track): each for track, each in self._objects}, now
        if before is None:
            return []
        pairs = [(last[id(track)], each) for track, each in now if id(track) in last]
        pairs.sort(key=lambda pair: -min(pair[0].confidence, pair[1].confidence))
        steps = number - before
        return [[_mixed(first, then, step / steps) for first, then in pairs] for step in range(1, steps)]


def _mixed(first: Detection, then: Detection, share: float) -> Detection:
    """The object `share` of the way from one frame to another. Its confidence is the lower one."""
    left, top, width, height = (a + (b - a) * share for a, b in zip(first.box, then.box, strict=True))
    return replace(then, confidence=min(first.confidence, then.confidence), box=(left, top, width, height))
