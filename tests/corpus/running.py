"""Take an input through the steps of the workflow, as the state machine does, and measure the results."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from avflow.errors import AvflowError
from avflow.workflow import audio2srt, isolating, merge, yolov3
from avflow.workflow import ffmpeg as ffmpeg_step
from avflow.workflow.context import StepContext
from avflow.workflow.layout import VideoRef
from avflow.workflow.reports import Manifest, MediaReport
from avflow.workflow.settings import Settings
from avflow.workflow.storage import ObjectStore
from tests.corpus.case import Case
from tests.corpus.measuring import Cue, Shown, cues, shown
from tests.in_process import with_detector
from tests.reports import span_report

ENVIRON = {"YOLOV3_MODEL": "yolov3-tiny", "SPEECH_MODEL": "whisper-tiny.en", "AWS_ENDPOINT_URL": "embedded"}
#: the MP4 has the same drawn frames, see tests/unit/workflow/test_outputs.py
ENVIRON |= {"OUTPUTS": "avi,srt"}
#: bytes of address space that a step and its FFmpeg may take: a runaway fails, the machine does not
ADDRESS_SPACE = 12 << 30


class SeesNothing:
    """A detector that stands in for YOLOv3 and finds no object, so that no box covers what is measured."""

    input_size = (32, 32)
    names = ("nothing",)
    engine = "sees nothing"
    batch_size = 4
    in_flight = 2

    def preprocess(self, frame: Any) -> None:
        return None

    def start(self, blobs: Sequence[Any]) -> Future[list[Any]]:
        done: Future[list[Any]] = Future()
        done.set_result(list(blobs))
        return done

    def postprocess(self, heads: Any, frame_size: tuple[int, int]) -> list[Any]:
        return []

    def close(self) -> None:
        pass


@dataclass
class Outcome:
    """What came out of one input."""

    #: "ffmpeg: InvalidMediaEmpty" if a step failed: its name, and that of the error
    error: str | None = None
    message: str = ""
    media: MediaReport | None = None
    manifest: Manifest | None = None
    shown: Shown | None = None
    #: the input itself, where `Right.as_decoded` asks for it
    decoded: Shown | None = None
    cues: list[Cue] = field(default_factory=list)
    seconds: float = 0.0


def process(case: Case, store: ObjectStore, folder: Path, source: Path | None = None) -> Outcome:
    """Make the input of a case, unless it is given, process it, and measure the results. `folder` is empty."""
    source = source or case.make(folder)
    video = VideoRef(store.bucket, f"start/{case.id}/{source.name}", case.id)
    store.upload(source, video.key)
    outcome, began = Outcome(), time.monotonic()
    settings = Settings.from_environ({**ENVIRON, **case.environ})
    step = "ffmpeg"
    try:
        outcome.media = ffmpeg_step.run(video, _context(case, store, settings))
        for span in outcome.media.plan.spans:
            step = "audio2srt"
            if case.right.said is None:  # what the words are is not the question: nobody speaks
                report = span_report(seconds=span.end - span.start)
                store.write(video.part_json("audio2srt", span.part), report)
            else:
                audio2srt.run(video, _context(case, store, settings, span.part))
        for part in range(outcome.media.plan.segments.count if outcome.media.has_video else 0):
            step = "yolov3"
            yolov3.run(video, _context(case, store, settings, part))
        step = "merge"
        outcome.manifest = merge.run(video, _context(case, store, settings)).manifest
    except Exception as error:
        known = isinstance(error, AvflowError)
        outcome.error = f"{step}: {type(error).__name__}"
        outcome.message = error.message if known else repr(error)  # type: ignore[attr-defined]
        return outcome
    finally:
        outcome.seconds = time.monotonic() - began
    _measure(case, outcome, store, folder)
    if case.right.as_decoded:
        outcome.decoded = shown(source, squares=False)
    return outcome


def _context(case: Case, store: ObjectStore, settings: Settings, part: int = 0) -> StepContext:
    stand_in = with_detector(SeesNothing)

    def start(tasks: str, *arguments: Any, **more: Any) -> Any:
        real = case.isolated and tasks.endswith(".ffmpeg")
        return (isolating.start if real else stand_in)(tasks, *arguments, **more)

    return StepContext(store, "batch", settings=settings, part=part, start=start)


def _measure(case: Case, outcome: Outcome, store: ObjectStore, folder: Path) -> None:
    assert outcome.manifest is not None
    for key in outcome.manifest.results:
        path = folder / f"result{Path(key).suffix}"
        store.download(key, path)
        if path.suffix == ".avi":
            outcome.shown = shown(path, case.right.square)
        elif path.suffix == ".srt":
            outcome.cues = cues(path.read_text(encoding="utf-8"))


@contextmanager
def bounded_memory(most: int = ADDRESS_SPACE) -> Iterator[None]:
    """Let this process, and those that it starts, ask for `most` bytes more than it has. Linux only."""
    if sys.platform != "linux":
        yield
        return
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    has = psutil.Process(os.getpid()).memory_info().vms
    resource.setrlimit(resource.RLIMIT_AS, (has + most, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))
