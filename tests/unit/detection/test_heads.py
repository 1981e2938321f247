"""Decoding of heads and suppression of doubles."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from avflow.darknet.cfg import Yolo
from avflow.detection.agreement import intersection_over_union
from avflow.detection.heads import decode, suppress


def logit(probability: float) -> float:
    return math.log(probability / (1 - probability))


def head_with(objects: list[tuple[int, int, int, list[float]]]) -> tuple[np.ndarray, Yolo]:
    """A head of 2 anchors, 3 classes, 4 rows and 5 columns; objects are (anchor, row, column, values)."""
    layer = Yolo((16, 4, 5), ((20.0, 40.0), (64.0, 32.0)), 3, 1.0)
    values = np.full((2, 8, 4, 5), -20, np.float32)
    for anchor, row, column, numbers in objects:
        values[anchor, :, row, column] = numbers
    return values.reshape(16, 4, 5), layer


def test_one_object_by_the_papers_formulas():
    values = [logit(0.25), logit(0.75), math.log(2), math.log(0.5), logit(0.9), logit(0.8), logit(0.1), logit(0.5)]
    head, layer = head_with([(1, 2, 3, values)])
    boxes, scores = decode([head], [layer], (160, 128), 0.25)
    np.testing.assert_allclose(boxes, [[(3 + 0.25) / 5, (2 + 0.75) / 4, 64 * 2 / 160, 32 * 0.5 / 128]], rtol=1e-6)
    np.testing.assert_allclose(scores, [[0.72, 0, 0.45]], rtol=1e-6)


def test_scale_x_y_stretches_the_centre():
    head, layer = head_with([(0, 1, 2, [logit(0.75), logit(0.5), 0, 0, 9, 9, 9, 9])])
    stretched = Yolo(layer.shape, layer.anchors, layer.classes, 1.2)
    boxes, _ = decode([head], [stretched], (160, 128), 0.25)
    np.testing.assert_allclose(boxes[0, :2], [(2 + 0.75 * 1.2 - 0.1) / 5, 1.5 / 4], rtol=1e-6)


@pytest.mark.parametrize("threshold", [0.01, 0.25, 0.5, 0.99])
def test_only_what_is_above_the_threshold(threshold):
    random = np.random.default_rng(3)
    head, layer = head_with([])
    head = random.normal(0, 4, head.shape).astype(np.float32)
    _, scores = decode([head], [layer], (160, 128), threshold)
    every = 1 / (1 + np.exp(-head.reshape(2, 8, 20).astype(float)))
    expected = every[:, 4:5] * every[:, 5:]
    np.testing.assert_allclose(np.sort(scores[scores > 0]), np.sort(expected[expected > threshold]), rtol=1e-9)


def test_nothing_found():
    head, layer = head_with([])
    boxes, scores = decode([head, head], [layer, layer], (160, 128), 0.25)
    assert boxes.shape == (0, 4)
    assert scores.shape == (0, 3)
    kept, classes = suppress(boxes, scores, 0.45)
    assert kept.size == classes.size == 0


def test_the_weaker_of_two_on_one_object_goes():
    boxes = np.array([[50, 50, 20, 20], [52, 50, 20, 20], [90, 50, 20, 20]], float)
    kept, _ = suppress(boxes, np.array([[0.6], [0.9], [0.5]]), 0.45)
    assert kept.tolist() == [1, 2]


def test_classes_do_not_suppress_each_other_and_a_box_may_be_of_two():
    boxes = np.array([[50, 50, 20, 20], [51, 50, 20, 20]], float)
    kept, classes = suppress(boxes, np.array([[0.6, 0.3], [0.0, 0.9]]), 0.45)
    assert list(zip(kept.tolist(), classes.tolist(), strict=True)) == [(1, 1), (0, 0)]


def test_what_a_suppressed_box_covered_stays():
    """A suppresses B; C, which only B overlaps, stays."""
    boxes = np.array([[50, 50, 20, 20], [56, 50, 20, 20], [62, 50, 20, 20]], float)
    kept, _ = suppress(boxes, np.array([[0.9], [0.8], [0.7]]), 0.45)
    assert kept.tolist() == [0, 2]


def test_overlap_at_the_limit_stays():
    boxes = np.array([[10, 10, 20, 20], [20, 10, 20, 20]], float)  # a third
    assert suppress(boxes, np.array([[0.9], [0.8]]), 1 / 3 + 1e-6)[0].tolist() == [0, 1]
    assert suppress(boxes, np.array([[0.9], [0.8]]), 1 / 3 - 1e-6)[0].tolist() == [0]


numbers = st.integers(-40, 60)
some_boxes = st.lists(
    st.tuples(numbers, numbers, st.integers(1, 40), st.integers(1, 40), *3 * [st.sampled_from([0, 0, 0.3, 0.5, 0.9])]),
    max_size=12,
)


def plainly_suppressed(boxes, scores, overlap):
    """Each class's boxes, best first, but for those that overlap a better one that stands."""
    standing = []
    order = sorted(((-score, row, of) for row, each in enumerate(scores) for of, score in enumerate(each) if score))
    rectangles = [(x - width / 2, y - height / 2, width, height) for x, y, width, height in boxes]
    for _, row, of in order:
        better = [rectangles[other] for other, class_id in standing if class_id == of]
        if all(intersection_over_union(rectangles[row], box) <= overlap for box in better):
            standing.append((row, of))
    return standing


@given(some_boxes, st.sampled_from([0.25, 0.5, 0.75]))
def test_suppression_is_that_of_a_plain_loop(rows, overlap):
    boxes = np.array([row[:4] for row in rows], float).reshape(-1, 4)
    scores = np.array([row[4:] for row in rows], float).reshape(-1, 3)
    kept, classes = suppress(boxes, scores, overlap)
    assert list(zip(kept.tolist(), classes.tolist(), strict=True)) == plainly_suppressed(boxes, scores, overlap)


def test_scores_that_float32_cannot_tell_apart_keep_their_order():
    boxes = np.array([[10.0, 10, 10, 10], [11, 10, 10, 10]])
    assert np.float32(0.9) == np.float32(0.9 + 1e-9)
    assert suppress(boxes, np.array([[0.9], [0.9 + 1e-9]]), 0.45)[0].tolist() == [1]


def test_a_box_far_outside_of_the_frame_suppresses_none_of_another_class():
    boxes = np.array([[60.0, 60, 80, 80], [-40, -40, 80, 80]])
    kept, classes = suppress(boxes, np.array([[0.9, 0], [0, 0.8]]), 0.45)
    assert (kept.tolist(), classes.tolist()) == ([0, 1], [0, 1])
