"""`avflow.detect`: pictures, files, and frames without end."""

import itertools
import shutil
import sys

import cv2
import numpy as np
import pandas as pd
import pytest

from avflow import Detections, detect
from avflow.errors import (
    InvalidMediaEmpty,
    InvalidMediaNoStreams,
    InvalidMediaUnreadable,
    ModelUnknown,
    SettingInvalid,
    SourceMissing,
)
from tests.media_samples import ffmpeg
from tests.unit.api.conftest import PERSON

SEEN = ["horse", "dog", "person"]


def test_one_picture_gives_its_objects(person):
    found = detect(person)
    assert isinstance(found, Detections)
    assert (list(found.class_name), found.class_id.tolist()) == (SEEN, [17, 16, 0])
    assert (len(found), found.size, found.frame, found.time) == (3, (640, 424), 0, None)
    assert sorted(found.confidence.tolist(), reverse=True) == found.confidence.tolist()


def test_the_arrays_are_what_supervision_takes(person):
    """`supervision.Detections`: xyxy (n, 4), confidence (n,), class_id (n,) of whole numbers; (0, 4) for nothing."""
    for found, count in ((detect(person), 3), (detect(np.zeros((64, 64, 3), np.uint8)), 0)):
        assert (found.xyxy.shape, found.xyxy.dtype) == ((count, 4), np.float32)
        assert (found.confidence.shape, found.confidence.dtype) == ((count,), np.float32)
        assert (found.class_id.shape, found.class_id.dtype) == ((count,), np.int64)
    left, top, right, bottom = detect(person).xyxy[2]  # the person, who stands
    assert 180 < left < 200 < 250 < right < 285
    assert 90 < top < 110 < 370 < bottom < 400


@pytest.mark.slow
def test_supervision_takes_them_with_their_names(person):
    import supervision  # which loads scipy and matplotlib

    found = detect(person).to_supervision()
    assert found["class_name"].tolist() == SEEN
    assert found.class_id.tolist() == [17, 16, 0]
    assert found.box_area[2] == pytest.approx(92 * 276, rel=0.05), "corners, not widths"
    nothing = detect(np.zeros((8, 8, 3), np.uint8)).to_supervision()
    assert nothing.is_empty()
    assert len(supervision.Detections.merge([nothing, found])) == 3


def test_without_supervision_it_says_what_to_install(person, monkeypatch):
    monkeypatch.setitem(sys.modules, "supervision", None)
    with pytest.raises(ImportError, match="pip install supervision"):
        detect(person).to_supervision()


def test_a_table_of_pandas(person):
    table = pd.DataFrame(detect(person).to_dicts())
    assert list(table.columns) == ["frame", "time", "class", "confidence", "left", "top", "right", "bottom"]
    assert table["class"].tolist() == SEEN
    assert (table.right > table.left).all()


def test_more_confidence_leaves_less(person):
    all_of_them = detect(person)
    limit = float(all_of_them.confidence[1:].mean())
    sure = detect(person, confidence=limit)
    assert list(sure.class_name) == [
        name for name, one in zip(all_of_them.class_name, all_of_them.confidence, strict=True) if one > limit
    ]


@pytest.mark.parametrize(
    "suffix", [".png", *(pytest.param(each, marks=pytest.mark.slow) for each in (".bmp", ".webp", ".tiff", ""))]
)
def test_the_path_of_a_picture(person, tmp_path, suffix):
    path = tmp_path / f"a picture{suffix}"
    if suffix:
        assert cv2.imwrite(str(path), person, [cv2.IMWRITE_WEBP_QUALITY, 101] if suffix == ".webp" else [])
    else:
        shutil.copy(PERSON, path)
    found = detect(path)
    assert list(found.class_name) == SEEN
    assert (found.frame, found.size) == (0, (640, 424))
    if suffix == ".png":
        assert np.allclose(found.xyxy, detect(person).xyxy)
        assert list(detect(str(path)).class_name) == SEEN


