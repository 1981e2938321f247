"""Turns a video into one with boxes: decoding, detection, drawing and encoding at once, frame by frame.

Frames travel through three threads between two FFmpeg processes::

    FFmpeg -> reading, preprocessing -> inference -> drawing -> writing -> FFmpeg

A fixed set of frame buffers goes round and is the only bound on what is under way, so
memory depends on the picture's size and not on the video's length.
"""

from __future__ import annotations

import json
import subprocess
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from queue import SimpleQueue
from typing import Any, TextIO

import ffmpeg  # type: ignore[import-untyped]
import numpy as np
from numpy.typing import NDArray

from avflow.budget import Budget
from avflow.detection import Detection, Detector
from avflow.drawing import draw
from avflow.errors import FFmpegFailed, FrameCountMismatch, InvalidMediaDamaged
from avflow.ffmpeg import (
    HOWEVER_DAMAGED,
    UNLIMITED,
    Process,
    arguments,
    at_constant_rate,
    encodable_rate,
    source_input,
    written_whole,
)
from avflow.ffmpeg.commands import PICTURE_BITRATE
from avflow.media import Picture
from avflow.media.containers import file_url
from avflow.media.damage import replaceable
from avflow.progress import Meter, Report, ignore

Frame = NDArray[np.uint8]

#: batches being read, inferred, drawn and written
_BATCHES_UNDER_WAY = 4
#: seconds between two looks at the budget
_WAKE = 0.5


@dataclass(frozen=True)
class BoxedVideo:
    """What was found in a video."""

    frames: int
    #: detections of each class that was found
    objects: dict[str, int]
    #: frames in which each of these classes occurs
    frames_with: dict[str, int]

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return {"frames": self.frames, "objects": self.objects, "frames_with": self.frames_with}


def box_video(
    source: Path,
    picture: Picture,
    detector: Detector,
    target: Path,
    detections: Path,
    *,
    report: Report = ignore,
    budget: Budget = UNLIMITED,
) -> BoxedVideo:
    """Draw what `detector` finds on every frame of `source`.

    Parameters
    ----------
    source:
        A video of constant rate.
    picture:
        What `avflow.media.probe` says of it.
    target:
        Where to write the pictures: AVI, MPEG-4 Part 2, the same rate, no sound. An odd
        width or height grows by one pixel at the right or the bottom.
    detections:
        Where to write what was found, one JSON object a line and frame; boxes are
        left, top, width, height in pixels, times are seconds from the first frame.

    Raises
    ------
    FFmpegFailed, ScratchFull, MemoryExhausted, LambdaBudgetExceeded
    InvalidMediaDamaged
        More frames at the end can't be decoded than the last one that can may stand for.
    FrameCountMismatch
        The decoder gave more frames than the source has.

    Neither file is written then.
    """
    if not picture.constant_rate:
        raise ValueError(f"{source.name} has a variable frame rate: convert it first")
    with written_whole(detections) as lines_path, written_whole(target) as video_path:
        with (
            Process(_decoder(source, picture), source.name, stdout=subprocess.PIPE) as decoder,
            Process(_encoder(picture, video_path), source.name, stdin=subprocess.PIPE) as encoder,
            lines_path.open("w", encoding="utf-8") as lines,
        ):
            meter = Meter("detect", picture.frames, "frames", report)
            pipeline = _Pipeline(source.name, picture, detector, decoder, encoder, lines, meter)
            boxed = pipeline.run(budget)
        if boxed.frames != picture.frames:
            raise FrameCountMismatch(f"{source.name} has {picture.frames} frames, {boxed.frames} were decoded")
    return boxed


def _decoder(source: Path, picture: Picture) -> list[str]:
    """Frames as BGR, 8 bits, not turned; a frame that can't be decoded is replaced by the one before it."""
    pictures = source_input(source, noautorotate=None, reinit_filter=0)[str(picture.index)]
    pictures = pictures.filter("scale", picture.width, picture.height)
    pictures = at_constant_rate(pictures, picture, picture.nominal_rate)
    output = pictures.output("pipe:1", format="rawvideo", pix_fmt="bgr24", fps_mode="passthrough")
    return arguments(output, "-copyts", *HOWEVER_DAMAGED)


def _encoder(picture: Picture, target: Path) -> list[str]:
    rate = str(encodable_rate(picture.nominal_rate))
    size = (picture.width, picture.height)
    pictures = ffmpeg.input("pipe:0", format="rawvideo", pix_fmt="bgr24", video_size=size, framerate=rate)
    # AVI doesn't name its matrix, so the source's own is used again and a player guesses as it would have
    matrix = {"unknown": "bt601", "bt2020nc": "bt2020", "bt2020c": "bt2020"}.get(
        picture.color_space, picture.color_space
    )
    pictures = pictures.filter("scale", out_color_matrix=matrix, out_range="tv")
    pictures = pictures.filter("pad", "ceil(iw/2)*2", "ceil(ih/2)*2")
    output = pictures.output(
        file_url(target),
        format="avi",
        vcodec="mpeg4",
        pix_fmt="yuv420p",
        fps_mode="passthrough",
        **{"b:v": PICTURE_BITRATE},
    )
    return arguments(output)


@dataclass
class _Batch:
    """Frames that are inferred together; `frames` are buffers of the pool."""

    frames: list[Frame]
    heads: Future[list[Any]]


