"""Turns a video into one with boxes: decoding, detection, drawing and encoding at once, frame by frame.

Frames travel through two threads and the engine's own::

    decode, letterbox -> inference -> draw, encode

Each frame under way holds a permit, and there are few: memory depends on the picture's size
and not on the video's length. Decoding and encoding happen in this process, as handing raw
frames through a pipe to another costs more than half of what they cost themselves.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from pathlib import Path
from queue import SimpleQueue
from threading import Semaphore
from typing import Any, TextIO

import av

from avflow.annotation.detections import detections_line
from avflow.annotation.drawing import draw
from avflow.cores import MOST_CODEC_THREADS, usable_cores
from avflow.detection import Detector
from avflow.errors import FrameCountMismatch
from avflow.ffmpeg import written_whole
from avflow.media import VideoStream
from avflow.progress import TICK_SECONDS, Meter, Report, ignore
from avflow.video.frames import view
from avflow.video.reader import VideoReader
from avflow.video.segments import Segment
from avflow.video.writer import VideoWriter

#: batches being read and drawn, besides those that the engine works on
_BATCHES_AROUND = 2


@dataclass(frozen=True)
class AnnotatedVideo:
    """What was found in a video, or in a segment of it."""

    frames: int
    #: detections of each class that was found
    objects: dict[str, int]
    #: frames in which each of these classes occurs
    frames_with: dict[str, int]
    #: of the frames, those that another stands for, as they can't be decoded
    damaged_frames: int


def annotate_video(
    source: Path,
    stream: VideoStream,
    detector: Detector,
    target: Path,
    detections: Path,
    *,
    segment: Segment | None = None,
    hardware: bool = False,
    report: Report = ignore,
) -> AnnotatedVideo:
    """Draw what `detector` finds on every frame of `source`, or of a segment of it.

    Parameters
    ----------
    source, picture, segment, hardware:
        As for `VideoReader`. Segments that are neighbours, put together, are the whole: no frame lost or doubled.
    target:
        Where to write the pictures: AVI, MPEG-4 Part 2, the same rate, no sound. An odd
        width or height grows by one pixel at the right or the bottom.
    detections:
        Where to write what was found, one JSON object a line and frame; boxes are
        left, top, width, height in pixels, times are seconds from the video's first frame.

    Raises
    ------
    FFmpegFailed, ScratchFull
    InvalidMediaDamaged, FrameCountMismatch
        As for `VideoReader`'s frames.

    Neither file is written then.
    """
    if not stream.constant_rate:
        raise ValueError(f"{source.name} has a variable frame rate: convert it first")
    segment = segment or Segment(0, stream.frames)
    size = (stream.width + stream.width % 2, stream.height + stream.height % 2)
    # half of the cores: the other half's worth of work is the detector's, or the other codec's
    threads = max(1, min(MOST_CODEC_THREADS, usable_cores() // 2))
    with written_whole(detections) as lines_path, written_whole(target) as video_path:
        with (
            VideoReader(source, stream, segment, threads=threads, hardware=hardware) as reader,
            VideoWriter(video_path, size, stream.nominal_rate, threads=threads) as writer,
            lines_path.open("w", encoding="utf-8") as lines,
        ):
            meter = Meter("detect", segment.frames, "frames", report)
            boxed = _Pipeline(stream, segment, detector, reader, writer, lines, meter).run()
            writer.finish()
        if boxed.frames != segment.frames:
            raise FrameCountMismatch(f"{source.name} has {segment.frames} frames here, {boxed.frames} were decoded")
    return boxed


@dataclass
class _Batch:
    """Frames that are inferred together."""

    frames: list[av.VideoFrame]
    heads: Future[list[Any]]


@dataclass
class _Pipeline:
    """The threads of one video. The queue hands out None once there is nothing more to come."""

    stream: VideoStream
    segment: Segment
    detector: Detector
    reader: VideoReader
    writer: VideoWriter
    lines: TextIO
    meter: Meter
    #: one for each frame that may be under way
    permits: Semaphore = field(init=False)
    inferred: SimpleQueue[_Batch | None] = field(default_factory=SimpleQueue)
    stopped: bool = False
    frames: int = 0
    objects: Counter[str] = field(default_factory=Counter)
    frames_with: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.permits = Semaphore((self.detector.in_flight + _BATCHES_AROUND) * self.detector.batch_size)

    def run(self) -> AnnotatedVideo:
        """Work until the segment ends; the first failure of any thread, or of the report, ends all, and is raised."""
        with ThreadPoolExecutor(2, thread_name_prefix="boxed video") as threads:
            try:
                self._supervise([threads.submit(work) for work in (self._read, self._write)])
            except BaseException:
                self.stopped = True
                self.reader.stop()
                self.permits.release()
                self.inferred.put(None)
                raise
        return AnnotatedVideo(self.frames, dict(self.objects), dict(self.frames_with), self.reader.damaged_frames)

    def _supervise(self, jobs: Sequence[Future[None]]) -> None:
        """Report from here alone: what the report raises finds the other threads at work, and ends them."""
        pending: set[Future[None]] = set(jobs)
        while pending:
            done, pending = wait(pending, TICK_SECONDS, FIRST_EXCEPTION)
            for job in done:
                job.result()
            self.meter.update(self.frames)

    def _read(self) -> None:
        """Decode and batch the frames, and begin inference on them."""
        frames: list[av.VideoFrame] = []
        for frame in self.reader:
            self.permits.acquire()
            if self.stopped:
                return
            frames.append(frame)
            if len(frames) == self.detector.batch_size:
                self._begin(frames)
                frames = []
        if frames:
            self._begin(frames)
        self.inferred.put(None)

    def _begin(self, frames: list[av.VideoFrame]) -> None:
        blobs = [self.detector.preprocess(view(frame, self.stream)) for frame in frames]
        self.inferred.put(_Batch(frames, self.detector.start(blobs)))

    def _write(self) -> None:
        """Wait for what was found, note it, draw it, and encode the frame."""
        size = (self.stream.width, self.stream.height)
        while (batch := self.inferred.get()) is not None:
            for frame, heads in zip(batch.frames, batch.heads.result(), strict=True):
                if self.stopped:
                    return
                found = self.detector.postprocess(heads, size)
                number = self.segment.first + self.frames
                self.lines.write(detections_line(number, self.stream.nominal_rate, found))
                classes = [detection.class_name for detection in found]
                self.objects.update(classes)
                self.frames_with.update(dict.fromkeys(classes, 1))  # in this order each time
                if found:
                    frame.make_writable()  # the decoder may still refer to it
                    draw(view(frame, self.stream), found)
                self.writer.write(frame)
                self.permits.release()
                self.frames += 1
