"""Explains each missed target in sentences that take their figures from the results."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

from benchmarks.common import shown
from benchmarks.parts import BY_NAME, PARTS

#: YOLOv3 on the two cores that the targets were set on: seconds a frame in Darknet, OpenCV, and OpenVINO
DARKNET_THEN, OPENCV_THEN, OPENVINO_THEN = 19.6, 0.488, 0.169


class Figures:
    """What was measured, by name. Raises KeyError for what wasn't."""

    def __init__(self, results: Mapping[str, Mapping[str, Any]]) -> None:
        self._results = results

    def ratio(self, part: str, name: str) -> float:
        """A part's ratio."""
        value: float = self._results[part]["ratios"][name]
        return value

    def target(self, part: str, name: str) -> float:
        """What a ratio should reach on the class of processors that it was measured on."""
        target = BY_NAME[part].target(name, self._results[part]["processor"])
        if target is None:
            raise KeyError(f"{part}: {name}")
        return target

    def row(self, part: str, start: str, end: str) -> float:
        """The first of a part's figures whose name starts and ends so."""
        for row in self._results[part]["rows"]:
            if row["name"].startswith(start) and row["name"].endswith(end):
                return float(row["value"])
        raise KeyError(f"{part}: {start} … {end}")


def missed(results: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """Some sentences for each missed target, and one for each GPU engine that the machine lacked."""
    for part in PARTS:
        if part.name not in results:
            continue
        ratios, processor = results[part.name]["ratios"], results[part.name]["processor"]
        for name in part.targets:
            target = part.target(name, processor)
            if target is not None and name in ratios and ratios[name] < target:
                yield f"{name}: {shown(ratios[name])}, target {shown(target)}.{_why(name, results)}"
    for row in results.get("gpu", {}).get("rows", ()):
        if row["value"] is None:
            yield f"{row['name'].partition(':')[0]}: unmeasured. On a machine that has it run `make bench PARTS=gpu`."


def _why(name: str, results: Mapping[str, Mapping[str, Any]]) -> str:
    """The reason after a space, if one is known and all of its figures were measured."""
    try:
        return f" {REASONS[name](Figures(results))}."
    except KeyError:
        return ""


def _whole_video(model: str, figures: Figures) -> str:
    inference, whole, decoding, encoding = (
        figures.row("pipeline", f"{model}: processor time of {what}", ", all cores")
        for what in ("bare inference", "whole video", "decoding alone", "encoding alone")
    )
    room = inference / figures.target("pipeline", f"{model}: whole video of bare inference") - inference
    return (
        f"Inference takes {shown(inference)} ms of processor time a frame, so the target leaves {shown(room)} ms for "
        f"everything else. Decoding alone takes {shown(decoding)} ms and encoding alone {shown(encoding)} ms. During "
        "inference they share caches and clock with it; together with letterboxing and drawing they take "
        f"{shown(whole - inference)} ms"
    )


def _darknet(figures: Figures) -> str:
    now = figures.row("inference", "YOLOv3-416: Darknet", "") / 1000
    ours = figures.row("inference", "YOLOv3-416: av-workflow", "") / 1000
    int8 = figures.ratio("inference", "YOLOv3-416: int8 over Darknet")
    return (
        f"On the processor for which the target was set, Darknet took {DARKNET_THEN:g} s a frame and OpenVINO "
        f"{OPENVINO_THEN:g} s. Here Darknet takes {shown(now)} s and OpenVINO {ours:.3f} s: this processor speeds up "
        f"Darknet more. With `DETECTOR_PRECISION=int8` the ratio is {shown(int8)}"
    )


def _opencv(figures: Figures) -> str:
    now = figures.row("inference", "YOLOv3-416: OpenCV", "") / 1000
    ours = figures.row("inference", "YOLOv3-416: av-workflow", "") / 1000
    return (
        f"On the processor for which the target was set, OpenCV took {OPENCV_THEN:g} s a frame and OpenVINO "
        f"{OPENVINO_THEN:g} s. Here OpenCV takes {now:.3f} s and OpenVINO {ours:.3f} s: this processor is of the same "
        "class, but speeds up OpenCV more"
    )


def _chain(model: str, figures: Figures) -> str:
    name = f"{model}: avflow run over the three scripts"
    scripts, darknet, ours, step = (
        figures.row("chain", model, f": {what}")
        for what in ("the three scripts", "of these, darknet", "avflow run", "of these, yolov3")
    )
    room = scripts / figures.target("chain", name)
    return (
        f"The scripts take {shown(scripts)} s, of which Darknet takes {shown(darknet)} s, so the target leaves "
        f"{shown(room)} s. avflow takes {shown(ours)} s, of which the YOLOv3 step takes {shown(step)} s. Most of the "
        "rest is the start of the embedded AWS, of four steps and of two models"
    )


REASONS: dict[str, Callable[[Figures], str]] = {
    **{
        f"{model}: whole video of bare inference": partial(_whole_video, model)
        for model in ("yolov3-tiny", "yolov3-random")
    },
    "YOLOv3-416: over Darknet": _darknet,
    "YOLOv3-416: over OpenCV 5 DNN": _opencv,
    **{
        f"{model}: avflow run over the three scripts": partial(_chain, model)
        for model in ("yolov3-tiny", "yolov3-random")
    },
}
