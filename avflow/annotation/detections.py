"""The file `….detections.jsonl`: the detections of each frame, as one JSON object per line."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any

from mashumaro import field_options

from avflow.detection import Detection
from avflow.media.contract import Contract

#: no number of a line is so large
_FAR = 1e9


@dataclass(frozen=True)
class DetectedObject(Contract):
    """One detected object on one frame."""

    class_name: str = field(metadata=field_options(alias="class"))
    #: probability, 0 to 1, that the box contains an object and that the object has this class
    confidence: float
    #: left, top, width and height in pixels
    box: tuple[float, float, float, float]
    #: number of the object that is the same on all frames, from 1; left out if the object was seen too seldom
    track: int | None = None

    def __post_serialize__(self, fields: dict[str, Any]) -> dict[str, Any]:
        """Leave out `track` if there is none."""
        if self.track is None:
            del fields["track"]
        return fields

    @classmethod
    def of(cls, found: Detection) -> DetectedObject:
        """A detection, rounded to what is written."""
        found = rounded(found)
        return cls(found.class_name, found.confidence, found.box)


@dataclass(frozen=True)
class FrameDetections(Contract):
    """All detected objects on one frame."""

    #: number of the frame in the whole video, counted from 0
    frame: int
    #: seconds since the first frame
    time: float
    #: in order of confidence, highest first
    objects: tuple[DetectedObject, ...]
    #: whether nothing was detected on this frame, and the boxes lie between those of two other frames; left out if not
    interpolated: bool = False

    def __post_serialize__(self, fields: dict[str, Any]) -> dict[str, Any]:
        """Leave out `interpolated` if it is false."""
        if not self.interpolated:
            del fields["interpolated"]
        return fields


def rounded(found: Detection) -> Detection:
    """A detection as it is written: the confidence to 0.0001, the box to 0.1 pixels."""
    left, top, width, height = (round(side, 1) for side in found.box)
    return replace(found, confidence=round(found.confidence, 4), box=(left, top, width, height))


def detections_line(frame: int, rate: Fraction, found: Sequence[Detection], *, interpolated: bool = False) -> str:
    """One line of the detections file, with its newline.

    Parameters
    ----------
    frame:
        Number of the frame in the whole video, counted from 0.
    rate:
        Frames per second.
    found:
        The detections, in order of confidence, highest first.
    interpolated:
        Whether they were not detected on this frame, but lie between those of two other frames.

    >>> detections_line(1, Fraction(25), [Detection(0, "dog", 0.91234, (1, 2, 3.14, 4))])
    '{"frame": 1, "time": 0.04, "objects": [{"class": "dog", "confidence": 0.9123, "box": [1, 2, 3.1, 4]}]}\\n'
    """
    line = FrameDetections(frame, round(float(frame / rate), 6), tuple(map(DetectedObject.of, found)), interpolated)
    return json.dumps(line.to_dict(), ensure_ascii=False) + "\n"


def read_line(text: bytes) -> FrameDetections:
    """A line of the detections file.

    Raises
    ------
    ValueError
        It is something else.
    """
    try:
        line = FrameDetections.from_dict(json.loads(text))
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError, LookupError) as error:
        raise ValueError("not a line of detections") from error
    numbers = [line.frame, line.time]
    for found in line.objects:
        numbers += [found.confidence, *found.box, *(() if found.track is None else (found.track,))]
    if not all(-_FAR < number < _FAR for number in numbers) or {len(each.box) for each in line.objects} - {4}:
        raise ValueError("a number of a line of detections is out of range")
    if not all(isinstance(found.class_name, str) for found in line.objects):
        raise ValueError("a class of a line of detections is not a text")
    return line
