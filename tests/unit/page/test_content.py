"""The data of the result page."""

from __future__ import annotations

import base64
import json
import re
import zlib

import pytest

from avflow.page import ClassRow, PageContent, PageCue, Presence, write
from avflow.page.content import MOST_CLASSES
from avflow.page.presence import MOST_BINS
from avflow.speech.transcript import Word


def test_a_short_video_has_a_bin_for_each_frame():
    presence = Presence(4)
    presence.add(0, ["dog"])
    presence.add(3, ["dog", "dog", "car"])
    assert [list(presence.levels(name)) for name in ("dog", "car", "cat")] == [
        [128, 0, 0, 255],
        [0, 0, 0, 255],
        [0] * 4,
    ]


def test_a_long_video_has_so_many_bins_that_nothing_seen_once_is_lost():
    presence = Presence(25 * 3600 * 10)
    presence.add(12_345 * 25 + 7, ["dog"])
    for frame in range(25):
        presence.add(frame, ["dog"] * 100)
    levels = presence.levels("dog")
    assert len(levels) == MOST_BINS
    assert (levels[0], levels[12_345], len(levels) - levels.count(0)) == (255, 1, 2)


@pytest.mark.parametrize("frames", [0, 1])
def test_a_video_of_no_or_one_frame_has_one_bin(frames):
    presence = Presence(frames)
    presence.add(0, ["dog"])
    presence.add(1, ["dog"])  # more frames than announced
    assert presence.levels("dog") == bytes([255])


def test_levels_are_packed_as_a_browser_unpacks_them():
    presence = Presence(3)
    presence.add(1, ["dog"])
    assert zlib.decompress(base64.b64decode(presence.packed(["dog", "cat"]))) == bytes([0, 255, 0, 0, 0, 0])


def test_classes_come_in_the_order_of_their_frames_and_the_rarest_have_no_line():
    presence = Presence(1)
    rows = [ClassRow(f"class {number}", 1, number) for number in range(MOST_CLASSES + 5)]
    found = json.loads(PageContent(title="", video=None, duration=1, presence=presence, classes=rows).to_json())
    assert [row["frames"] for row in found["classes"]] == list(range(MOST_CLASSES + 4, -1, -1))
    assert found["shown"] == MOST_CLASSES
    assert len(zlib.decompress(base64.b64decode(found["levels"]))) == MOST_CLASSES


def test_no_text_can_leave_its_place(tmp_path):
    """In the file, every `<` that is not the page's own is escaped."""
    hostile = "</script><!--<script>&amp;]]>\u2028$title ${data}"
    made = PageContent(
        title=hostile,
        video=hostile,
        duration=1,
        classes=[ClassRow(hostile, 1, 1)],
        cues=[PageCue(0, 1, hostile, (Word(0, 1, hostile),))],
        warnings=[hostile],
    )
    write(made, tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    write(PageContent(title="", video=None, duration=1), tmp_path / "plain.html")
    plain = (tmp_path / "plain.html").read_text(encoding="utf-8")
    assert page.count("<") == plain.count("<")
    data = re.search(r'<script id="data" type="application/json">(.*?)</script>', page, re.DOTALL)
    assert data is not None
    assert json.loads(data[1])["cues"][0] == [0, 1, hostile, [[0, 1, hostile, 0]]]


def test_a_name_that_is_no_text_does_not_stop_the_page(tmp_path):
    write(PageContent(title="\udcff", video=None, duration=1), tmp_path / "page.html")
    assert "<title>?</title>" in (tmp_path / "page.html").read_text(encoding="utf-8")