@dataclass
class _Pipeline:
    """The threads of one video. A queue hands out None once there is nothing more to come."""

    name: str
    picture: Picture
    detector: Detector
    decoder: Process
    encoder: Process
    lines: TextIO
    meter: Meter
    free: SimpleQueue[Frame | None] = field(default_factory=SimpleQueue)
    inferred: SimpleQueue[_Batch | None] = field(default_factory=SimpleQueue)
    drawn: SimpleQueue[Frame | None] = field(default_factory=SimpleQueue)
    frames: int = 0
    objects: Counter[str] = field(default_factory=Counter)
    frames_with: Counter[str] = field(default_factory=Counter)

    def run(self, budget: Budget) -> BoxedVideo:
        """Work until the source ends; the first failure of any thread ends all, and is raised."""
        for _ in range(_BATCHES_UNDER_WAY * self.detector.batch_size):
            self.free.put(np.empty((self.picture.height, self.picture.width, 3), np.uint8))
        with ThreadPoolExecutor(3, thread_name_prefix="boxed video") as threads:
            try:
                self._supervise([threads.submit(work) for work in (self._read, self._draw, self._write)], budget)
            except BaseException:
                self._stop()
                raise
        return BoxedVideo(self.frames, dict(self.objects), dict(self.frames_with))

    def _supervise(self, jobs: Sequence[Future[None]], budget: Budget) -> None:
        pending: set[Future[None]] = set(jobs)
        while pending:
            done, pending = wait(pending, _WAKE, FIRST_EXCEPTION)
            for job in done:
                job.result()
            share = min(1.0, self.frames / max(1, self.picture.frames))
            budget.check_pace(share, self.meter.started, f"boxes on {self.name}")

    def _stop(self) -> None:
        """Wake every thread, whatever it waits for."""
        self.decoder.kill()
        self.encoder.kill()
        for waiting in (self.free, self.inferred, self.drawn):
            waiting.put(None)

    def _read(self) -> None:
        """Batch the frames, and begin inference on them."""
        frames: list[Frame] = []
        for frame in self._frames():
            if len(frames) == self.detector.batch_size:
                self._begin(frames)
                frames = []
            frames.append(frame)
        if frames:
            self._begin(frames)
        self.inferred.put(None)

    def _frames(self) -> Iterator[Frame]:
        """The source's frames in free buffers. Until the next one is asked for, nothing may draw on a frame."""
        last, count = None, 0
        while (frame := self.free.get()) is not None and self._fill(frame):
            last, count = frame, count + 1
            yield frame
        if frame is None:
            return
        self.decoder.finish()
        missing = max(0, self.picture.frames - count)
        if missing > replaceable(self.picture.frames, self.picture.nominal_rate) or (missing and last is None):
            raise InvalidMediaDamaged(
                f"{self.name} has {self.picture.frames} frames, and its last {missing} can't be decoded"
            )
        while missing and last is not None and frame is not None:
            np.copyto(frame, last)
            yield frame
            last, missing, frame = frame, missing - 1, self.free.get()

    def _fill(self, frame: Frame) -> bool:
        """Read one frame from the decoder into `frame`; False at the end."""
        view = frame.data.cast("B")
        filled = 0
        while filled < len(view):
            count = self.decoder.stdout.readinto(view[filled:])
            if not count:
                break
            filled += count
        if 0 < filled < len(view):
            self.decoder.finish()
            raise FFmpegFailed(f"the decoder of {self.name} stopped within a frame")
        return filled > 0

    def _begin(self, frames: list[Frame]) -> None:
        blobs = [self.detector.preprocess(frame) for frame in frames]
        self.inferred.put(_Batch(frames, self.detector.start(blobs)))

    def _draw(self) -> None:
        """Wait for what was found, note it, and draw it."""
        size = (self.picture.width, self.picture.height)
        while (batch := self.inferred.get()) is not None:
            for frame, heads in zip(batch.frames, batch.heads.result(), strict=True):
                found = self.detector.postprocess(heads, size)
                self.lines.write(detections_line(self.frames, self.picture.nominal_rate, found))
                classes = [detection.class_name for detection in found]
                self.objects.update(classes)
                self.frames_with.update(set(classes))
                draw(frame, found)
                self.drawn.put(frame)
                self.frames += 1
                self.meter.update(self.frames)
        self.drawn.put(None)

    def _write(self) -> None:
        """Give drawn frames to the encoder and their buffers back."""
        while (frame := self.drawn.get()) is not None:
            self.encoder.write(frame.data.cast("B"))
            self.free.put(frame)
        self.encoder.end_input()
        self.encoder.finish()


def detections_line(frame: int, rate: Fraction, found: Sequence[Detection]) -> str:
    """One line of the detections file, newline included.

    >>> detections_line(1, Fraction(25), [Detection(0, "dog", 0.91234, (1, 2, 3.14, 4))])
    '{"frame": 1, "time": 0.04, "objects": [{"class": "dog", "confidence": 0.9123, "box": [1, 2, 3.1, 4]}]}\\n'
    """
    objects = [
        {"class": d.class_name, "confidence": round(d.confidence, 4), "box": [round(edge, 1) for edge in d.box]}
        for d in found
    ]
    return (
        json.dumps({"frame": frame, "time": round(float(frame / rate), 6), "objects": objects}, ensure_ascii=False)
        + "\n"
    )
