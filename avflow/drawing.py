"""Boxes and labels on a picture, drawn into its planes: nothing of it but these changes."""

from __future__ import annotations

import colorsys
from collections.abc import Sequence
from functools import cache, lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from avflow.detection import Detection
from avflow.yuv import NO_CHROMA, Colour, YuvPicture, yuv_of

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
#: labels that are kept for the next frames: about 100 kB each in a picture of 3840x2160
_KEPT_LABELS = 128


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


def draw(picture: YuvPicture, detections: Sequence[Detection]) -> None:
    """Draw each detection's box, class and percentage into `picture`, in place.

    Lines and text grow with the picture. A label stands on its box, or where the picture ends or
    another label is in the way, elsewhere at the box's edge; it never leaves the picture.
    """
    width, height = picture.size
    diagonal = float(np.hypot(width, height))
    line = max(1, round(diagonal * LINE_SHARE))
    text_height = max(LEAST_TEXT, round(diagonal * TEXT_SHARE))
    best_first = sorted(detections, key=lambda found: -found.confidence)
    boxes = [(found, _corners(found, width, height)) for found in best_first]
    for found, corners in reversed(boxes):
        _draw_box(picture, corners, colour_of(found.class_id), line)
    labels: list[Corners] = []
    for found, corners in boxes:
        labels.append(_draw_label(picture, corners, found, text_height, labels))


def _corners(detection: Detection, width: int, height: int) -> Corners:
    left, top, box_width, box_height = detection.box
    return (
        min(max(round(left), 0), width - 1),
        min(max(round(top), 0), height - 1),
        min(max(round(left + box_width - 1), 0), width - 1),
        min(max(round(top + box_height - 1), 0), height - 1),
    )


def _draw_box(picture: YuvPicture, corners: Corners, colour: Colour, line: int) -> None:
    """A frame of `line` pixels that lies within the box, so that none of it is lost at the picture's edge."""
    left, top, right, bottom = corners
    across, down = min(line, right - left + 1), min(line, bottom - top + 1)
    for strip in (
        (left, top, right, top + down - 1),
        (left, bottom - down + 1, right, bottom),
        (left, top, left + across - 1, bottom),
        (right - across + 1, top, right, bottom),
    ):
        _fill(picture, strip, colour)


def _fill(picture: YuvPicture, corners: Corners, colour: Colour) -> None:
    luma, blue, red = yuv_of(colour, picture.matrix)
    left, top, right, bottom = corners
    picture.luma[top : bottom + 1, left : right + 1] = luma
    quarter = _quarter(corners)
    picture.blue[quarter], picture.red[quarter] = blue, red


def _quarter(corners: Corners) -> tuple[slice, slice]:
    """The samples of colour that lie in or across `corners`."""
    left, top, right, bottom = corners
    return slice(top // 2, bottom // 2 + 1), slice(left // 2, right // 2 + 1)


def _draw_label(
    picture: YuvPicture, box: Corners, detection: Detection, text_height: int, labels: Sequence[Corners]
) -> Corners:
    """Draw one label beside those that are there already; returns where it is."""
    text = f"{detection.class_name} {detection.confidence:.0%}"
    label_width, label_height = _label_size(text, text_height)
    size = min(picture.size[0], label_width), min(picture.size[1], label_height)
    corners = left, top, right, bottom = _place(box, size, picture.size, labels)
    label = _label(
        text, text_height, colour_of(detection.class_id), picture.matrix, parity=(left % 2, top % 2), size=size
    )
    picture.luma[top : bottom + 1, left : right + 1] = label.luma
    quarter = _quarter(corners)
    picture.blue[quarter], picture.red[quarter] = label.blue, label.red
    return corners


@lru_cache(maxsize=_KEPT_LABELS)
def _label(
    text: str, text_height: int, colour: Colour, matrix: str, *, parity: tuple[int, int], size: tuple[int, int]
) -> YuvPicture:
    """A label of (width, height) as it is copied into a picture.

    Samples of colour belong to four pixels: which ones, `parity` tells, the label's left and top modulo 2.
    """
    width, height = size
    left, top = parity
    ink = _ink(text, text_height)[:height, :width] / np.float32(255)
    luma, blue, red = yuv_of(colour, matrix)
    ink_luma = yuv_of(text_colour_on(colour), matrix)[0]
    rows, columns = (top + height + 1) // 2, (left + width + 1) // 2
    around = np.zeros((2 * rows, 2 * columns), np.float32)
    around[top : top + height, left : left + width] = ink
    covered = (around[::2, ::2] + around[::2, 1::2] + around[1::2, ::2] + around[1::2, 1::2]) / 4
    return YuvPicture(
        np.rint(luma + (ink_luma - luma) * ink).astype(np.uint8),
        # black and white have no colour
        np.rint(blue + (NO_CHROMA - blue) * covered).astype(np.uint8),
        np.rint(red + (NO_CHROMA - red) * covered).astype(np.uint8),
        matrix,
    )


def _ink(text: str, text_height: int) -> NDArray[np.uint8]:
    """A label's text with a margin around it: how much of each pixel is covered, 0 to 255."""
    width, height = _label_size(text, text_height)
    margin = _margin(text_height)
    ink = np.zeros((height, width), np.uint8)
    baseline = (margin, margin + round(text_height * BASELINE_SHARE))
    cv2.putText(ink, text, baseline, (255, 255, 255), _font(), text_height, SEMIBOLD)
    return ink


@lru_cache(maxsize=4096)
def _label_size(text: str, text_height: int) -> tuple[int, int]:
    """(width, height) in pixels of a label, its margin included."""
    _, _, width, _ = cv2.getTextSize((0, 0), text, (0, 0), _font(), text_height, SEMIBOLD)
    return width + 2 * _margin(text_height), text_height + 2 * _margin(text_height)


def _margin(text_height: int) -> int:
    return max(2, text_height // 4)


def _place(box: Corners, size: tuple[int, int], picture: tuple[int, int], labels: Sequence[Corners]) -> Corners:
    """A place for a label of (width, height): on the box, under it, in it or beside it, whichever is free first."""
    left, top, right, bottom = box
    width, height = size
    furthest_x, furthest_y = picture[0] - width, picture[1] - height
    places = (
        (x, y, x + width - 1, y + height - 1)
        for x in (min(left, furthest_x), max(0, right + 1 - width), left - width, right + 1)
        for y in (top - height, bottom + 1, top, bottom + 1 - height)
        if 0 <= x <= furthest_x and 0 <= y <= furthest_y
    )
    fallback: Corners | None = None
    for place in places:
        if not any(_overlap(place, label) for label in labels):
            return place
        fallback = fallback or place
    # none is free, or the box is smaller than its label in a picture hardly larger
    return fallback or (0, 0, width - 1, height - 1)


def _overlap(one: Corners, other: Corners) -> bool:
    return one[0] <= other[2] and other[0] <= one[2] and one[1] <= other[3] and other[1] <= one[3]


@cache
def _font() -> cv2.FontFace:
    # OpenCV's own: has Latin, Greek, Cyrillic and Chinese letters, as class names may
    return cv2.FontFace("sans")
