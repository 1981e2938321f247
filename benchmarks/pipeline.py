"""A whole video against bare inference, and its memory: `python -m benchmarks.pipeline`.

Bare inference is the detector's own best rate on this machine: pictures that are prepared already,
with as many requests under way as it asks for. The whole video is decoded, prepared, inferred,
drawn and encoded. Both in turn, several times; what counts is the median of their ratios. In the same
rounds the codecs run alone: what they take can't be taken away from the whole.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import av
import numpy as np

from avflow import ffmpeg
from avflow.annotation.pipeline import annotate_video
from avflow.detection import Detector, open_model
from avflow.media import VideoStream, probe
from avflow.models.store import ModelStore
from avflow.video.reader import VideoReader
from avflow.video.writer import VideoWriter
from benchmarks import random_yolov3
from benchmarks.common import SAMPLE, Result, command_line, median_ratio, repeated, seconds, synthetic
from benchmarks.peak_memory import peak_memory
from benchmarks.random_yolov3 import MODELS

#: seconds of video that the real models get
LENGTHS = {"yolov3-tiny": 88, random_yolov3.NAME: 36}
QUICK_LENGTHS = {"yolov3-tiny": 22, random_yolov3.NAME: 8}
#: what is compared, frame by frame
BARE, WHOLE, DECODING, ENCODING = "bare inference", "whole video", "decoding alone", "encoding alone"
#: frames that are kept in memory, to be encoded by themselves
KEPT = 200
#: seconds of the long video whose memory is compared with a minute's
LONG, QUICK_LONG = 7200, 600
RATE = 25


def infer(detector: Detector, pictures: int, frame_size: tuple[int, int]) -> None:
    """Infer that many pictures as fast as the detector can, and wait for the last one."""
    width, height = frame_size
    blobs = [detector.preprocess(np.full((height, width, 3), 128, np.uint8))] * detector.batch_size
    under_way: deque[Future[Any]] = deque()
    for _ in range(-(-pictures // detector.batch_size)):
        if len(under_way) >= detector.in_flight:
            under_way.popleft().result()
        under_way.append(detector.start(blobs))
    for request in under_way:
        request.result()


@dataclass(frozen=True)
class Cost:
    """Seconds of some work: on the wall, and of the processor, which another process hardly changes."""

    wall: float
    #: of all threads of this process
    processor: float


def cost(work: Callable[[], object]) -> Cost:
    """What one call takes."""
    began = time.process_time()
    return Cost(seconds(work), time.process_time() - began)


def decode(video: Path, picture: VideoStream) -> None:
    """Every frame, as the whole video's are decoded."""
    with VideoReader(video, picture) as reader:
        deque(reader, maxlen=0)


def encode(frames: Iterable[av.VideoFrame], target: Path, picture: VideoStream) -> None:
    """As the whole video's frames are encoded."""
    with VideoWriter(target, (picture.width, picture.height), picture.nominal_rate) as writer:
        for frame in frames:
            writer.write(frame)
        writer.finish()


@contextmanager
def opened(name: str, **options: Any) -> Iterator[Detector]:
    """A detector that is warm. `options` are those of `YoloDetector`."""
    folder = random_yolov3.model_folder(MODELS)
    detector = open_model(name, ModelStore(folder, folder / "models.toml"), **options)
    infer(detector, 3 * detector.batch_size, detector.input_size)
    try:
        yield detector
    finally:
        detector.close()


def compare(name: str, video: Path, picture: VideoStream, rounds: int, result: Result) -> None:
    """Bare inference, the whole video, and its codecs, in turn."""
    of_bare, by_processor = f"{name}: {WHOLE} of {BARE}", f"{name}: the same by processor time"
    result.declare(of_bare, by_processor)
    boxed, detections = video.with_name("boxed.avi"), video.with_name("detections.jsonl")
    with VideoReader(video, picture) as reader:
        kept = list(islice(reader, KEPT))
    with opened(name) as detector:
        works = {
            BARE: lambda: infer(detector, picture.frames, (picture.width, picture.height)),
            WHOLE: lambda: annotate_video(video, picture, detector, boxed, detections),
            DECODING: lambda: decode(video, picture),
            ENCODING: lambda: encode(kept, boxed, picture),
        }
        costs: dict[str, list[Cost]] = {what: [] for what in works}
        for _ in range(rounds):
            for what, work in works.items():
                costs[what].append(cost(work))
        result.row(f"{name}, {detector.engine}: {BARE}", _rate(costs[BARE], picture.frames), "frames/s")
    result.row(f"{name}: {WHOLE}", _rate(costs[WHOLE], picture.frames), "frames/s")
    for what, measured in costs.items():
        frames = len(kept) if what == ENCODING else picture.frames
        taken = statistics.median(each.processor for each in measured)
        result.row(f"{name}: processor time of {what}, all cores", 1000 * taken / frames, "ms a frame")
    bare, whole = costs[BARE], costs[WHOLE]
    result.ratio(of_bare, median_ratio([c.wall for c in bare], [c.wall for c in whole]))
    result.ratio(by_processor, median_ratio([c.processor for c in bare], [c.processor for c in whole]))


def _rate(costs: Sequence[Cost], frames: int) -> float:
    return frames / statistics.median(each.wall for each in costs)


def sample_steps(folder: Path, rounds: int, result: Result) -> None:
    """What comes before detection."""
    media = probe(SAMPLE)
    wav = folder / "sound.wav"
    probing = statistics.median(seconds(lambda: probe(SAMPLE)) for _ in range(rounds))
    sound = statistics.median(seconds(lambda: ffmpeg.extract_wav(SAMPLE, media, wav)) for _ in range(rounds))
    result.row("probing (the whole file is read)", media.duration / probing, "x real time")
    result.row("audio to wav", media.duration / sound, "x real time")


def memory(folder: Path, length: int, result: Result) -> None:
    """A minute of video against a long one, with ever new labels on its frames, and no network."""
    ratio = f"peak memory: 1 minute of video over {length // 60} minutes"
    result.declare(ratio)
    short = peak_memory(synthetic(folder / "minute.avi", 60, rate=RATE))
    long_video = synthetic(folder / "long.avi", length, rate=RATE)
    began = time.perf_counter()
    long = peak_memory(long_video)
    took = time.perf_counter() - began
    result.row("peak memory, a video of 1 minute", short, "MB")
    result.row(f"peak memory, a video of {length // 60} minutes", long, "MB")
    result.row("frames of 160x120 with three boxes each, without a network", length * RATE / took, "frames/s")
    result.ratio(ratio, short / long)


def main() -> None:
    """Measure, print, write."""
    options = command_line(__doc__, rounds=3).parse_args()
    lengths = QUICK_LENGTHS if options.quick else LENGTHS
    result = Result("Whole video against bare inference", quick=options.quick)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        sample_steps(folder, options.rounds, result)
        for model, length in lengths.items():
            video = repeated(SAMPLE, length, folder / f"{model}.mkv")
            picture = probe(video).video
            assert picture is not None
            compare(model, video, picture, options.rounds, result)
        memory(folder, QUICK_LONG if options.quick else LONG, result)
    result.notes.append(
        f"The video is the sample, 768x576, repeated to {' and '.join(map(str, lengths.values()))} s. "
        f"{random_yolov3.NAME} is YOLOv3 with random weights. Medians of {options.rounds} rounds."
    )
    result.publish(options.json)


if __name__ == "__main__":
    main()
