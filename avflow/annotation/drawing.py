"""Boxes and labels on a picture, drawn into its planes: nothing of it but these changes."""

from __future__ import annotations

import colorsys
from collections.abc import Iterator, Sequence
from functools import cache, lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from avflow.detection import Detection
from avflow.video.yuv import NO_CHROMA, Colour, YuvFrame, yuv_of

#: left, top, right, bottom in whole pixels, right and bottom inclusive
Corners = tuple[int, int, int, int]

BLACK: Colour = (0, 0, 0)
WHITE: Colour = (255, 255, 255)
#: the golden angle, in turns: multiples of it never come close to an earlier one soon
GOLDEN_TURN = 0.618034
#: font height and line width by the picture's diagonal (960 pixels in 768x576)
TEXT_SHARE = 1 / 60
LINE_SHARE = 1 / 480
#: font height where that share is too small to be read, by the diagonal too, and the least that can be read at all
SMALL_TEXT, SMALL_TEXT_SHARE, LEAST_TEXT = 11, 1 / 20, 8
#: most of an object's shorter side that a line may take away on either side
LINE_OF_BOX = 1 / 6
#: pixels: of an object whose shorter side is less, a line of one pixel would hide too much
LEAST_BOX = 6
#: most of the picture that a label may take
LABEL_SHARE = 1 / 16
#: most of an object's area that its own label may hide, and any other where there is a choice, and where there is none
HIDDEN_SHARE, MOST_HIDDEN_SHARE = 0.1, 0.5
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


def draw(picture: YuvFrame, detections: Sequence[Detection]) -> None:
    """Draw each detection's box, class and percentage into `picture`, in place.

    Lines and text grow with the picture. A label stands outside of its box, at its edge, or where there is no room,
    inside, if it hides little of the object; it never leaves the picture and never covers another label. Where
    there is no such place the class stands alone, or the box.
    """
    width, height = picture.size
    diagonal = float(np.hypot(width, height))
    line = max(1, round(diagonal * LINE_SHARE))
    text_height = _text_height(diagonal)
    best_first = sorted(detections, key=lambda found: -found.confidence)
    boxes = [_corners(found, width, height) for found in best_first]
    for found, corners in reversed(list(zip(best_first, boxes, strict=True))):
        _draw_box(picture, corners, colour_of(found.class_id), line)
    labels: list[Corners] = []
    for found, corners in zip(best_first, boxes, strict=True):
        for text in (f"{found.class_name} {found.confidence:.0%}", found.class_name):
            if place := _place(corners, _label_size(text, text_height), picture.size, labels, boxes):
                _draw_label(picture, place, text, text_height, colour_of(found.class_id))
                labels.append(place)
                break


def _text_height(diagonal: float) -> int:
    small = max(LEAST_TEXT, min(SMALL_TEXT, round(diagonal * SMALL_TEXT_SHARE)))
    return max(small, round(diagonal * TEXT_SHARE))


def _corners(detection: Detection, width: int, height: int) -> Corners:
    left, top, box_width, box_height = detection.box
    return (
        min(max(round(left), 0), width - 1),
        min(max(round(top), 0), height - 1),
        min(max(round(left + box_width - 1), 0), width - 1),
        min(max(round(top + box_height - 1), 0), height - 1),
    )


def _draw_box(picture: YuvFrame, corners: Corners, colour: Colour, line: int) -> None:
    """A frame of `line` pixels or less that lies within the box, so that none of it is lost at the picture's edge.

    Around a tiny object it lies outside.
    """
    left, top, right, bottom = corners
    shorter = min(right - left, bottom - top) + 1
    line = min(line, max(1, int(shorter * LINE_OF_BOX)))
    if shorter < LEAST_BOX:
        width, height = picture.size
        left, top, right, bottom = (
            max(0, left - 1),
            max(0, top - 1),
            min(width - 1, right + 1),
            min(height - 1, bottom + 1),
        )
    for strip in (
        (left, top, right, top + line - 1),
        (left, bottom - line + 1, right, bottom),
        (left, top, left + line - 1, bottom),
        (right - line + 1, top, right, bottom),
    ):
        _fill(picture, strip, colour)


def _fill(picture: YuvFrame, corners: Corners, colour: Colour) -> None:
    luma, blue, red = yuv_of(colour, picture.matrix)
    left, top, right, bottom = corners
    picture.luma[top : bottom + 1, left : right + 1] = luma
    quarter = _quarter(corners)
    picture.blue[quarter], picture.red[quarter] = blue, red


