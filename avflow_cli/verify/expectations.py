"""What must come out of the sample video, whatever the models: samples/my_video.expected.json.

The numbers hold for YOLOv3-tiny and Whisper with room to spare; larger models find more. Word errors are the edit
distance of words, divided by the number of expected words (word error rate).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from avflow_cli.samconfig import ROOT

SAMPLE = ROOT / "samples" / "my_video.mkv"
EXPECTED = ROOT / "samples" / "my_video.expected.json"


@dataclass(frozen=True)
class Check:
    """One comparison: what was compared, whether it is right, and what was found."""

    name: str
    right: bool
    found: str


def compared(manifest: Mapping[str, Any], detections: str, subtitles: str) -> list[Check]:
    """Compare the results of the sample with what must come out.

    Parameters
    ----------
    manifest:
        `my_video.json`.
    detections, subtitles:
        The texts of `my_video.detections.jsonl` and `my_video.srt`.
    """
    expected = json.loads(EXPECTED.read_text(encoding="utf-8"))
    frames = [json.loads(line) for line in detections.splitlines()]
    rate = manifest["detections"]["frame_rate"]
    return [
        Check("frames", len(frames) == expected["frames"], f"{len(frames)} of {expected['frames']}"),
        Check("frame rate", rate == expected["frame_rate"], str(rate)),
        *(_found(wanted, frames) for wanted in expected["objects"]),
        _said(expected, subtitles),
    ]


def _found(wanted: Mapping[str, Any], frames: Sequence[Mapping[str, Any]]) -> Check:
    """Whether enough frames have this object at its place, or so many of its class."""
    count = sum(_has(wanted, frame["objects"]) for frame in frames)
    name = f"{wanted['class']} at its place" if "box" in wanted else f"{wanted['count']} of {wanted['class']}"
    share = count / len(frames) if frames else 0.0
    return Check(name, share >= wanted["least_share_of_frames"], f"in {count} of {len(frames)} frames")


def _has(wanted: Mapping[str, Any], objects: Sequence[Mapping[str, Any]]) -> bool:
    alike = [each["box"] for each in objects if each["class"] == wanted["class"]]
    if "box" not in wanted:
        return len(alike) >= int(wanted["count"])
    return any(overlap(box, wanted["box"]) >= wanted["least_overlap"] for box in alike)


def overlap(one: Sequence[float], other: Sequence[float]) -> float:
    """Intersection over union of two boxes [x, y, width, height], from 0 to 1."""
    width = min(one[0] + one[2], other[0] + other[2]) - max(one[0], other[0])
    height = min(one[1] + one[3], other[1] + other[3]) - max(one[1], other[1])
    common = max(0.0, width) * max(0.0, height)
    union = one[2] * one[3] + other[2] * other[3] - common
    return common / union if union else 0.0


def _said(expected: Mapping[str, Any], subtitles: str) -> Check:
    cues = (cue.split("\n")[2:] for cue in subtitles.split("\n\n"))  # without number and times
    said, wanted = _words(" ".join(line for cue in cues for line in cue)), _words(expected["words"])
    errors = word_errors(said, wanted) / len(wanted)
    return Check("words", errors <= expected["most_word_errors"], f"{errors:.0%} word errors: {' '.join(said)}")


def _words(text: str) -> list[str]:
    return re.sub(r"[^a-z' ]", " ", text.lower()).split()


def word_errors(said: Sequence[str], wanted: Sequence[str]) -> int:
    """The least number of words to insert, delete or replace (Levenshtein distance)."""
    row = list(range(len(wanted) + 1))
    for count, word in enumerate(said, 1):
        before, row[0] = row[0], count
        for column, other in enumerate(wanted, 1):
            before, row[column] = row[column], min(row[column] + 1, row[column - 1] + 1, before + (word != other))
    return row[-1]
