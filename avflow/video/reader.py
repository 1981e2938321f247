"""Decodes a video of constant rate frame by frame, each under its number, from any frame on.

A frame's number is its time by the rate, counted from the first frame: never by how many came
before it. So a picture that can't be decoded doesn't shift those after it, and whoever begins in
the middle numbers frames as whoever begins at the start.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from itertools import chain
from pathlib import Path
from typing import Any

import av
from av.codec.hwaccel import HWAccel
from av.container import InputContainer
from av.video.frame import PictureType
from av.video.reformatter import ColorRange, Colorspace, Interpolation

from avflow.errors import FFmpegFailed, FrameCountMismatch, InvalidMediaDamaged
from avflow.media import VideoStream
from avflow.media.damage import tolerated_gap
from avflow.media.probing import open_container
from avflow.video.frames import copy_of, evened, repeated
from avflow.video.nvdec import nvdec
from avflow.video.segments import Segment

#: containers with an index and a time for each picture; in others decoding begins at the start
_SEEKABLE = ("matroska,webm", "mov,mp4,m4a,3gp,3g2,mj2")
#: seconds before the wanted frame at which to look for a key frame, as pictures just before one may refer to it
_RUN_UP = 1
#: decoders that say when a picture is whole again, and give none before that; others may begin with a difference
_WAITS_UNTIL_WHOLE = ("h264",)
#: codecs in which a picture may be only a word that it is like the last (ISO/IEC 14496-2, vop_coded)
_LEAVES_OUT = ("mpeg4",)


class VideoReader:
    """The frames of a segment of a video. A context manager.

    Parameters
    ----------
    source:
        A video of constant rate.
    picture:
        What `avflow.media.probe` says of it.
    segment:
        Which frames; all when left out.
    threads:
        Threads of the decoder.
    hardware:
        Decode on an NVIDIA GPU where that gives the same frames (`avflow.video.nvdec.nvdec`).

    Raises
    ------
    FFmpegFailed
        `source` can't be opened.
    """

    def __init__(
        self,
        source: Path,
        stream: VideoStream,
        segment: Segment | None = None,
        *,
        threads: int = 1,
        hardware: bool = False,
    ) -> None:
        self._source, self._video, self._threads = source, stream, threads
        self._segment = segment or Segment(0, stream.frames)
        #: seconds of the video before the segment
        self._before = self._segment.first / stream.nominal_rate - Fraction(stream.lead)
        self._on_gpu = hardware and nvdec(stream)
        self._most_lost = tolerated_gap(stream.frames, stream.nominal_rate)
        self._stopped = False
        #: frames of the segment that another one stood for
        self._replaced = 0
        self._open()

    def _open(self) -> None:
        acceleration = HWAccel("cuda", allow_software_fallback=True) if self._on_gpu else None
        with self._errors("opened"):
            self._container: InputContainer = open_container(self._source, acceleration)
        self._stream: Any = self._container.streams[self._video.index]
        self._stream.codec_context.thread_count = self._threads
        # has an index and no times: that does where pictures are shown in the order in which they are stored
        self._in_avi = self._container.format.name == "avi"
        self._last_time: int | None = None
        #: packets of which the decoder makes nothing, and pictures of which it makes only a guess
        self._refused = 0

    def __enter__(self) -> VideoReader:
        return self

    def __exit__(self, *_: object) -> None:
        self._container.close()

    def stop(self) -> None:
        """End the iteration early, from another thread: also where no frame of the segment has been reached yet."""
        self._stopped = True

    def __iter__(self) -> Iterator[av.VideoFrame]:
        """Every frame of the segment, exactly once and in order: `yuv420p`, limited range, even sides.

        One that can't be decoded is replaced by the one before it, and where there is none by the one after it.

        Raises
        ------
        InvalidMediaDamaged
            More frames in a row can't be decoded than one that can may stand for. Every segment that has
            one of them says so.
        FrameCountMismatch
            The decoder gave more frames than the video has.
        FFmpegFailed
            A frame's pixels are of a kind that can't be converted, or the file can't be opened any more.
        """
        position, end = self._segment.first, self._segment.first + self._segment.frames
        shown: av.VideoFrame | None = None
        last = -1
        for number, frame in self._numbered():
            if number < last:
                continue  # held back by the decoder while damage went by: its place is taken
            until = min(number, end)
            self._replaced += max(0, until - max(position, last + 1))
            if shown is None:
                yield from (copy_of(frame) for _ in range(until - position))
            else:
                self._check_loss(last + 1, number)
                yield from repeated(shown, until - position)
            position = max(position, until)
            if number >= end:
                self._check_surplus(number, end)
                return
            shown, last = frame, number
        if self._stopped:
            return
        if shown is None:
            raise self._damaged(0, self._video.frames)
        self._check_loss(last + 1, self._video.frames)
        self._replaced += end - max(position, last + 1)
        yield from repeated(shown, end - position)

    @property
    def damaged_frames(self) -> int:
        """How many frames of the segment, of those given so far, are another that stands for a damaged one."""
        return 0 if self._video.codec in _LEAVES_OUT and not self._refused else self._replaced

    def _check_loss(self, first: int, end: int) -> None:
        """Refuse a gap that is too long, unless the video itself says that nothing changes there."""
        unchanged = self._video.codec in _LEAVES_OUT and self._refused <= self._most_lost
        if end - first > self._most_lost and not unchanged:
            raise self._damaged(first, end)

    def _damaged(self, first: int, end: int) -> InvalidMediaDamaged:
        rate = self._video.nominal_rate
        return InvalidMediaDamaged(
            f"{self._source.name} has {self._video.frames} frames, and {end - first} of them in a row, "
            f"from {float(first / rate):.1f} s to {float(end / rate):.1f} s, can't be decoded"
        )

    def _check_surplus(self, number: int, end: int) -> None:
        if end == self._video.frames:
            raise FrameCountMismatch(f"{self._source.name} has {end} frames, {number + 1} were decoded")

    def _numbered(self) -> Iterator[tuple[int, av.VideoFrame]]:
        """Decoded frames with their numbers, from some frame before the segment on."""
        timed = self._timed()
        head = next(timed, None)
        if head is None:
            return
        origin, _ = head
        for ticks, frame in self._from_near(origin) if self._may_skip else chain((head,), timed):
            if frame is not None:
                yield self._number(ticks - origin), self._plain(frame)

    def _from_near(self, origin: int) -> Iterator[tuple[int, av.VideoFrame | None]]:
        """What is decoded from a place before the segment that can be relied on; from the start if there is none.

        What a container calls a key frame may be none, may be damaged, or may begin a wave in which
        the picture is renewed bit by bit (ITU-T H.264, D.2.8, "Recovery point SEI message semantics"):
        only what comes out tells. The further back, the more is decoded in vain, so the distance grows.
        """
        run_up = Fraction(_RUN_UP)
        while run_up < self._before and self._seek(origin, run_up):
            timed = self._timed()
            first = next(((ticks, frame) for ticks, frame in timed if frame is not None), None)
            late = 0 if first is None else self._number(first[0] - origin) - self._segment.first
            if first is not None and late <= 0 and self._stands_alone(first[1]):
                return chain((first,), timed)
            run_up = 2 * run_up + max(0, late) / self._video.nominal_rate
        self._container.close()
        self._open()
        return self._timed()

    def _stands_alone(self, first: av.VideoFrame) -> bool:
        """Whether the first frame after a seek is what it is without those before it."""
        return self._video.codec in _WAITS_UNTIL_WHOLE or first.pict_type == PictureType.I

    def _number(self, ticks: int) -> int:
        seconds: Fraction = ticks * self._stream.time_base + Fraction(self._video.lead)
        return math.floor(seconds * self._video.nominal_rate + Fraction(1, 2))

    def _time(self, frame: av.VideoFrame) -> int:
        """Ticks at which a frame is shown; in AVI, where that is a guess, at which it comes out; or by the rate."""
        time: int | None = frame.dts if self._in_avi or frame.pts is None else frame.pts
        if time is None:
            step = 1 / (self._video.nominal_rate * self._stream.time_base)
            time = 0 if self._last_time is None else self._last_time + round(step)
        self._last_time = time
        return self._last_time

    @property
    def _may_skip(self) -> bool:
        """Whether a place before the segment can be found, and frames there have a time; known once one is decoded."""
        in_order = self._in_avi and not self._stream.codec_context.has_b_frames
        return self._before > _RUN_UP and (in_order or self._container.format.name in _SEEKABLE)

    def _seek(self, origin: int, run_up: Fraction) -> bool:
        """Go to what is called a key frame, at least so many seconds before the segment; False where that fails."""
        ticks = origin + math.floor((self._before - run_up) / self._stream.time_base)
        try:
            self._container.seek(ticks, stream=self._stream)
        except av.error.FFmpegError:
            return False
        return True

    def _timed(self) -> Iterator[tuple[int, av.VideoFrame | None]]:
        """What the decoder makes of the stream, None for a picture that it only guessed.

        Damaged packets are left out, as is all behind unreadable bytes.
        """
        packets = self._container.demux(self._stream)
        while not self._stopped:
            try:
                packet = next(packets, None)
            except av.error.FFmpegError:
                packet = None
            try:
                for frame in self._stream.codec_context.decode(packet):
                    ticks = self._time(frame)
                    if frame.is_corrupt:  # the decoder guessed what it couldn't read
                        self._refused += 1
                    yield ticks, None if frame.is_corrupt else frame
            except av.error.EOFError:
                return
            except av.error.FFmpegError:
                self._refused += 1
                continue
            finally:
                ended = packet is None or packet.size == 0
            if ended:
                return

    def _plain(self, frame: av.VideoFrame) -> av.VideoFrame:
        width, height = self._video.width, self._video.height
        as_it_is = (frame.width, frame.height, frame.format.name) == (width, height, "yuv420p")
        if not as_it_is or frame.color_range == ColorRange.JPEG:
            with self._errors("decoded"):
                frame = frame.reformat(
                    width,
                    height,
                    "yuv420p",
                    dst_colorspace=Colorspace.ITU601 if frame.format.is_rgb else None,
                    dst_color_range=ColorRange.MPEG,
                    interpolation=Interpolation.BICUBIC,
                )
        return evened(frame) if width % 2 or height % 2 else frame

    @contextmanager
    def _errors(self, what: str) -> Iterator[None]:
        try:
            yield
        except av.error.FFmpegError as error:
            raise FFmpegFailed(f"{self._source.name} can't be {what}: {error.strerror}") from error