def _quarter(corners: Corners) -> tuple[slice, slice]:
    """The samples of colour that lie in or across `corners`."""
    left, top, right, bottom = corners
    return slice(top // 2, bottom // 2 + 1), slice(left // 2, right // 2 + 1)


def _draw_label(picture: YuvFrame, place: Corners, text: str, text_height: int, colour: Colour) -> None:
    left, top, right, bottom = place
    label = _label(text, text_height, colour, picture.matrix, parity=(left % 2, top % 2))
    picture.luma[top : bottom + 1, left : right + 1] = label.luma
    quarter = _quarter(place)
    picture.blue[quarter], picture.red[quarter] = label.blue, label.red


@lru_cache(maxsize=_KEPT_LABELS)
def _label(text: str, text_height: int, colour: Colour, matrix: str, *, parity: tuple[int, int]) -> YuvFrame:
    """A label as it is copied into a picture.

    Samples of colour belong to four pixels: which ones, `parity` tells, the label's left and top modulo 2.
    """
    left, top = parity
    ink = _ink(text, text_height) / np.float32(255)
    height, width = ink.shape
    luma, blue, red = yuv_of(colour, matrix)
    ink_luma = yuv_of(text_colour_on(colour), matrix)[0]
    rows, columns = (top + height + 1) // 2, (left + width + 1) // 2
    around = np.zeros((2 * rows, 2 * columns), np.float32)
    around[top : top + height, left : left + width] = ink
    covered = (around[::2, ::2] + around[::2, 1::2] + around[1::2, ::2] + around[1::2, 1::2]) / 4
    return YuvFrame(
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


def _place(
    box: Corners,
    size: tuple[int, int],
    picture: tuple[int, int],
    labels: Sequence[Corners],
    objects: Sequence[Corners],
) -> Corners | None:
    """The best place for a label of (width, height) that belongs to `box`, one of `objects`; None if there is none."""
    second_best: Corners | None = None
    area = size[0] * size[1]
    if area > LABEL_SHARE * picture[0] * picture[1]:
        return None
    small = [other for other in objects if area > HIDDEN_SHARE * _area(other)]
    for place in _places(box, size, picture):
        if _hides_any(place, (box,), HIDDEN_SHARE) or _overlaps_any(place, labels):
            continue
        if not _hides_any(place, small, HIDDEN_SHARE):
            return place
        if second_best is None and not _hides_any(place, small, MOST_HIDDEN_SHARE):
            second_best = place
    return second_best


def _places(box: Corners, size: tuple[int, int], picture: tuple[int, int]) -> Iterator[Corners]:
    """Where a label of (width, height) may stand within the picture: above and below its box, beside it, in it."""
    left, top, right, bottom = box
    width, height = size
    furthest_x, furthest_y = picture[0] - width, picture[1] - height
    if furthest_x < 0 or furthest_y < 0:
        return
    columns = min(left, furthest_x), max(0, right + 1 - width)
    rows = min(top, furthest_y), max(0, bottom + 1 - height)
    for xs, ys in (
        (columns, (top - height, bottom + 1)),
        ((left - width, right + 1), rows),
        (columns, rows),
    ):
        for x in xs:
            for y in ys:
                if 0 <= x <= furthest_x and 0 <= y <= furthest_y:
                    yield x, y, x + width - 1, y + height - 1


def _area(box: Corners) -> int:
    left, top, right, bottom = box
    return (right - left + 1) * (bottom - top + 1)


# The next two are the innermost loops of crowded pictures, hence not an expression each.
def _hides_any(place: Corners, boxes: Sequence[Corners], share: float) -> bool:
    """Whether a label at `place` hides more than `share` of what is in one of `boxes`."""
    left, top, right, bottom = place
    for box in boxes:
        box_left, box_top, box_right, box_bottom = box
        if box_left <= right and left <= box_right and box_top <= bottom and top <= box_bottom:
            across = min(right, box_right) - max(left, box_left) + 1
            down = min(bottom, box_bottom) - max(top, box_top) + 1
            if across * down > share * _area(box):
                return True
    return False


def _overlaps_any(place: Corners, labels: Sequence[Corners]) -> bool:
    left, top, right, bottom = place
    for other_left, other_top, other_right, other_bottom in labels:
        if other_left <= right and left <= other_right and other_top <= bottom and top <= other_bottom:
            return True
    return False


@cache
def _font() -> cv2.FontFace:
    # OpenCV's own: has Latin, Greek, Cyrillic and Chinese letters, as class names may
    return cv2.FontFace("sans")
