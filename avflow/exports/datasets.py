"""Formats of annotated pictures: COCO, YOLO, and the VGG Image Annotator (VIA).

The picture of a frame has the name that `ffmpeg -i VIDEO %06d.jpg` gives it: `000001.jpg` is frame 0.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, TextIO

from avflow.annotation.detections import DetectedObject, FrameDetections
from avflow.exports.results import Results

#: characters that YAML 1.1 allows only in their escaped form
_UNPRINTABLE = re.compile(r"[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")


def write_coco(results: Results, target: Path) -> None:
    """The JSON of COCO (cocodataset.org, "Data format"), with `score`, and `track_id` where there is a track.

    Images, annotations and categories count from 1: pycocotools loses an annotation 0.
    """
    names = enumerate(results.classes, 1)
    with target.open("w", encoding="utf-8", newline="\n") as file:
        file.write('{"info": ' + json.dumps({"description": results.video}) + ', "licenses": [],\n"categories": ')
        _write_list(file, ({"id": number, "name": name, "supercategory": ""} for number, name in names))
        file.write(',\n"images": ')
        _write_list(file, (_image(results, line) for line in results.lines()))
        file.write(',\n"annotations": ')
        _write_list(file, _annotations(results))
        file.write("}\n")


def _image(results: Results, line: FrameDetections) -> dict[str, Any]:
    width, height = results.size
    facts = {"id": line.frame + 1, "file_name": picture(line.frame), "width": width, "height": height}
    return facts | {"frame": line.frame, "time": line.time}


def _annotations(results: Results) -> Iterator[dict[str, Any]]:
    number = 0
    for line in results.lines():
        for found in line.objects:
            number += 1
            facts: dict[str, Any] = {"id": number, "image_id": line.frame + 1, "category_id": results.number(found) + 1}
            area = round(found.box[2] * found.box[3], 2)
            facts |= {"bbox": list(found.box), "area": area, "iscrowd": 0, "score": found.confidence}
            yield facts if found.track is None else facts | {"track_id": found.track}


def _write_list(file: TextIO, values: Iterable[dict[str, Any]]) -> None:
    """A JSON list, one value a line, without all of them in memory."""
    file.write("[")
    for number, value in enumerate(values):
        file.write((",\n" if number else "\n") + json.dumps(value))
    file.write("]")


def picture(frame: int) -> str:
    """The file name of a frame's picture."""
    return f"{frame + 1:06}.jpg"


def write_yolo(results: Results, target: Path) -> None:
    """A folder as Ultralytics and others read it: `labels/000001.txt` for each frame, and `data.yaml`.

    A line is `class x y width height`: the number of the class from 0, then the centre and the size in shares of the
    frame. A frame without objects has an empty file.
    """
    labels = target / "labels"
    labels.mkdir(parents=True)
    for line in results.lines():
        text = "".join(f"{results.number(found)} {_shares(found, results.size)}\n" for found in line.objects)
        (labels / Path(picture(line.frame)).with_suffix(".txt")).write_text(text, encoding="ascii")
    names = "".join(f"  {number}: {_yaml_text(name)}\n" for number, name in enumerate(results.classes))
    facts = f"path: .\ntrain: images\nval: images\nnc: {len(results.classes)}\nnames:\n{names}"
    (target / "data.yaml").write_text(facts, encoding="utf-8")


def _shares(found: DetectedObject, size: tuple[int, int]) -> str:
    left, top, width, height = found.box
    return " ".join(
        f"{min(1.0, max(0.0, share)):.6f}"
        for share in (
            (left + width / 2) / size[0],
            (top + height / 2) / size[1],
            width / size[0],
            height / size[1],
        )
    )


def _yaml_text(text: str) -> str:
    """A text in double quotes. YAML reads JSON's, but for some characters."""
    return _UNPRINTABLE.sub(lambda found: f"\\u{ord(found[0]):04x}", json.dumps(text, ensure_ascii=False))


def write_via(results: Results, target: Path) -> None:
    """The annotations of the VGG Image Annotator 2 as it imports them: a rectangle for each object."""
    with target.open("w", encoding="utf-8", newline="\n") as file:
        file.write("{")
        for line in results.lines():
            name = picture(line.frame)
            regions = list(map(_region, line.objects))
            # VIA knows a picture by its name and its size in bytes; -1 is an unknown one
            facts = {"filename": name, "size": -1, "regions": regions}
            facts["file_attributes"] = {"frame": str(line.frame), "time": str(line.time)}
            file.write((",\n" if line.frame else "\n") + json.dumps(f"{name}-1") + ": " + json.dumps(facts))
        file.write("\n}\n")


def _region(found: DetectedObject) -> dict[str, Any]:
    left, top, width, height = found.box
    attributes: dict[str, Any] = {"class": found.class_name, "confidence": found.confidence}
    attributes |= {} if found.track is None else {"track": found.track}
    shape = {"name": "rect", "x": left, "y": top, "width": width, "height": height}
    return {"shape_attributes": shape, "region_attributes": attributes}
