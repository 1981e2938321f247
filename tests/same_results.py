"""What two environments promise each other: the same words at the same time, the same objects in the same places.

Not the same bytes: another processor, or another build of a library, rounds sums otherwise, which moves a time stamp
by hundredths and a comma now and then. Within one environment the bytes are compared.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from avflow.detection.agreement import intersection_over_union
from avflow.speech import subtitles

#: seconds by which a cue may begin or end otherwise; Whisper tells times in steps of 0.02 s
CUE_SECONDS = 0.2
#: an object of which one side is so sure is found by both: one near the threshold of 0.25 may be on either side of it
SURE = 0.4
#: how far two boxes of one object overlap at the least, and their confidences differ at the most
OVERLAP, CONFIDENCE = 0.8, 0.15


def assert_same_subtitles(one: Path, other: Path) -> None:
    """Cue by cue the same words, beginning and ending within `CUE_SECONDS`."""
    ours, theirs = (subtitles.read(path) for path in (one, other))
    assert [_words(cue) for cue in ours] == [_words(cue) for cue in theirs]
    for mine, yours in zip(ours, theirs, strict=True):
        moved = max(abs(mine.start - yours.start), abs(mine.end - yours.end))
        assert moved <= CUE_SECONDS, f"{mine.text!r} is {moved:.2f} s away"


def assert_same_objects(one: Path, other: Path) -> None:
    """Frame by frame, each object that one side is sure of is found by the other."""
    ours, theirs = (
        [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] for path in (one, other)
    )
    assert [(line["frame"], line["time"]) for line in ours] == [(line["frame"], line["time"]) for line in theirs]
    for mine, yours in zip(ours, theirs, strict=True):
        lost = _lost(mine["objects"], yours["objects"]) + _lost(yours["objects"], mine["objects"])
        assert not lost, f"frame {mine['frame']}: only one side has {lost}"


def _words(cue: subtitles.Cue) -> list[str]:
    return re.findall(r"[a-z']+", cue.text.lower())


def _lost(wanted: list[dict[str, Any]], found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Those of `wanted` that are sure and have no counterpart of their own in `found`."""
    left, lost = list(found), []
    for each in sorted(wanted, key=lambda each: -each["confidence"]):
        same = [other for other in left if _is_same(each, other)]
        if same:
            left.remove(max(same, key=lambda other: intersection_over_union(each["box"], other["box"])))
        elif each["confidence"] >= SURE:
            lost.append(each)
    return lost


def _is_same(one: dict[str, Any], other: dict[str, Any]) -> bool:
    if one["class"] != other["class"] or abs(one["confidence"] - other["confidence"]) > CONFIDENCE:
        return False
    return intersection_over_union(one["box"], other["box"]) >= OVERLAP
