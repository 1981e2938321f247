"""What a detector takes as a picture, and what it says of all else."""

import numpy as np
import pytest

from avflow.detection import open_model
from avflow.detection.pictures import picture, pictures
from avflow.models.store import ModelStore

GOOD = np.zeros((4, 6, 3), np.uint8)


@pytest.fixture(scope="module")
def detector():
    store = ModelStore()
    store.fetch("yolov3-tiny")
    with open_model("yolov3-tiny", store, "cpu") as detector:
        yield detector


def test_one_picture_gives_the_objects_of_one(detector):
    assert detector.detect(GOOD) == []
    assert detector.detect([GOOD]) == detector.detect(GOOD[np.newaxis]) == detector.detect(iter([GOOD])) == [[]]
    assert detector.detect([]) == []


def test_a_wrong_thing_gets_a_sentence(detector):
    with pytest.raises(ValueError, match="The picture is grey"):
        detector.detect(np.zeros((4, 6), np.uint8))
    with pytest.raises(TypeError, match="Read the file first"):
        detector.detect("person.jpg")


class Pillow:
    def convert(self, mode):
        return self

    def getbands(self):
        return "RGB"


@pytest.mark.parametrize(
    ("wrong", "error", "said"),
    [
        (None, TypeError, "cv2.imread returns None"),
        ("a.jpg", TypeError, "'a.jpg', and must be a NumPy array"),
        (Pillow(), TypeError, r"numpy.asarray\(image.convert\('RGB'\)\)"),
        ([[[0, 0, 0]]], TypeError, "object of the class list"),
        (GOOD[..., 0], ValueError, r"is grey \(4 x 6\).*COLOR_GRAY2BGR"),
        (GOOD[..., :1], ValueError, "has the shape 4 x 6 x 1"),
        (np.zeros((4, 6, 4), np.uint8), ValueError, "four channels"),
        (np.zeros((3, 4, 6), np.uint8), ValueError, r"channels first.*transpose\(1, 2, 0\)"),
        (GOOD / 255, TypeError, "float64.*Multiply values from 0 to 1 by 255"),
        (GOOD.astype(np.int64), TypeError, "numbers of the type int64"),
        (GOOD[:0], ValueError, r"has no pixels \(0 x 6 x 3\)"),
        (np.zeros(()), ValueError, "no dimensions"),
        (GOOD[np.newaxis], ValueError, "has the shape 1 x 4 x 6 x 3"),
    ],
)
def test_what_is_wrong_and_what_to_do(wrong, error, said):
    with pytest.raises(error, match=said):
        picture(wrong)
    with pytest.raises(error, match=f"Picture 1.*{said}"):
        pictures([GOOD, wrong])


def test_a_name_can_not_control_the_terminal():
    with pytest.raises(TypeError) as caught:
        picture("\x1b[31m")
    assert "\x1b" not in str(caught.value)
