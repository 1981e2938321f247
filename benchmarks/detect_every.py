"""What it gains, and costs, to detect on one frame in so many: `python -m benchmarks.detect_every`.

A whole video is annotated with `DetectEvery` and without, in turn, by YOLOv3 (random weights) for the
speed and by YOLOv3-tiny for the boxes: of those that are found on each frame, the share that a box of
the same class covers (intersection over union 0.5). The sample has 10 frames a second, so objects move
further from frame to frame than in most videos.
"""

from __future__ import annotations

import json
import tempfile
from functools import partial
from pathlib import Path

from avflow.annotation.pipeline import annotate_video
from avflow.detection import Detection
from avflow.detection.agreement import recall
from avflow.media import probe
from benchmarks import random_yolov3
from benchmarks.common import SAMPLE, Result, command_line, in_turn, median_ratio
from benchmarks.pipeline import opened

STEPS = (2, 5, 10)


def speed_name(every: int) -> str:
    """The name of a ratio in benchmarks/parts.py."""
    return f"YOLOv3, one frame in {every}: speed over each frame"


def boxes_of(path: Path) -> list[list[Detection]]:
    """The detections of each line."""
    lines = [json.loads(line)["objects"] for line in path.read_text(encoding="utf-8").splitlines()]
    return [[Detection(0, each["class"], each["confidence"], tuple(each["box"])) for each in line] for line in lines]


def main() -> None:
    """Measure, print, write."""
    options = command_line(__doc__, rounds=3).parse_args()
    result = Result("Detecting on one frame in so many", quick=options.quick)
    result.declare(*map(speed_name, STEPS))
    stream = probe(SAMPLE).video
    assert stream is not None
    with tempfile.TemporaryDirectory() as name:
        avi, lines = Path(name) / "boxed.avi", Path(name) / "detections.jsonl"
        with opened(random_yolov3.NAME) as detector:
            annotate = partial(annotate_video, SAMPLE, stream, detector, avi, lines)
            for every in STEPS:
                each, some = in_turn(1 if options.quick else options.rounds, annotate, partial(annotate, every=every))
                result.ratio(speed_name(every), median_ratio(each, some))
        with opened("yolov3-tiny") as detector:
            annotate_video(SAMPLE, stream, detector, avi, lines)
            wanted = boxes_of(lines)
            for every in STEPS:
                annotate_video(SAMPLE, stream, detector, avi, lines, every=every)
                share = 100 * recall(wanted, boxes_of(lines), 0.5)
                result.row(f"YOLOv3-tiny, one frame in {every}: boxes of each frame that are there", share, "%")
    result.notes.append(f"The video is the sample, 768x576, 10 frames/s. Medians of {options.rounds} rounds.")
    result.publish(options.json)


if __name__ == "__main__":
    main()
