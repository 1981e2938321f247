"""Subtitles as pictures: every character as it is, within the frame, and readable; and what has no font is told."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from avflow.errors import FFmpegFailed
from avflow.ffmpeg.text_pictures import TextPictures
from avflow.isolation.permissions import font_folders
from avflow.speech import ass
from avflow.speech.subtitles import Cue

#: two full lines of a cue (avflow/speech/subtitles.py)
FULL = "and so, my fellow Americans: ask not what\nyour country can do for you; ask what you"
FONTS = font_folders()

needs_fonts = pytest.mark.skipif(not FONTS, reason="this machine has no fonts")


def drawn(folder, texts, size=(768, 576), fonts=FONTS):
    """The pictures of the texts, and the characters that have no font."""
    cues = [Cue(number, number + 0.5, text) for number, text in enumerate(texts)]
    with TextPictures(cues, size, folder, fonts) as pictures:
        found = list(pictures)
        assert len(found) == len(texts)
        return found, pictures.missing


def same(one, other):
    return (one.left, one.top) == (other.left, other.top) and np.array_equal(one.luma, other.luma)


@needs_fonts
@pytest.mark.parametrize("size", [(426, 240), (427, 241), (768, 576), (1920, 1080), (1080, 1920), (3840, 2160)])
def test_two_lines_stand_at_the_bottom_in_the_middle_and_are_readable(tmp_path, size):
    width, height = size
    ((picture,), missing) = drawn(tmp_path, [FULL], size)
    tall, wide = picture.cover.shape
    assert not missing
    assert abs(picture.left + wide / 2 - width / 2) <= 3
    assert 0.025 * height <= height - (picture.top + tall) < 0.1 * height
    assert picture.left >= 0.04 * width
    assert tall < height / 3
    assert (picture.cover.max(), picture.luma.max(), picture.luma.min()) == (255, 235, 16)
    # letters of 9 pixels at least, and of 1/40 of the shorter side
    ((letter,), _) = drawn(tmp_path, ["H"], size)
    lit = np.flatnonzero((letter.luma > 126).any(axis=1))
    assert lit[-1] - lit[0] + 1 >= max(9, min(size) / 40)


@needs_fonts
def test_white_letters_have_a_black_outline(tmp_path):
    ((picture,), _) = drawn(tmp_path, ["I"])
    middle = picture.luma.shape[0] // 2
    covered = picture.cover[middle] == 255
    luma = picture.luma[middle][covered]
    assert luma[0] == luma[-1] == 16
    assert luma.max() == 235


@needs_fonts
@pytest.mark.parametrize(
    "text", [r"{\an8}up", r"{\b1}", r"C:\New\nul\hat", r"a\Nb", "{", "}", "\\", r"\{", "{\\p1}m 0 0 l 99 99{\\p0}"]
)
def test_what_would_be_an_instruction_stays_text(tmp_path, text):
    (whole, *single), missing = drawn(tmp_path, [text, *text])
    assert not missing
    assert whole.cover.shape[0] < 60, "one line"
    assert whole.top > 576 * 0.8, "at the bottom"
    ink = sum(int((each.luma > 126).sum()) for each in single)
    assert int((whole.luma > 126).sum()) == pytest.approx(ink, rel=0.12), "each character is there"


@needs_fonts
def test_control_codes_and_line_ends_of_all_kinds_draw_nothing(tmp_path):
    pictures, missing = drawn(tmp_path, ["one two", "one\x00two", "one\vtwo", "one\u2028two", "one\x1b\ttwo", "\n\n"])
    assert all(same(one, other) for one, other in pairwise(pictures[:5]))
    assert not pictures[5].cover.size
    assert not missing


@needs_fonts
def test_an_event_can_not_be_added(tmp_path):
    hostile = "a\r\nDialogue: 0:00:00.00,9:00:00.00,Default,INJECTED"
    (first, second, third), _ = drawn(tmp_path, ["x", hostile, "x"])
    assert same(first, third)
    assert not same(first, second)


@needs_fonts
def test_right_to_left_text_begins_at_the_right(tmp_path):
    """A full stop ends the line: at the left of Hebrew, at the right of English."""
    (hebrew, english), missing = drawn(tmp_path, ["שלום עולם.", "Hello world."])
    if missing:
        pytest.skip("no font has Hebrew")

    def low(picture, columns):
        """Rows above the first ink of these columns, as a share of the picture."""
        rows = np.flatnonzero((picture.luma[:, columns] > 126).any(axis=1))
        return rows[0] / picture.luma.shape[0]

    assert low(hebrew, slice(0, 7)) > 0.5 > low(hebrew, slice(-12, None))
    assert low(english, slice(-7, None)) > 0.5 > low(english, slice(0, 12))


@needs_fonts
def test_a_character_without_a_font_is_told(tmp_path):
    private = "\U000f1234"
    pictures, missing = drawn(tmp_path, ["plain", f"a{private}b", private])
    assert missing == {private}
    assert all(picture.cover.size for picture in pictures)


def test_without_fonts_nothing_is_drawn_and_that_is_told(tmp_path):
    empty = tmp_path / "none"
    empty.mkdir()
    (picture,), missing = drawn(tmp_path, ["text"], fonts=[empty])
    assert missing == {"\0"}
    assert not picture.cover.size


@needs_fonts
def test_no_name_of_a_folder_is_an_instruction_for_ffmpeg(tmp_path):
    hostile = tmp_path / "it's, [a]: b=c; d%20\\ <&>"
    hostile.mkdir()
    (ours,), _ = drawn(hostile, ["text"])
    (theirs,), _ = drawn(tmp_path, ["text"])
    assert same(ours, theirs)


@needs_fonts
def test_a_picture_is_drawn_when_it_is_taken(tmp_path):
    """So memory does not grow with the number of subtitles, and the end closes the rest."""
    cues = [Cue(number, number + 1, f"number {number}") for number in range(5000)]
    with TextPictures(cues, (320, 240), tmp_path, FONTS) as pictures:
        first = next(iter(pictures))
    (expected,), _ = drawn(tmp_path, ["number 0"], (320, 240))
    assert same(first, expected)


@needs_fonts
def test_an_ffmpeg_that_fails_is_an_error(tmp_path, monkeypatch):
    monkeypatch.setattr(ass, "write", lambda *_: None)  # no file
    with (
        TextPictures([Cue(0, 1, "x")], (320, 240), tmp_path, FONTS) as pictures,
        pytest.raises(FFmpegFailed, match="the subtitles"),
    ):
        list(pictures)
