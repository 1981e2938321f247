"""What the isolation of media work costs: processor time of detection, and the start of a media process.

`python -m benchmarks.isolation [--json FILE] [--quick]`

Processor time of all threads, with YOLOv3-tiny on the sample, by turns: in this process, and in a media process with
all parts of the isolation. A shared machine changes it less than the time on the clock. Target: at least 0.98.
"""

from __future__ import annotations

import shutil
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import psutil

from avflow.annotation.pipeline import annotate_video
from avflow.detection import open_model
from avflow.isolation.worker import MediaWorker
from avflow.isolation.workplace import Workplace, workplace
from avflow.media import VideoStream, probe
from avflow.media_work.requests import Annotate, LoadDetector
from avflow.models.store import ModelStore
from benchmarks.common import SAMPLE, Result, command_line, median_ratio

MODEL = "yolov3-tiny"
RATIO = "detection: processor time without the isolation over that with it"


def started(place: Workplace) -> MediaWorker:
    """A media process for detection."""
    return MediaWorker("avflow.media_work.yolov3", place, readable=[ModelStore().root])


def start_seconds() -> tuple[float, float]:
    """Seconds from nothing until a process is isolated, and until it has imported its libraries and its model."""
    with workplace() as place:
        began = time.perf_counter()
        with started(place) as worker:
            _ = worker.isolation
            isolated = time.perf_counter() - began
            worker.do(LoadDetector(MODEL, "fastest", gpu=False))
            return isolated, time.perf_counter() - began


def processor_seconds(worker: MediaWorker) -> float:
    """Processor seconds that the media process has used."""
    used = psutil.Process(worker.pid).cpu_times()
    return float(used.user + used.system)


def measure(rounds: int) -> tuple[list[float], list[float]]:
    """Processor seconds of each round here, and of each round in a media process."""
    here, isolated = [], []
    with workplace() as place, tempfile.TemporaryDirectory() as folder, started(place) as worker:
        source = place.inputs / SAMPLE.name
        shutil.copyfile(SAMPLE, source)
        stream = probe(source).video
        assert stream is not None
        detector = open_model(MODEL, ModelStore())
        worker.do(LoadDetector(MODEL, "fastest", gpu=False))
        request = _request(source, stream, place)

        def plain() -> None:
            annotate_video(source, stream, detector, Path(folder) / "boxed.avi", Path(folder) / "detections.jsonl")

        def apart() -> None:
            worker.do(request)

        for work in (plain, apart):  # the first round of each is slower
            work()
        for _ in range(rounds):
            here.append(_used(time.process_time, plain))
            isolated.append(_used(lambda: processor_seconds(worker), apart))
        detector.close()
    return here, isolated


def _used(clock: Callable[[], float], work: Callable[[], None]) -> float:
    began = clock()
    work()
    return clock() - began


def _request(source: Path, stream: VideoStream, place: Workplace) -> Annotate:
    boxed, detections = place.work / "boxed.avi", place.work / "detections.jsonl"
    return Annotate(str(source), stream, 0, stream.total_frames, str(boxed), str(detections), hardware=False)


def main() -> None:
    """Measure, print, write."""
    options = command_line(__doc__, rounds=9).parse_args()
    rounds = 3 if options.quick else options.rounds
    ModelStore().fetch(MODEL)
    result = Result("Isolation of media work", quick=options.quick)
    result.declare(RATIO)
    starts = [start_seconds() for _ in range(rounds)]
    result.row("start of a media process until it is isolated", statistics.median(each[0] for each in starts), "s")
    result.row("until its detector is loaded", statistics.median(each[1] for each in starts), "s")
    here, isolated = measure(rounds)
    result.row("detection on the sample in this process", statistics.median(here), "s of processor time")
    result.row("detection on the sample in a media process", statistics.median(isolated), "s of processor time")
    result.ratio(RATIO, median_ratio(here, isolated))
    result.notes.append(f"Medians of {rounds} alternating rounds.")
    result.publish(options.json)


if __name__ == "__main__":
    main()