def test_frames_without_end_come_one_after_another(person):
    taken = []

    def camera():
        for number in itertools.count():
            taken.append(number)
            yield person if number % 2 else np.zeros_like(person)

    found = list(itertools.islice(detect(camera()), 4))
    assert [(each.frame, len(each)) for each in found] == [(0, 0), (1, 3), (2, 0), (3, 3)]
    assert len(taken) < 40, "it reads only a few ahead"


@pytest.mark.parametrize("several", [list, tuple, np.stack, iter])
def test_several_pictures_in_any_form(person, several):
    assert [len(each) for each in detect(several([person, person]))] == [3, 3]
    assert list(detect([])) == []


def test_pictures_of_several_sizes(person):
    found = list(detect([person, person[:, ::2], person[100:101, :1]]))
    assert [each.size for each in found] == [(640, 424), (320, 424), (1, 1)]


@pytest.mark.slow
def test_the_path_of_a_video_gives_each_frame_with_its_time(film):
    found = list(detect(film))
    assert [(each.frame, each.time) for each in found] == [(number, number / 4) for number in range(12)]
    assert any("person" in each.class_name for each in found)
    assert all(each.xyxy.shape == (len(each), 4) for each in found)
    assert all(each.size == found[0].size for each in found)


@pytest.mark.parametrize(
    ("content", "name", "error"),
    [
        (b"", "empty.jpg", InvalidMediaEmpty),
        (b"\xff\xd8\xff" + b"no picture" * 9, "bad.jpg", InvalidMediaUnreadable),
        (b"some words\n" * 50, "notes.txt", InvalidMediaUnreadable),
    ],
)
def test_a_file_that_is_none(tmp_path, content, name, error):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(error, match=name):
        detect(tmp_path / name)


def test_a_file_without_a_picture(tmp_path):
    ffmpeg("-f", "lavfi", "-i", "sine=440:d=1", tmp_path / "tone.wav")
    with pytest.raises(InvalidMediaNoStreams, match=r"tone\.wav has no video"):
        detect(tmp_path / "tone.wav")


def test_a_path_that_is_no_file(tmp_path):
    with pytest.raises(SourceMissing, match="is a folder, not a file"):
        detect(tmp_path)
    with pytest.raises(SourceMissing, match="can't be read: No such file"):
        detect(tmp_path / "nothing.jpg")


@pytest.mark.parametrize("confidence", [0, 1, -0.5, 25])
def test_a_confidence_that_is_none(person, confidence):
    with pytest.raises(SettingInvalid, match=r"confidence is \S+; it must be a number from 0\.01 to 0\.99"):
        detect(person, confidence=confidence)


def test_only_the_classes_that_were_asked_for(person):
    assert list(detect(person, classes=["Dog", "person"]).class_name) == ["dog", "person"]
    with pytest.raises(SettingInvalid, match=r"yolov3-tiny has no class 'hors': did you mean horse"):
        detect(person, classes=["hors"])


def test_boxes_of_one_class_may_overlap_more(person):
    """Of two overlapping boxes only the more confident is shown, unless more overlap is allowed."""
    few, many = (detect(person, confidence=0.05, nms=nms) for nms in (0.05, 0.95))
    assert len(few) < len(many)


def test_a_model_that_is_no_detector(person):
    with pytest.raises(ModelUnknown, match="is not a detector"):
        detect(person, model="whisper-base")


@pytest.mark.parametrize("wrong", [None, 3, b"\xff\xd8\xff", object()], ids=["none", "number", "bytes", "object"])
def test_what_is_no_picture_is_said_in_a_sentence(wrong):
    with pytest.raises(TypeError, match=r"must be a NumPy array \(height, width, 3\) of uint8"):
        detect(wrong)
    with pytest.raises(TypeError, match="Picture 0 is"):
        list(detect([wrong]))
