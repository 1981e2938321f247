"""Writes the results of a run in the formats of other programs. docs/exports.md says what is in each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from avflow.exports import datasets, tables
from avflow.exports.results import ResultInvalid, Results

__all__ = ["FORMATS", "Format", "ResultInvalid", "Results"]


@dataclass(frozen=True)
class Format:
    """A format by what follows the results' base in the name of its file or folder, and what writes it."""

    suffix: str
    write: Callable[[Results, Path], None]
    #: whether it is a folder of many files
    folder: bool = False


FORMATS: Mapping[str, Format] = {
    "coco": Format(".detections.coco.json", datasets.write_coco),
    "mot": Format(".detections.mot.txt", tables.write_mot),
    "csv": Format(".detections.csv", tables.write_csv),
    "yolo": Format(".detections.yolo", datasets.write_yolo, folder=True),
    "via": Format(".detections.via.json", datasets.write_via),
}
