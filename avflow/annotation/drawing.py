"""Draws boxes and labels directly into the planes of a frame, so that all other pixels stay unchanged."""

from __future__ import annotations

import colorsys
from collections.abc import Iterator, Sequence
from functools import cache, lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from avflow.annotation.labels import USUAL, LabelStyle
from avflow.detection import Detection
from avflow.video.yuv import NO_CHROMA, Colour, YuvFrame, yuv_of

#: left, top, right, bottom in whole pixels; right and bottom are inclusive
Corners = tuple[int, int, int, int]

BLACK: Colour = (0, 0, 0)
WHITE: Colour = (255, 255, 255)
#: the golden angle in turns: its first multiples are all far apart, and so are the hues made from them
GOLDEN_TURN = 0.618034
#: font height and line width as shares of the frame's diagonal (960 pixels in 768x576)
TEXT_SHARE = 1 / 60
LINE_SHARE = 1 / 480
#: In a small frame, where that font would be unreadable: the font height in pixels, its largest share of the diagonal,
#: and the smallest readable font height.
SMALL_TEXT, SMALL_TEXT_SHARE, MIN_TEXT = 11, 1 / 20, 8
#: largest line width as a share of the box's shorter side
MAX_LINE_SHARE = 1 / 6
#: shorter side in pixels below which the line is drawn outside the box, because even one pixel would hide too much
MIN_BOX = 6
#: largest share of the frame's area that a label may take
LABEL_SHARE = 1 / 16
#: Largest share of an object's area that a label may hide. The second value applies to the labels of other objects if
#: no better place exists.
HIDDEN_SHARE, MAX_HIDDEN_SHARE = 0.1, 0.5
SEMIBOLD = 600
#: height of the letters above the baseline, as a share of the font height
BASELINE_SHARE = 0.86
#: number of cached labels: about 100 kB each in a frame of 3840x2160
_CACHED_LABELS = 128


@cache
def colour_of(class_id: int) -> Colour:
    """The colour of a class: the same in every frame, and different from those of the next class numbers."""
    hue = class_id * GOLDEN_TURN % 1
    value, saturation = ((1.0, 0.85), (0.85, 1.0), (1.0, 0.6))[class_id % 3]
    red, green, blue = colorsys.hsv_to_rgb(hue, saturation, value)
    return round(blue * 255), round(green * 255), round(red * 255)


def text_colour_on(background: Colour) -> Colour:
    """Black or white, whichever is more readable (relative luminance by ITU-R BT.709)."""
    blue, green, red = background
    return BLACK if 0.2126 * red + 0.7152 * green + 0.0722 * blue > 110 else WHITE


def draw(frame: YuvFrame, detections: Sequence[Detection], style: LabelStyle = USUAL) -> None:
    """Draw the box, class and confidence (in percent) of each detection into `frame`, in place.

    `style` says whether labels show both, the class alone, the class and the number of the track, or nothing.

    Lines and text scale with the frame. A label stands outside its box, at the box's edge. If there is no room, it
    stands inside the box, provided that it hides little of the object. A label never leaves the frame and never covers
    another label. If no place fits, the label shows less (`_texts`), or the box gets no label.
    """
    width, height = frame.size
    diagonal = float(np.hypot(width, height))
    line = max(1, round(diagonal * LINE_SHARE * style.size))
    text_height = round(_text_height(diagonal) * style.size)
    best_first = sorted(detections, key=lambda detection: -detection.confidence)
    boxes = [_corners(detection, width, height) for detection in best_first]
    for detection, corners in reversed(list(zip(best_first, boxes, strict=True))):
        _draw_box(frame, corners, colour_of(detection.class_id), line)
    if style.show == "none":
        return
    labels: list[Corners] = []
    for detection, corners in zip(best_first, boxes, strict=True):
        for text in _texts(detection, style):
            if place := _label_place(corners, _label_size(text, text_height), frame.size, labels, boxes):
                _draw_label(frame, place, text, text_height, colour_of(detection.class_id))
                labels.append(place)
                break


