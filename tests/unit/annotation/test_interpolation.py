"""Boxes between detected frames: along the object's way, and of no object that only one of the frames has."""

from __future__ import annotations

import json
from fractions import Fraction

import numpy as np
import pytest

from avflow.annotation.interpolation import Interpolator
from avflow.annotation.pipeline import annotate_video
from avflow.detection import Detection
from avflow.media import probe
from avflow.video.segments import Segment
from tests.media_samples import ffmpeg, lavfi


def dog(left, confidence=0.9):
    return Detection(0, "dog", confidence, (left, 10, 20, 20))


def car(left, confidence=0.9):
    return Detection(1, "car", confidence, (left, 10, 20, 20))


def test_a_box_moves_evenly_from_one_frame_to_the_next():
    found = Interpolator(Fraction(25))
    assert found.between(0, [dog(0)]) == []
    between = found.between(5, [dog(10, 0.5)])
    assert [[each.box for each in frame] for frame in between] == [[(left, 10, 20, 20)] for left in (2, 4, 6, 8)]
    assert {each.confidence for frame in between for each in frame} == {0.5}, "never more than was found"


def test_the_most_confident_box_comes_first_as_on_each_line():
    found = Interpolator(Fraction(25))
    found.between(0, [car(200), dog(0, 0.3)])
    found.between(2, [dog(2, 0.95), car(202)])
    ((first, second),) = found.between(4, [dog(4, 0.4), car(204, 0.35)])
    assert (first.confidence, second.confidence) == (0.4, 0.35)
    found = Interpolator(Fraction(25))
    found.between(0, [car(200), dog(0, 0.3)])
    ((first, second),) = found.between(2, [dog(2, 0.95), car(202)])
    assert [(each.class_name, each.confidence) for each in (first, second)] == [("car", 0.9), ("dog", 0.3)]


def test_an_object_that_only_one_frame_has_is_not_shown_between():
    found = Interpolator(Fraction(25))
    found.between(0, [dog(0), car(200)])
    assert found.between(4, [dog(4), dog(300)]) == [[dog(left)] for left in (1, 2, 3)]


def test_objects_that_change_their_class_are_two():
    found = Interpolator(Fraction(25))
    found.between(0, [dog(0)])
    assert found.between(2, [car(0)]) == [[]]


def test_two_that_pass_each_other_keep_their_boxes():
    found = Interpolator(Fraction(25))
    for number in range(0, 60, 5):
        between = found.between(number, [dog(2 * number), dog(118 - 2 * number)])
    assert len(between) == 4
    assert all(len(frame) == 2 for frame in between)


@pytest.mark.parametrize("step", [1, 2, 7, 60])
def test_there_are_as_many_lists_as_frames_between(step):
    found = Interpolator(Fraction(10))
    found.between(3, [dog(0)])
    assert len(found.between(3 + step, [dog(1)])) == step - 1


class Where:
    """A detector that finds the white square, and counts the frames that it was asked about."""

    batch_size, in_flight, input_size = 2, 2, (160, 120)

    def __init__(self):
        self.asked = 0

    def preprocess(self, frame):
        self.asked += 1
        columns = np.flatnonzero(frame.luma.max(axis=0) > 150)
        return np.array([columns[0], columns[-1] + 1]) if len(columns) else None

    def start(self, blobs):
        from concurrent.futures import Future

        done = Future()
        done.set_result(list(blobs))
        return done

    def postprocess(self, heads, size):
        return [] if heads is None else [Detection(0, "square", 0.9, (int(heads[0]), 40, int(heads[1] - heads[0]), 40))]

    def close(self):
        pass


@pytest.fixture(scope="module")
def square(tmp_path_factory):
    """Fifty frames in which a white square of 40 pixels moves two pixels a frame."""
    path = tmp_path_factory.mktemp("square") / "square.mkv"
    black, white = (
        f"color={name}:size={size}:rate=25:duration=2" for name, size in (("black", "160x120"), ("white", "40x40"))
    )
    ffmpeg(
        *lavfi(f"{black}[b];{white}[w];[b][w]overlay=x=2*n:y=40"),
        "-c:v",
        "libx264",
        "-qp",
        "0",
        "-pix_fmt",
        "yuv420p",
        path,
    )
    return path


@pytest.mark.parametrize("every", [1, 5, 7, 60])
@pytest.mark.parametrize("segment", [None, Segment(13, 20)])
def test_each_frame_has_its_line_and_those_between_are_marked(square, tmp_path, every, segment):
    stream = probe(square).video
    detector = Where()
    done = annotate_video(
        square, stream, detector, tmp_path / "a.avi", tmp_path / "a.jsonl", segment=segment, every=every
    )
    lines = [json.loads(line) for line in (tmp_path / "a.jsonl").read_text().splitlines()]
    first, count = (segment.first, segment.frames) if segment else (0, 50)
    assert done.frames == count
    assert [line["frame"] for line in lines] == [*range(first, first + count)]
    wanted = {number for number in range(first, first + count) if number % every == 0} | {first, first + count - 1}
    assert {line["frame"] for line in lines if not line.get("interpolated")} == wanted
    assert detector.asked == len(wanted)
    if every == 60:
        return  # between the only two detected frames the square moves too far to be taken for the same
    for line in lines:
        ((left, _, width, _),) = [each["box"] for each in line["objects"]]
        assert left == pytest.approx(2 * line["frame"], abs=3), line["frame"]
        assert width == pytest.approx(40, abs=3)
