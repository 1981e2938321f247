"""Compares results from two environments: same words at the same times, same objects at the same places.

The bytes may differ between environments: another processor, or another build of a library, rounds sums differently,
which may shift a timestamp by some hundredths of a second, or move a comma. Within one environment, other tests
compare bytes.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from avflow.detection.agreement import intersection_over_union
from avflow.speech import subtitles

#: tolerance in seconds for the start and end of a cue; Whisper's timestamps have steps of 0.02 s
CUE_SECONDS = 0.2
#: Confidence from which both sides must detect an object. The detection threshold is 0.25, and one side may miss an
#: object near it.
SURE = 0.4
#: smallest intersection over union, and largest difference of the confidences, for two boxes of the same object
OVERLAP, CONFIDENCE = 0.8, 0.15


def assert_same_subtitles(one: Path, other: Path) -> None:
    """Assert that each cue has the same words, and that its start and end differ by at most `CUE_SECONDS`."""
    ours, theirs = (subtitles.read(path) for path in (one, other))
    assert [_words(cue) for cue in ours] == [_words(cue) for cue in theirs]
    for mine, yours in zip(ours, theirs, strict=True):
        moved = max(abs(mine.start - yours.start), abs(mine.end - yours.end))
        assert moved <= CUE_SECONDS, f"{mine.text!r} is {moved:.2f} s away"


def assert_same_objects(one: Path, other: Path) -> None:
    """Assert for each frame that both sides detect every object of which one side is sure."""
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
    """The sure objects of `wanted` without a counterpart in `found`. Each counterpart counts once."""
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
