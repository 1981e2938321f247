"""The file `….detections.jsonl`: the detections of each frame, as one JSON object per line."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction

from mashumaro import field_options

from avflow.detection import Detection
from avflow.media.contract import Contract


@dataclass(frozen=True)
class DetectedObject(Contract):
    """One detected object on one frame."""

    class_name: str = field(metadata=field_options(alias="class"))
    #: probability, 0 to 1, that the box contains an object and that the object has this class
    confidence: float
    #: left, top, width and height in pixels
    box: tuple[float, float, float, float]

    @classmethod
    def of(cls, found: Detection) -> DetectedObject:
        """A detection, rounded to what is written: the confidence to 0.0001, the box to 0.1 pixels."""
        left, top, width, height = (round(side, 1) for side in found.box)
        return cls(found.class_name, round(found.confidence, 4), (left, top, width, height))


@dataclass(frozen=True)
class FrameDetections(Contract):
    """All detected objects on one frame."""

    #: number of the frame in the whole video, counted from 0
    frame: int
    #: seconds since the first frame
    time: float
    #: in order of confidence, highest first
    objects: tuple[DetectedObject, ...]


def detections_line(frame: int, rate: Fraction, found: Sequence[Detection]) -> str:
    """One line of the detections file, with its newline.

    Parameters
    ----------
    frame:
        Number of the frame in the whole video, counted from 0.
    rate:
        Frames per second.
    found:
        The detections, in order of confidence, highest first.

    >>> detections_line(1, Fraction(25), [Detection(0, "dog", 0.91234, (1, 2, 3.14, 4))])
    '{"frame": 1, "time": 0.04, "objects": [{"class": "dog", "confidence": 0.9123, "box": [1, 2, 3.1, 4]}]}\\n'
    """
    line = FrameDetections(frame, round(float(frame / rate), 6), tuple(map(DetectedObject.of, found)))
    return json.dumps(line.to_dict(), ensure_ascii=False) + "\n"
