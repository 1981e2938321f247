"""Boxes and labels: they are in the right place, stay within the frame, and are readable."""

import itertools
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from avflow.annotation.drawing import colour_of, draw, text_colour_on
from avflow.annotation.labels import USUAL, LabelStyle
from avflow.detection import Detection
from avflow.video.yuv import YuvFrame, yuv_of

GREY = 126


def grey(width: int, height: int) -> YuvFrame:
    half = ((height + 1) // 2, (width + 1) // 2)
    return YuvFrame(
        np.full((height, width), GREY, np.uint8), np.full(half, 128, np.uint8), np.full(half, 128, np.uint8), "bt709"
    )


def changed(frame: YuvFrame) -> np.ndarray:
    return frame.luma != GREY


def pixels(frame: YuvFrame) -> np.ndarray:
    """(height, width, 3): Y, Cb, Cr of every pixel."""
    width, height = frame.size
    full = [plane.repeat(2, 0).repeat(2, 1)[:height, :width] for plane in (frame.blue, frame.red)]
    return np.stack([frame.luma, *full], axis=2)


def is_of(frame: YuvFrame, colour) -> np.ndarray:
    return (pixels(frame) == yuv_of(colour, "bt709")).all(axis=2)


def inked(frame: YuvFrame, class_id: int) -> np.ndarray:
    return frame.luma == yuv_of(text_colour_on(colour_of(class_id)), "bt709")[0]


def test_only_the_outline_of_the_box_is_drawn():
    frame = grey(640, 480)
    draw(frame, [Detection(3, "motorbike", 0.5, (100, 200, 300, 150))])
    red = is_of(frame, colour_of(3))
    for y, x in [(200, 250), (349, 250), (275, 100), (275, 399)]:
        assert red[y, x]
    assert not changed(frame)[230:320, 130:370].any()
    assert not changed(frame)[351:].any()
    assert not changed(frame)[:, :100].any()


def test_the_label_stands_above_the_box_and_has_text():
    frame = grey(640, 480)
    draw(frame, [Detection(0, "person", 0.87, (100, 200, 300, 150))])
    place = slice(185, 198), slice(100, 160)
    background = frame.luma[place] == yuv_of(colour_of(0), "bt709")[0]
    ink = inked(frame, 0)[place]
    assert background.mean() > 0.3
    assert ink.mean() > 0.05
    assert (background | ink).mean() < 1  # the edges of the text are smoothed


def test_the_percentage_is_the_confidence():
    frames = []
    for confidence in (0.874, 0.8699, 0.88):
        frame = grey(640, 480)
        draw(frame, [Detection(0, "person", confidence, (100, 200, 300, 150))])
        frames.append(frame)
    assert (frames[0].luma == frames[1].luma).all()  # both 87 %
    assert (frames[0].luma != frames[2].luma).any()


@pytest.mark.parametrize(
    "box", [(0, 0, 640, 480), (0, 0, 30, 30), (620, 0, 20, 20), (630, 470, 10, 10), (0, 460, 9, 20)]
)
def test_box_and_label_are_complete_at_the_edge_of_the_frame(box):
    frame, inner = grey(640, 480), grey(640, 480)
    detection = Detection(1, "bicycle", 0.5, box)
    draw(frame, [detection])
    draw(inner, [Detection(1, "bicycle", 0.5, (300, 300, 20, 20))])
    x, y, width, height = box
    for row, column in [(y, x + width // 2), (y + height - 1, x + width // 2), (y + height // 2, x)]:
        assert changed(frame)[row, column]
    assert inked(frame, 1).sum() == inked(inner, 1).sum()


def test_labels_of_overlapping_boxes_do_not_hide_each_other():
    frame, alone = grey(640, 480), grey(640, 480)
    box = (200.0, 200.0, 200.0, 100.0)
    draw(frame, [Detection(2, "car", 0.64, box), Detection(7, "truck", 0.53, (204.0, 203.0, 190.0, 90.0))])
    draw(alone, [Detection(7, "truck", 0.53, box)])
    assert text_colour_on(colour_of(2)) == text_colour_on(colour_of(7))
    car = grey(640, 480)
    draw(car, [Detection(2, "car", 0.64, box)])
    ink = [inked(drawn, 7).sum() for drawn in (frame, alone, car)]
    assert ink[0] == ink[1] + ink[2]


def test_lines_and_text_scale_with_the_frame():
    def ink(scale: int) -> tuple[int, int]:
        frame = grey(640 * scale, 480 * scale)
        draw(frame, [Detection(0, "person", 0.5, (100 * scale, 200 * scale, 300 * scale, 150 * scale))])
        column = changed(frame)[:, 390 * scale]
        return int(changed(frame).sum()), int(column[260 * scale :].sum())

    (small, thin), (large, thick) = ink(1), ink(4)
    assert thick >= 3 * thin
    assert large > 10 * small


def hidden_of(frame: YuvFrame, box) -> float:
    """The share of a box's area that drawing changed, without its outline."""
    left, top, width, height = box
    line = max(1, round(np.hypot(*frame.size) / 480))
    inner = changed(frame)[top + line : top + height - line, left + line : left + width - line]
    return inner.sum() / (width * height)


SIZES = [(16, 16), (64, 48), (160, 120), (320, 240), (768, 576), (1920, 1080), (3840, 2160)]


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize(
    "share",
    [(0, 0, 1, 1), (0.1, 0.1, 0.8, 0.8), (0, 0, 0.3, 1), (0.7, 0.8, 0.3, 0.2), (0.4, 0.4, 0.2, 0.3), (0, 0.4, 1, 0.2)],
    ids=str,
)
@pytest.mark.parametrize("name", ["person", "traffic light", "小さなボール"])
def test_a_label_never_hides_its_own_object(size, share, name):
    frame = grey(*size)
    left, top, right, bottom = (
        round(edge * size[index % 2])
        for index, edge in enumerate((*share[:2], share[0] + share[2], share[1] + share[3]))
    )
    box = left, top, right - left, bottom - top
    draw(frame, [Detection(0, name, 0.87, box)])
    assert hidden_of(frame, box) <= 0.1
    assert changed(frame).any()


@settings(deadline=None, max_examples=80)
@given(st.integers(10, 400), st.integers(10, 400), st.data())
def test_a_label_never_hides_its_own_object_at_any_place(width, height, data):
    box_width, box_height = data.draw(st.integers(1, width)), data.draw(st.integers(1, height))
    box = data.draw(st.integers(0, width - box_width)), data.draw(st.integers(0, height - box_height))
    frame = grey(width, height)
    draw(frame, [Detection(0, "person", 0.87, (*box, box_width, box_height))])
    assert hidden_of(frame, (*box, box_width, box_height)) <= 0.1


@pytest.mark.parametrize(("size", "texts"), [((16, 16), 0), ((40, 30), 0), ((160, 120), 1), ((320, 240), 1)], ids=str)
def test_text_that_does_not_fit_is_left_out(size, texts):
    frame = grey(*size)
    middle = size[0] // 4, size[1] // 2, size[0] // 4, size[1] // 4
    draw(frame, [Detection(0, "person", 0.87, middle)])
    assert inked(frame, 0).any() == bool(texts)
    assert is_of(frame, colour_of(0)).any()


def test_the_label_shows_only_the_class_if_the_percentage_does_not_fit():
    frames = []
    for confidence in (0.51, 0.62):
        frame = grey(100, 75)
        draw(frame, [Detection(0, "person", confidence, (40, 30, 10, 20))])
        frames.append(frame)
    assert inked(frames[0], 0).any()
    assert (frames[0].luma == frames[1].luma).all()


def drawn(style: LabelStyle, confidence: float = 0.87) -> YuvFrame:
    frame = grey(640, 480)
    draw(frame, [Detection(0, "person", confidence, (100, 200, 300, 150))], style)
    return frame


def test_without_labels_the_boxes_are_the_same():
    labelled, bare, expected = drawn(USUAL), drawn(LabelStyle("none")), grey(640, 480)
    assert inked(labelled, 0).any()
    assert not inked(bare, 0).any()
    expected.luma[200:350, 100:400] = labelled.luma[200:350, 100:400]  # the label stands above the box
    expected.blue[100:175, 50:200] = labelled.blue[100:175, 50:200]
    expected.red[100:175, 50:200] = labelled.red[100:175, 50:200]
    assert (pixels(bare) == pixels(expected)).all()


def test_a_label_with_the_class_alone_is_the_same_for_every_confidence():
    first, second = drawn(LabelStyle("class"), 0.87), drawn(LabelStyle("class"), 0.42)
    assert (pixels(first) == pixels(second)).all()
    assert 0 < inked(first, 0).sum() < inked(drawn(USUAL), 0).sum()


def tracked(number: int | None, width: int = 640) -> YuvFrame:
    frame = grey(width, 480)
    draw(frame, [Detection(0, "person", 0.87, (10, 200, width - 20, 150), number)], LabelStyle("track"))
    return frame


def test_a_label_with_a_track_shows_the_class_and_its_number():
    of_class, none, one, other = drawn(LabelStyle("class")), tracked(None), tracked(1), tracked(12)
    inks = [int(inked(frame, 0).sum()) for frame in (of_class, none, one, other)]
    assert inks[0] == inks[1] < inks[2] < inks[3]


def test_a_number_alone_is_left_where_the_class_does_not_fit():
    """The class alone would look like an object without a track."""
    frames = []
    for number in (3, 4, None):
        frame = grey(100, 75)
        draw(frame, [Detection(0, "a class with a long name", 0.87, (40, 30, 10, 20), number)], LabelStyle("track"))
        frames.append(frame)
    assert inked(frames[0], 0).any()
    assert (frames[0].luma != frames[1].luma).any()
    assert not inked(frames[2], 0).any()


def test_text_and_lines_grow_with_the_chosen_size():
    heights, lines = [], []
    for size in (0.5, 1, 2, 3):
        frame = drawn(LabelStyle(size=size))
        colour = is_of(frame, colour_of(0))
        heights.append(200 - int(changed(frame).any(axis=1).argmax()))
        lines.append(int(colour[200:350, 250].sum()) // 2)
    assert lines == [1, 2, 3, 5]
    assert [height / heights[1] for height in heights] == pytest.approx([0.5, 1, 2, 3], abs=0.2)
    assert (pixels(drawn(LabelStyle(size=1.0))) == pixels(drawn(USUAL))).all()


def test_a_label_avoids_other_objects_if_another_place_fits():
    person, ball = (300, 200, 60, 150), (305, 180, 12, 12)  # at the preferred place of the person's label
    alone, both = grey(640, 480), grey(640, 480)
    draw(alone, [Detection(0, "person", 0.9, person)])
    draw(both, [Detection(0, "person", 0.9, person), Detection(32, "sports ball", 0.6, ball)])
    assert hidden_of(alone, ball) > 0.3
    assert hidden_of(both, ball) == 0
    assert (inked(both, 0)).sum() > 50


@pytest.mark.parametrize("size", SIZES[2:], ids=str)
def test_labels_in_a_crowd_hide_no_object(size):
    """Forty people in four rows, side by side."""
    width, height = size[0] // 10, size[1] // 5
    boxes = [(column * width, row * height + 2, width - 2, height - 4) for row in range(4) for column in range(10)]
    frame = grey(*size)
    draw(frame, [Detection(0, "person", 0.9 - 0.01 * number, box) for number, box in enumerate(boxes)])
    assert max(hidden_of(frame, box) for box in boxes) <= 0.6


@pytest.mark.parametrize("side", [2, 3, 5, 6, 10, 20, 40])
@pytest.mark.parametrize("size", SIZES[1:], ids=str)
def test_the_line_of_a_small_box_does_not_hide_the_object(size, side):
    frame = grey(*size)
    draw(frame, [Detection(0, "a name that is too long for any frame" * 9, 0.9, (20, 20, side, side))])
    assert changed(frame).any()
    assert changed(frame)[20 : 20 + side, 20 : 20 + side].mean() <= 0.6


def test_colours_are_stable_and_distinct():
    assert colour_of(0) == colour_of(0)
    colours = [np.array(colour_of(number), float) for number in range(80)]
    assert min(np.abs(one - other).max() for one, other in itertools.combinations(colours, 2)) >= 10
    assert min(np.abs(one - other).max() for one, other in itertools.pairwise(colours)) >= 80


@given(st.integers(0, 10_000))
def test_text_is_readable_on_every_colour(class_id):
    def luminance(colour) -> float:  # WCAG 2.2
        linear = [
            value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4 for value in np.array(colour) / 255
        ]
        return 0.0722 * linear[0] + 0.7152 * linear[1] + 0.2126 * linear[2]

    background = luminance(colour_of(class_id))
    text = luminance(text_colour_on(colour_of(class_id)))
    assert (max(background, text) + 0.05) / (min(background, text) + 0.05) >= 3


sides = st.integers(1, 300)
anywhere = st.floats(-400, 400)


@settings(max_examples=60)
@given(sides, sides, st.lists(st.tuples(anywhere, anywhere, anywhere, anywhere), max_size=6), st.text(max_size=20))
def test_drawing_accepts_any_boxes_and_names(width, height, boxes, name):
    frame = grey(width, height)
    draw(frame, [Detection(number, name, 1.0, box) for number, box in enumerate(boxes)])
    assert changed(frame).any() == bool(boxes)


def test_no_detections_leave_the_frame_unchanged():
    frame = grey(64, 48)
    draw(frame, [])
    assert not changed(frame).any()


def test_drawing_into_a_view_changes_nothing_outside_it():
    large = grey(400, 300)
    part = YuvFrame(large.luma[50:250, 100:300], large.blue[25:125, 50:150], large.red[25:125, 50:150], large.matrix)
    draw(part, [Detection(0, "person", 0.9, (0, 0, 200, 200))])
    for plane, inside in ((large.luma, np.s_[50:250, 100:300]), (large.blue, np.s_[25:125, 50:150])):
        outside = plane != plane[0, 0]
        assert outside[inside].any()
        outside[inside] = False
        assert not outside.any()


@pytest.mark.parametrize("left", [100, 101])
@pytest.mark.parametrize("top", [200, 201])
def test_the_chroma_of_a_line_lies_under_its_luma(left, top):
    frame = grey(640, 480)
    draw(frame, [Detection(3, "motorbike", 0.5, (left, top, 300, 150))])
    _, blue, red = yuv_of(colour_of(3), "bt709")
    lines = changed(frame)[top + 20 :]
    coloured = ((frame.blue == blue) & (frame.red == red)).repeat(2, 0).repeat(2, 1)[top + 20 :]
    assert (coloured | ~lines).all()
    beside = np.roll(lines, 1, 1) | np.roll(lines, -1, 1) | np.roll(lines, 1, 0) | np.roll(lines, -1, 0) | lines
    beside |= np.roll(beside, 1, 1) | np.roll(beside, 1, 0)
    assert not (coloured & ~beside)[: 150 - 20].any()


def test_the_cache_of_labels_is_bounded():
    frame = grey(3840, 2160)
    classes = [f"class number {number}" for number in range(16)]
    tracemalloc.start()
    try:
        for class_id, percent in itertools.product(range(16), range(25, 100)):
            draw(frame, [Detection(class_id, classes[class_id], percent / 100, (100, 100, 300, 300))])
        kept, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert kept < 40e6
