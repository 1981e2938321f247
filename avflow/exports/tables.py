"""Formats with a line for each object: CSV and that of the MOT Challenge."""

from __future__ import annotations

import csv
from pathlib import Path

from avflow.exports.results import Results

COLUMNS = ("frame", "time", "track", "class_id", "class", "confidence", "left", "top", "width", "height")
#: what a spreadsheet takes for the beginning of a formula (OWASP, "CSV Injection")
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠")


def write_csv(results: Results, target: Path) -> None:
    """A table with a header and a row for each object. Frames and classes count from 0, as in the detections."""
    with target.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(COLUMNS)
        for line in results.lines():
            for found in line.objects:
                track = "" if found.track is None else found.track
                known = (track, results.number(found), _cell(found.class_name), found.confidence)
                table.writerow((line.frame, line.time, *known, *found.box))


def _cell(text: str) -> str:
    """A text that no spreadsheet runs as a formula: an apostrophe before it says that it is text."""
    return f"'{text}" if text.startswith(_FORMULA) else text


def write_mot(results: Results, target: Path) -> None:
    """Lines as in results for the MOT Challenge (Milan et al., "MOT16", 2016): `frame, track, left, top, width, height,
    confidence, class, -1, -1`.

    Frames, pixels and classes count from 1. Objects without a track are left out: a number is once on a frame.
    """
    with target.open("w", encoding="ascii", newline="\n") as file:
        for line in results.lines():
            for found in line.objects:
                if found.track is None:
                    continue
                left, top, width, height = found.box
                box = f"{round(left + 1, 1)},{round(top + 1, 1)},{width},{height}"
                number = results.number(found) + 1
                file.write(f"{line.frame + 1},{found.track},{box},{found.confidence},{number},-1,-1\n")
