"""A line of a file of detections: the objects on one frame, read, and written again with their tracks.

Most of the time of tracking goes into JSON. So a line that looks exactly as the detector writes it is split by one
regular expression, and its text is copied. Each other line is read and written as JSON.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from itertools import starmap
from typing import Any, NamedTuple, Protocol

from avflow.tracking.tracker import Sighting

#: no box is so many pixels away
_FAR = 1e7
_ENCODE = json.JSONEncoder(ensure_ascii=False).encode

_START = re.compile(r'\{"frame": (0|[1-9][0-9]{0,15}), "time": ((?:0|[1-9][0-9]{0,6})\.[0-9]{1,6}), "objects": \[')
_ENDS = ("]}\n", '], "interpolated": true}\n')
#: an object: its text without the brace at the end, its class, its confidence, and its box. Whether the numbers are
#: numbers is JSON's business
_OBJECT = re.compile(
    r'(\{"class": "([^"\\\x00-\x1f]*)", "confidence": ([-.0-9]+), '
    r'"box": \[([-.0-9]+, [-.0-9]+, [-.0-9]+, [-.0-9]+)\])\}'
)
#: pieces into which `_OBJECT` splits for each object: what lies before it, and its groups
_PIECES = 1 + _OBJECT.groups


class Text(Protocol):
    """What is written again."""

    def with_tracks(self, tracks: Sequence[int | None]) -> str:
        """The line, without its end, with the number of each object's track. None for an object without."""


class FrameLine(NamedTuple):
    """A line, as it was read."""

    number: int
    #: seconds
    time: float
    objects: list[Sighting]
    text: Text


def read_line(line: bytes) -> FrameLine:
    """Read a line of any file.

    Raises
    ------
    KeyError, TypeError, ValueError, RecursionError
        No detector writes such a line.
    """
    return split_line(line.decode()) or parse_line(line)


class _Usual(NamedTuple):
    """The text of a line that looks as the detector writes it."""

    start: str
    #: of each object, without the brace at the end
    objects: list[str]
    end: str

    def with_tracks(self, tracks: Sequence[int | None]) -> str:
        written = zip(self.objects, tracks, strict=True)
        objects = [text + "}" if track is None else f'{text}, "track": {track}}}' for text, track in written]
        return f"{self.start}{', '.join(objects)}{self.end}"


def split_line(line: str) -> FrameLine | None:
    """Split a line; None if it doesn't look as the detector writes it. Raises ValueError for wrong numbers."""
    start = _START.match(line)
    end = next((end for end in _ENDS if line.endswith(end)), None)
    if not start or not end or start.end() + len(end) > len(line):
        return None
    pieces = _OBJECT.split(line[start.end() : -len(end)])
    between = pieces[::_PIECES]
    if between != ["", *[", "] * (len(between) - 2), ""][: len(between)]:
        return None
    texts, names, confidences, boxes = (pieces[place::_PIECES] for place in range(1, _PIECES))
    sides, sure = json.loads(f"[{', '.join(boxes)}]"), json.loads(f"[{', '.join(confidences)}]")
    if sure and not _within_limits(sure, sides):
        raise ValueError
    places = zip(sides[::4], sides[1::4], sides[2::4], sides[3::4], strict=True)
    objects = list(starmap(Sighting, zip(names, sure, places, strict=True)))
    return FrameLine(int(start[1]), float(start[2]), objects, _Usual(start[0], texts, end[:-1]))


def _within_limits(confidences: Sequence[float], sides: Sequence[float]) -> bool:
    """Whether all objects of a line are what `_sighting` asks of each."""
    shortest = min(min(sides[place::4]) for place in (2, 3))
    return (
        min(confidences) >= 0 and max(confidences) <= 1 and min(sides) > -_FAR and max(sides) < _FAR and shortest >= 0
    )


class _Parsed(NamedTuple):
    """A line as JSON."""

    line: dict[str, Any]

    def with_tracks(self, tracks: Sequence[int | None]) -> str:
        for written, track in zip(self.line["objects"], tracks, strict=True):
            written.pop("track", None)
            if track is not None:
                written["track"] = track
        return _ENCODE(self.line)


def parse_line(text: bytes) -> FrameLine:
    line = json.loads(text)
    number, time, objects = line["frame"], line["time"], line["objects"]
    if type(number) is int and 0 <= time < _FAR and type(objects) is list:
        return FrameLine(number, time, list(map(_sighting, objects)), _Parsed(line))
    raise ValueError


def _sighting(written: Any) -> Sighting:
    """An object of a line. Raises KeyError, TypeError or ValueError."""
    class_name, confidence, box = written["class"], written["confidence"], written["box"]
    left, top, width, height = box
    near = -_FAR < left < _FAR and -_FAR < top < _FAR and 0 <= width < _FAR and 0 <= height < _FAR
    if near and 0 <= confidence <= 1 and type(class_name) is str and type(written) is dict:
        return Sighting(class_name, confidence, (left, top, width, height))
    raise ValueError
