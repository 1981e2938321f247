"""What the MP4 costs: `python -m benchmarks.mp4`.

A whole video is annotated with the MP4 beside the AVI, and without, in turn: with YOLOv3 (random
weights) and YOLOv3-tiny, at 768x576 and 1920x1080. What counts is the median of the ratios of their
times. The frames per second are those with the MP4.
"""

from __future__ import annotations

import statistics
import tempfile
from pathlib import Path

from avflow.annotation.pipeline import Extras, annotate_video
from avflow.media import VideoStream, probe
from benchmarks import random_yolov3
from benchmarks.common import SAMPLE, Result, command_line, ffmpeg, median_ratio, repeated
from benchmarks.pipeline import cost, opened

#: seconds of video, by model
LENGTHS = {"yolov3-tiny": 40, random_yolov3.NAME: 12}
QUICK_LENGTHS = {"yolov3-tiny": 8, random_yolov3.NAME: 3}
SIZES = {"576p": (768, 576), "1080p": (1920, 1080)}


def ratio_name(model: str, size: str) -> str:
    """The name of a ratio in benchmarks/parts.py."""
    return f"{model}, {size}: with an MP4 of without"


def compare(model: str, size: str, video: Path, rounds: int, result: Result) -> None:
    """The whole video with and without the MP4, in turn."""
    picture = probe(video).video
    assert picture is not None
    frames: VideoStream = picture  # a type checker forgets in a lambda that it is not None
    avi, lines = video.with_name("boxed.avi"), video.with_name("detections.jsonl")
    extras = Extras(video.with_name("boxed.mp4"))
    with opened(model) as detector:
        without, with_mp4 = [], []
        for _ in range(rounds):
            without.append(cost(lambda: annotate_video(video, frames, detector, avi, lines)))
            with_mp4.append(cost(lambda: annotate_video(video, frames, detector, avi, lines, extras=extras)))
    speed = frames.frames / statistics.median(each.wall for each in with_mp4)
    result.row(f"{model}, {size}, with an MP4", speed, "frames/s")
    result.ratio(ratio_name(model, size), median_ratio([c.wall for c in without], [c.wall for c in with_mp4]))
    by_processor = median_ratio([c.processor for c in without], [c.processor for c in with_mp4])
    result.row(f"{model}, {size}: with an MP4 of without, by processor time", by_processor, "")
    assert extras.mp4 is not None
    share = extras.mp4.stat().st_size / avi.stat().st_size
    result.row(f"{model}, {size}: bytes of the MP4 of those of the AVI", 100 * share, "%")


def main() -> None:
    """Measure, print, write."""
    options = command_line(__doc__, rounds=3).parse_args()
    lengths = QUICK_LENGTHS if options.quick else LENGTHS
    result = Result("The MP4 beside the AVI", quick=options.quick)
    result.declare(*(ratio_name(model, size) for model in lengths for size in SIZES))
    with tempfile.TemporaryDirectory() as name:
        for model, length in lengths.items():
            small = repeated(SAMPLE, length, Path(name) / f"{model}.mkv")
            for size, (width, height) in SIZES.items():
                video = small.with_name(f"{model}-{size}.mkv")
                scaled = ("-vf", f"scale={width}:{height},setsar=1", "-an", "-c:v", "libx264", "-preset", "veryfast")
                ffmpeg("-i", small, *scaled, "-crf", 18, video)
                compare(model, size, video, options.rounds, result)
    result.notes.append(
        f"The video is the sample, repeated to {' and '.join(map(str, lengths.values()))} s, and scaled. "
        f"{random_yolov3.NAME} is YOLOv3 with random weights. Medians of {options.rounds} rounds."
    )
    result.publish(options.json)


if __name__ == "__main__":
    main()
