"""Boxes and labels on a picture."""

from __future__ import annotations

import colorsys
from collections.abc import Sequence
from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from avflow.detection import Detection

#: (blue, green, red), 0 to 255
Colour = tuple[int, int, int]
#: left, top, right, bottom in whole pixels, right and bottom inclusive
Corners = tuple[int, int, int, int]

BLACK: Colour = (0, 0, 0)
WHITE: Colour = (255, 255, 255)
#: the golden angle, in turns: multiples of it never come close to an earlier one soon
GOLDEN_TURN = 0.618034
#: font height and line width by the picture's diagonal (960 pixels in 768x576)
TEXT_SHARE, LEAST_TEXT = 1 / 60, 11
LINE_SHARE = 1 / 480
SEMIBOLD = 600
#: height of the letters above the baseline, of the font's height
BASELINE_SHARE = 0.86


@cache
def colour_of(class_id: int) -> Colour:
    """The class's colour, the same in every picture and unlike those of its neighbours by number."""
    hue = class_id * GOLDEN_TURN % 1
    value, saturation = ((1.0, 0.85), (0.85, 1.0), (1.0, 0.6))[class_id % 3]
    red, green, blue = colorsys.hsv_to_rgb(hue, saturation, value)
    return round(blue * 255), round(green * 255), round(red * 255)


def text_colour_on(background: Colour) -> Colour:
    """Black or white, whichever reads better (relative luminance by ITU-R BT.709)."""
    blue, green, red = background
    return BLACK if 0.2126 * red + 0.7152 * green + 0.0722 * blue > 110 else WHITE


def draw(frame: NDArray[np.uint8], detections: Sequence[Detection]) -> None:
    """Draw each detection's box, class and percentage into `frame`, (height, width, 3) BGR, in place.

    Lines and text grow with the picture. A label stands on its box, or where the picture ends or
    another label is in the way, elsewhere at the box's edge; it never leaves the picture.
    """
    height, width = frame.shape[:2]
    diagonal = float(np.hypot(width, height))
    line = max(1, round(diagonal * LINE_SHARE))
    text_height = max(LEAST_TEXT, round(diagonal * TEXT_SHARE))
    by_confidence = sorted(detections, key=lambda found: -found.confidence)
    for detection in reversed(by_confidence):
        _draw_box(frame, _corners(detection, width, height), colour_of(detection.class_id), line)
    labels: list[Corners] = []
    for detection in by_confidence:
        labels.append(_draw_label(frame, _corners(detection, width, height), detection, text_height, labels))


def _corners(detection: Detection, width: int, height: int) -> Corners:
    left, top, box_width, box_height = detection.box
    x = np.clip(np.rint([left, left + box_width - 1]), 0, width - 1).astype(int)
    y = np.clip(np.rint([top, top + box_height - 1]), 0, height - 1).astype(int)
    return int(x[0]), int(y[0]), int(x[1]), int(y[1])


def _draw_box(frame: NDArray[np.uint8], corners: Corners, colour: Colour, line: int) -> None:
    """A frame of `line` pixels that lies within the box, so that none of it is lost at the picture's edge."""
    left, top, right, bottom = corners
    for inset in range(line):
        if right - inset < left + inset or bottom - inset < top + inset:
            return
        cv2.rectangle(frame, (left + inset, top + inset), (right - inset, bottom - inset), colour)


def _draw_label(
    frame: NDArray[np.uint8], box: Corners, detection: Detection, text_height: int, labels: Sequence[Corners]
) -> Corners:
    """Draw one label beside those that are there already; returns where it is."""
    height, width = frame.shape[:2]
    text = f"{detection.class_name} {detection.confidence:.0%}"
    margin = max(2, text_height // 4)
    _, _, text_width, _ = cv2.getTextSize((0, 0), text, (0, 0), _font(), text_height, SEMIBOLD)
    size = min(width, text_width + 2 * margin), min(height, text_height + 2 * margin)
    corners = _place(box, size, (width, height), labels)
    left, top, right, bottom = corners
    # drawn into the label's own part of the frame: what doesn't fit is cut off there
    label = frame[top : bottom + 1, left : right + 1]
    background = colour_of(detection.class_id)
    label[:] = background
    baseline = (margin, margin + round(text_height * BASELINE_SHARE))
    cv2.putText(label, text, baseline, text_colour_on(background), _font(), text_height, SEMIBOLD)
    return corners


def _place(box: Corners, size: tuple[int, int], picture: tuple[int, int], labels: Sequence[Corners]) -> Corners:
    """A place for a label of (width, height): on the box, under it, in it or beside it, whichever is free first."""
    left, top, right, bottom = box
    width, height = size
    furthest_x, furthest_y = picture[0] - width, picture[1] - height
    places = [
        (x, y, x + width - 1, y + height - 1)
        for x in (min(left, furthest_x), max(0, right + 1 - width), left - width, right + 1)
        for y in (top - height, bottom + 1, top, bottom + 1 - height)
        if 0 <= x <= furthest_x and 0 <= y <= furthest_y
    ]
    if not places:  # a box smaller than its label in a picture hardly larger
        return 0, 0, width - 1, height - 1
    return next((place for place in places if not any(_overlap(place, label) for label in labels)), places[0])


def _overlap(one: Corners, other: Corners) -> bool:
    return one[0] <= other[2] and other[0] <= one[2] and one[1] <= other[3] and other[1] <= one[3]


@cache
def _font() -> cv2.FontFace:
    # OpenCV's own: has Latin, Greek, Cyrillic and Chinese letters, as class names may
    return cv2.FontFace("sans")
