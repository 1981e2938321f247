"""The comparison of results from two environments reports real differences and nothing else."""

import json

import pytest

from tests.same_results import assert_same_objects, assert_same_subtitles

CUES = """1
00:00:00,500 --> 00:00:02,000
And so, my fellow

2
00:00:02,000 --> 00:00:04,000
Americans.
"""
PERSON = {"class": "person", "confidence": 0.8, "box": [10.0, 20.0, 50.0, 100.0]}


@pytest.fixture
def subtitles(tmp_path):
    def compare(*changes):
        text = CUES
        for old, new in changes:
            assert old in text
            text = text.replace(old, new)
        (tmp_path / "one").write_text(CUES)
        (tmp_path / "other").write_text(text)
        assert_same_subtitles(tmp_path / "one", tmp_path / "other")

    return compare


@pytest.fixture
def objects(tmp_path):
    def compare(one, other):
        for name, found in (("one", one), ("other", other)):
            (tmp_path / name).write_text(json.dumps({"frame": 0, "time": 0.0, "objects": found}) + "\n")
        assert_same_objects(tmp_path / "one", tmp_path / "other")

    return compare


@pytest.mark.parametrize("change", [("00:00:02,000", "00:00:02,120"), ("so,", "so"), ("my fellow", "my\nfellow")])
def test_hundredths_and_commas_may_differ(subtitles, change):
    subtitles(change)


@pytest.mark.parametrize("change", [("04,000", "04,300"), ("00,500", "00,800"), ("fellow", "fellows"), ("my", "")])
def test_words_and_times_may_not_differ(subtitles, change):
    with pytest.raises(AssertionError):
        subtitles(change)


def test_words_that_moved_to_another_cue_are_a_difference(subtitles):
    with pytest.raises(AssertionError):
        subtitles((" fellow", ""), ("Americans", "fellow Americans"))


@pytest.mark.parametrize(
    "other",
    [
        [{**PERSON, "confidence": 0.7, "box": [11.0, 21.0, 50.0, 99.0]}],
        [{"class": "dog", "confidence": 0.3, "box": [300.0, 20.0, 50.0, 100.0]}, PERSON],
    ],
)
def test_objects_may_move_a_little_and_unsure_ones_come_and_go(objects, other):
    objects([PERSON], other)
    objects(other, [PERSON])


@pytest.mark.parametrize(
    "other",
    [
        [],
        [{**PERSON, "class": "dog"}],
        [{**PERSON, "confidence": 0.5}],
        [{**PERSON, "box": [25.0, 20.0, 50.0, 100.0]}],
        [PERSON, PERSON],
    ],
)
def test_a_confident_object_on_one_side_only_is_a_difference(objects, other):
    with pytest.raises(AssertionError, match="only one side has"):
        objects([PERSON], other)
    with pytest.raises(AssertionError, match="only one side has"):
        objects(other, [PERSON])
