"""Draws boxes on a video: a pipeline that decodes, detects, draws and encodes at the same time, frame by frame.

Frames pass through two threads and the threads of the inference engine::

    decode, letterbox -> inference -> draw, encode

A drawn frame is encoded into the AVI and, if wanted, into the MP4, and may become one of the still pictures. Without
these files nothing is drawn: `avflow.annotation.rendering` draws later, through the same pipeline.

Each frame in the pipeline holds one of a few permits, so that memory depends on the size of a frame and not on the
length of the video. This process decodes and encodes itself, because a pipe of raw frames to another process adds more
than half of the cost of decoding and encoding.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path
from queue import SimpleQueue
from threading import Semaphore
from typing import Any, NamedTuple, Protocol, TextIO

import av

from avflow.annotation.detections import detections_line, rounded
from avflow.annotation.drawing import draw
from avflow.annotation.interpolation import Interpolator
from avflow.annotation.labels import USUAL, LabelStyle
from avflow.annotation.pictures import PicturePicker
from avflow.cores import MOST_CODEC_THREADS, usable_cores
from avflow.detection import Detection, Detector
from avflow.errors import FrameCountMismatch
from avflow.ffmpeg import written_whole
from avflow.media import Notice, VideoStream
from avflow.media.ranged import RangedFile
from avflow.progress import TICK_SECONDS, Meter, Report, ignore
from avflow.video.frames import view
from avflow.video.reader import VideoReader
from avflow.video.segments import Segment
from avflow.video.writer import FrameWriter, Mp4Writer, VideoWriter
from avflow.video.yuv import YuvFrame

#: batches that are being decoded or drawn, in addition to those in the inference engine
_BATCHES_OUTSIDE_ENGINE = 2
#: bytes of the frames in the pipeline: batches of larger frames are smaller
_FRAMES_BYTES = 2**30


@dataclass(frozen=True)
class Extras:
    """More files of the same drawn frames."""

    #: an MP4: H.264, no audio, the frames and times of the AVI
    mp4: Path | None = None
    #: still pictures, for `avflow.annotation.pictures.gather`
    pictures: Path | None = None
    #: FFmpeg's name of the frames' colour matrix, for detector, boxes and these files, if the stream doesn't tell it
    color_space: str = "unknown"


class Overlay(Protocol):
    """What is drawn over the boxes, but not on the still pictures."""

    def at(self, number: int) -> Overlaid | None:
        """What is drawn on the frame of this number in the whole video. The numbers come in order."""


class Overlaid(Protocol):
    """What is drawn on one frame."""

    def draw_on(self, frame: YuvFrame) -> None:
        """Draw it into the frame, in place."""


@dataclass(frozen=True)
class AnnotatedVideo:
    """A summary of the detections in a video or a segment."""

    frames: int
    #: number of detections by class
    objects: dict[str, int]
    #: number of frames that contain the class, by class
    frames_with: dict[str, int]
    #: number of frames that can't be decoded, each of which another frame replaces
    damaged_frames: int
    #: what the user should know about the video
    notices: tuple[Notice, ...] = ()
    #: the number in the model of each detected class, from which the colour of its boxes follows
    class_ids: dict[str, int] = field(default_factory=dict)


def annotate_video(
    source: Path,
    stream: VideoStream,
    detector: Detector,
    target: Path | None,
    detections: Path | None,
    *,
    segment: Segment | None = None,
    hardware: bool = False,
    ranged: RangedFile | None = None,
    extras: Extras = Extras(),
    labels: LabelStyle = USUAL,
    every: int = 1,
    overlay: Overlay | None = None,
    step: str = "detect",
    report: Report = ignore,
) -> AnnotatedVideo:
    """Run `detector` on every frame of a video or a segment, and draw its detections.

    Parameters
    ----------
    source, stream, segment, hardware, ranged:
        As for `VideoReader`. Neighbouring segments neither share nor miss a frame.
    target:
        The annotated video to write: AVI, MPEG-4 Part 2, the frame rate of the source, no audio. An odd width or
        height grows by one pixel at the right or the bottom. None for no AVI.
    detections:
        The file of detections to write, one JSON object per line and frame. Boxes are left, top, width and height in
        pixels. Times are seconds since the first frame of the video. None for no file.
    extras:
        More files to write.
    labels:
        How boxes are labelled.
    every:
        Detect on each frame whose number is a multiple of this, and on the first and the last one. Between them, boxes
        are interpolated (`avflow.annotation.interpolation`). Large frames may be detected more often, for memory.
    overlay:
        What is drawn over the boxes.
    step, report:
        The name of the step, and the receiver of its progress.

    Raises
    ------
    FFmpegFailed, ScratchFull
    InvalidMediaDamaged, FrameCountMismatch
        As for `VideoReader.__iter__`.

    After an error, none of the files exists.
    """
    if not stream.constant_rate:
        raise ValueError(f"{source.name} has a variable frame rate: convert it first")
    segment = segment or Segment(0, stream.total_frames)
    # half of the cores each, because decoder, encoders and detector share them
    threads = max(1, min(MOST_CODEC_THREADS, usable_cores() // 2))
    if stream.color_space == "unknown":  # a conversion does not tell it
        stream = replace(stream, color_space=extras.color_space)
    picker = PicturePicker(stream, segment, stream.color_space) if extras.pictures else None
    with _whole(target, detections, extras) as paths:
        with (
            VideoReader(source, stream, segment, threads=threads, hardware=hardware, ranged=ranged) as reader,
            _writers(paths, stream, threads, hardware=hardware) as writers,
            paths.detections.open("w", encoding="utf-8") if paths.detections else nullcontext() as lines,
        ):
            meter = Meter(step, segment.frames, "frames", report)
            done = _Pipeline(
                stream, segment, detector, reader, writers, lines, meter, labels, every, picker, overlay
            ).run()
            for writer in writers:
                writer.finish()
        if done.frames != segment.frames:
            raise FrameCountMismatch(f"a segment of {source.name} has {done.frames} of its {segment.frames} frames")
        if picker and paths.pictures:
            picker.write(paths.pictures)
    return done


@dataclass(frozen=True)
class _Paths:
    """Where the files are written, before all of them are there."""

    avi: Path | None
    detections: Path | None
    mp4: Path | None
    pictures: Path | None


@contextmanager
def _whole(target: Path | None, detections: Path | None, extras: Extras) -> Iterator[_Paths]:
    """As `written_whole`, for all files."""
    with ExitStack() as stack:

        def partial(path: Path | None) -> Path | None:
            return stack.enter_context(written_whole(path)) if path else None

        yield _Paths(partial(target), partial(detections), partial(extras.mp4), partial(extras.pictures))


@contextmanager
def _writers(paths: _Paths, stream: VideoStream, threads: int, *, hardware: bool) -> Iterator[Sequence[FrameWriter]]:
    """The encoders of each frame."""
    size, rate = (stream.width + stream.width % 2, stream.height + stream.height % 2), stream.nominal_rate
    with ExitStack() as stack:
        writers: list[FrameWriter] = []
        if paths.avi:
            writers.append(stack.enter_context(VideoWriter(paths.avi, size, rate, threads=threads)))
        if paths.mp4:
            space = stream.color_space
            mp4 = Mp4Writer(paths.mp4, size, rate, threads=threads, color_space=space, hardware=hardware)
            writers.append(stack.enter_context(mp4))
        yield writers


@dataclass
class _Batch:
    """Frames in a row, with the result of inference on some of them."""

    frames: list[av.VideoFrame]
    #: places in `frames`
    detected: list[int]
    heads: Future[list[Any]]


class _Room(NamedTuple):
    """How many frames the memory has room for."""

    #: on which inference runs together
    batch: int
    #: in the pipeline at once
    frames: int
    #: inference runs on one in so many
    every: int


def _room(detector: Detector, stream: VideoStream, every: int) -> _Room:
    batches = detector.in_flight + _BATCHES_OUTSIDE_ENGINE
    most = max(2, _FRAMES_BYTES // max(1, stream.frame_bytes))
    every = max(1, min(every, (most - 1) // 2))  # the frames before the next detected one wait for it
    batch = max(1, min(detector.batch_size, most // (batches * every)))
    return _Room(batch, min(most, max(batches * batch, 2) * every), every)


@dataclass
class _Pipeline:
    """The threads of one video. The queue `inferred` ends with None."""

    stream: VideoStream
    segment: Segment
    detector: Detector
    reader: VideoReader
    writers: Sequence[FrameWriter]
    lines: TextIO | None
    meter: Meter
    labels: LabelStyle
    every: int
    picker: PicturePicker | None = None
    overlay: Overlay | None = None
    #: frames of a batch on which inference runs
    batch: int = field(init=False)
    #: one permit for each frame that may be in the pipeline
    permits: Semaphore = field(init=False)
    inferred: SimpleQueue[_Batch | None] = field(default_factory=SimpleQueue)
    stopped: bool = False
    frames: int = 0
    objects: Counter[str] = field(default_factory=Counter)
    frames_with: Counter[str] = field(default_factory=Counter)
    class_ids: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.batch, frames, self.every = _room(self.detector, self.stream, self.every)
        self.permits = Semaphore(frames)

    def run(self) -> AnnotatedVideo:
        """Process the segment. The first exception of a thread or the report stops all threads and is raised."""
        with ThreadPoolExecutor(2, thread_name_prefix="annotate") as threads:
            try:
                self._supervise([threads.submit(work) for work in (self._read, self._write)])
            except BaseException:
                self.stopped = True
                self.reader.stop()
                self.permits.release()
                self.inferred.put(None)
                raise
        return AnnotatedVideo(
            self.frames,
            dict(self.objects),
            dict(self.frames_with),
            self.reader.damaged_frames,
            self.reader.notices,
            self.class_ids,
        )

    def _supervise(self, jobs: Sequence[Future[None]]) -> None:
        """Wait for the threads and report progress. Only this thread reports, so that `run` handles its exceptions."""
        pending: set[Future[None]] = set(jobs)
        while pending:
            done, pending = wait(pending, TICK_SECONDS, FIRST_EXCEPTION)
            for job in done:
                job.result()
            self.meter.update(self.frames)

    def _read(self) -> None:
        """Decode frames, group them into batches that end with a detected frame, and start inference."""
        frames: list[av.VideoFrame] = []
        detected: list[int] = []
        for number, frame in enumerate(self.reader, self.segment.first):
            self.permits.acquire()
            if self.stopped:
                return
            if number % self.every == 0 or number in (self.segment.first, self.segment.first + self.segment.frames - 1):
                detected.append(len(frames))
            frames.append(frame)
            if len(detected) == self.batch:
                self._start_inference(frames, detected)
                frames, detected = [], []
        if frames:
            self._start_inference(frames, detected)
        self.inferred.put(None)

    def _start_inference(self, frames: list[av.VideoFrame], detected: list[int]) -> None:
        blobs = [self.detector.preprocess(view(frames[place], self.stream)) for place in detected]
        self.inferred.put(_Batch(frames, detected, self.detector.start(blobs)))

    def _write(self) -> None:
        """Wait for the detections, and write the frames before each detected one and that one itself."""
        size = (self.stream.width, self.stream.height)
        # to follow the objects takes time, which is for nothing if each frame is detected on
        interpolator = Interpolator(self.stream.nominal_rate) if self.every > 1 else None
        while (batch := self.inferred.get()) is not None:
            start = 0
            for place, heads in zip(batch.detected, batch.heads.result(), strict=True):
                found = self.detector.postprocess(heads, size)
                number = self.segment.first + self.frames + place - start
                between = interpolator.between(number, found) if interpolator else []
                for frame, boxes in zip(batch.frames[start:place], between, strict=True):
                    self._finish(frame, boxes, interpolated=True)
                self._finish(batch.frames[place], found)
                start = place + 1
                if self.stopped:
                    return

    def _finish(self, frame: av.VideoFrame, found: Sequence[Detection], *, interpolated: bool = False) -> None:
        """Write a line, draw the boxes, and encode the frame."""
        number = self.segment.first + self.frames
        found = [rounded(each) for each in found]  # boxes are drawn as they are written, now or later
        if self.lines:
            self.lines.write(detections_line(number, self.stream.nominal_rate, found, interpolated=interpolated))
        classes = [detection.class_name for detection in found]
        self.objects.update(classes)
        self.frames_with.update(dict.fromkeys(classes, 1))  # unlike a set, keeps their order
        self.class_ids.update((detection.class_name, detection.class_id) for detection in found)
        if self.writers or self.picker:
            self._draw(frame, number, found)
        for writer in self.writers:
            writer.write(frame)
        self.permits.release()
        self.frames += 1

    def _draw(self, frame: av.VideoFrame, number: int, found: Sequence[Detection]) -> None:
        """Draw the boxes, show the frame to the picker, and draw what lies over it."""
        over = self.overlay.at(number) if self.overlay else None
        if found or over:
            frame.make_writable()  # the decoder may still use it as a reference
        if found:
            draw(view(frame, self.stream), found, self.labels)
        if self.picker:
            self.picker.see(number, view(frame, self.stream), len(found))
        if over:
            over.draw_on(view(frame, self.stream))