def _texts(detection: Detection, style: LabelStyle) -> tuple[str, ...]:
    """The texts of a label, the whole one first. One that does not fit gives way to the next.

    A number alone still tells which object it is. The class alone would look like an object without a track.
    """
    name = detection.class_name
    if style.show == "confidence":
        return f"{name} {detection.confidence:.0%}", name
    if style.show == "track" and detection.track is not None:
        return f"{name} {detection.track}", str(detection.track)
    return (name,)


def _text_height(diagonal: float) -> int:
    """The font height in pixels for a frame with this diagonal."""
    small = max(MIN_TEXT, min(SMALL_TEXT, round(diagonal * SMALL_TEXT_SHARE)))
    return max(small, round(diagonal * TEXT_SHARE))


def _corners(detection: Detection, width: int, height: int) -> Corners:
    """The corners of the detection's box, clipped to a frame of `width` x `height` pixels."""
    left, top, box_width, box_height = detection.box
    return (
        min(max(round(left), 0), width - 1),
        min(max(round(top), 0), height - 1),
        min(max(round(left + box_width - 1), 0), width - 1),
        min(max(round(top + box_height - 1), 0), height - 1),
    )


def _draw_box(frame: YuvFrame, corners: Corners, colour: Colour, line: int) -> None:
    """Draw the outline of a box, at most `line` pixels wide.

    The line lies inside the box, so that it is complete at the edge of the frame. Around a tiny object it lies outside.
    """
    left, top, right, bottom = corners
    shorter = min(right - left, bottom - top) + 1
    line = min(line, max(1, int(shorter * MAX_LINE_SHARE)))
    if shorter < MIN_BOX:
        width, height = frame.size
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
        _fill(frame, strip, colour)


def _fill(frame: YuvFrame, corners: Corners, colour: Colour) -> None:
    luma, blue, red = yuv_of(colour, frame.matrix)
    left, top, right, bottom = corners
    frame.luma[top : bottom + 1, left : right + 1] = luma
    chroma = _chroma_slices(corners)
    frame.blue[chroma], frame.red[chroma] = blue, red


def _chroma_slices(corners: Corners) -> tuple[slice, slice]:
    """The rows and columns of the chroma samples that `corners` contain or cut."""
    left, top, right, bottom = corners
    return slice(top // 2, bottom // 2 + 1), slice(left // 2, right // 2 + 1)


def _draw_label(frame: YuvFrame, place: Corners, text: str, text_height: int, colour: Colour) -> None:
    left, top, right, bottom = place
    label = _label(text, text_height, colour, frame.matrix, parity=(left % 2, top % 2))
    frame.luma[top : bottom + 1, left : right + 1] = label.luma
    chroma = _chroma_slices(place)
    frame.blue[chroma], frame.red[chroma] = label.blue, label.red


@lru_cache(maxsize=_CACHED_LABELS)
def _label(text: str, text_height: int, colour: Colour, matrix: str, *, parity: tuple[int, int]) -> YuvFrame:
    """A rendered label, ready to copy into a frame.

    A chroma sample covers 2x2 pixels. `parity`, the label's left and top modulo 2, tells which pixels share a sample.
    """
    left, top = parity
    coverage = ink(text, text_height) / np.float32(255)
    height, width = coverage.shape
    luma, blue, red = yuv_of(colour, matrix)
    ink_luma = yuv_of(text_colour_on(colour), matrix)[0]
    rows, columns = (top + height + 1) // 2, (left + width + 1) // 2
    around = np.zeros((2 * rows, 2 * columns), np.float32)
    around[top : top + height, left : left + width] = coverage
    covered = (around[::2, ::2] + around[::2, 1::2] + around[1::2, ::2] + around[1::2, 1::2]) / 4
    return YuvFrame(
        np.rint(luma + (ink_luma - luma) * coverage).astype(np.uint8),
        # the text is black or white, so its chroma is neutral
        np.rint(blue + (NO_CHROMA - blue) * covered).astype(np.uint8),
        np.rint(red + (NO_CHROMA - red) * covered).astype(np.uint8),
        matrix,
    )


def ink(text: str, text_height: int) -> NDArray[np.uint8]:
    """A label's text with its margin: the coverage of each pixel, (height, width), 0 to 255."""
    width, height = _label_size(text, text_height)
    margin = _margin(text_height)
    ink = np.zeros((height, width), np.uint8)
    baseline = (margin, margin + round(text_height * BASELINE_SHARE))
    cv2.putText(ink, text, baseline, (255, 255, 255), _font(), text_height, SEMIBOLD)
    return ink


@lru_cache(maxsize=4096)
def _label_size(text: str, text_height: int) -> tuple[int, int]:
    """(width, height) of a label in pixels, including its margin."""
    _, _, width, _ = cv2.getTextSize((0, 0), text, (0, 0), _font(), text_height, SEMIBOLD)
    return width + 2 * _margin(text_height), text_height + 2 * _margin(text_height)


def _margin(text_height: int) -> int:
    return max(2, text_height // 4)


def _label_place(
    box: Corners,
    label_size: tuple[int, int],
    frame_size: tuple[int, int],
    labels: Sequence[Corners],
    objects: Sequence[Corners],
) -> Corners | None:
    """The best place for a label, or None if no place fits.

    Parameters
    ----------
    box:
        The box that the label belongs to, one of `objects`.
    label_size, frame_size:
        (width, height) in pixels.
    labels:
        The labels that already have a place.
    objects:
        The boxes of all detections.
    """
    second_best: Corners | None = None
    area = label_size[0] * label_size[1]
    if area > LABEL_SHARE * frame_size[0] * frame_size[1]:
        return None
    # only these can lose more than HIDDEN_SHARE of their area to the label
    small = [other for other in objects if area > HIDDEN_SHARE * _area(other)]
    for place in _candidate_places(box, label_size, frame_size):
        if _hides_any(place, (box,), HIDDEN_SHARE) or _overlaps_any(place, labels):
            continue
        if not _hides_any(place, small, HIDDEN_SHARE):
            return place
        if second_best is None and not _hides_any(place, small, MAX_HIDDEN_SHARE):
            second_best = place
    return second_best


def _candidate_places(box: Corners, label_size: tuple[int, int], frame_size: tuple[int, int]) -> Iterator[Corners]:
    """Places within the frame for a label, best first: above and below the box, beside it, inside it."""
    left, top, right, bottom = box
    width, height = label_size
    max_x, max_y = frame_size[0] - width, frame_size[1] - height
    if max_x < 0 or max_y < 0:
        return
    columns = min(left, max_x), max(0, right + 1 - width)
    rows = min(top, max_y), max(0, bottom + 1 - height)
    for xs, ys in (
        (columns, (top - height, bottom + 1)),
        ((left - width, right + 1), rows),
        (columns, rows),
    ):
        for x in xs:
            for y in ys:
                if 0 <= x <= max_x and 0 <= y <= max_y:
                    yield x, y, x + width - 1, y + height - 1


def _area(box: Corners) -> int:
    left, top, right, bottom = box
    return (right - left + 1) * (bottom - top + 1)


# The next two functions are the innermost loops for crowded frames. Plain loops are faster than one expression.
def _hides_any(place: Corners, boxes: Sequence[Corners], share: float) -> bool:
    """Whether a label at `place` hides more than `share` of the area of any of `boxes`."""
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
    """Whether a label at `place` covers a part of any of `labels`."""
    left, top, right, bottom = place
    for other_left, other_top, other_right, other_bottom in labels:
        if other_left <= right and left <= other_right and other_top <= bottom and top <= other_bottom:
            return True
    return False


@cache
def _font() -> cv2.FontFace:
    # OpenCV's built-in font has Latin, Greek, Cyrillic and Chinese letters, which class names may contain
    return cv2.FontFace("sans")
