"""Decodes the frames of a video with a constant frame rate, starting at any frame number.

A frame's number is its timestamp times the frame rate, relative to the first frame. It never depends on how many frames
were decoded before. Therefore an undecodable frame doesn't shift the frames after it, and a reader that starts in the
middle numbers the frames like a reader that starts at the beginning.

The reader doesn't crop, rotate, deinterlace or change the frame rate: a conversion does that first
(`avflow.ffmpeg.filters`).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
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
from avflow.media import Notice, VideoStream
from avflow.media.damage import tolerated_gap
from avflow.media.key_frames import KeyFrames, Piece
from avflow.media.limits import decoder_threads
from avflow.media.opening import open_container
from avflow.media.ranged import RangedFile
from avflow.media.shapes.geometry import fitted_size
from avflow.media.tracks.late import demuxed
from avflow.video.frames import copy_of, padded_to_even, padded_with_black, repeated
from avflow.video.nvdec import nvdec
from avflow.video.segments import Segment

#: containers with an index and a timestamp for each frame; in other containers, decoding starts at the beginning
_SEEKABLE = ("matroska,webm", "mov,mp4,m4a,3gp,3g2,mj2")
#: seconds to seek before the first wanted frame, because frames just before a keyframe may refer to it
_PREROLL = 1
#: decoders that return no frame after a seek until a frame is complete; others may start with a mere difference
_OUTPUTS_COMPLETE_FRAMES = ("h264",)
#: codecs in which a packet may say only that the frame equals the previous one (ISO/IEC 14496-2, vop_coded)
_SKIPS_UNCHANGED_FRAMES = ("mpeg4",)


class VideoReader:
    """Reads the frames of a segment of a video. A context manager.

    Parameters
    ----------
    source:
        A video with a constant frame rate.
    stream:
        Its description by `avflow.media.probe`.
    segment:
        The frames to read. The default is all frames.
    threads:
        Threads of the decoder, if their frames fit into memory.
    hardware:
        Decode on an NVIDIA GPU if it returns the same frames (`avflow.video.nvdec.nvdec`).
    ranged:
        `source`, if it is read by ranges.

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
        ranged: RangedFile | None = None,
    ) -> None:
        self._source, self._video, self._threads = source, stream, min(threads, decoder_threads(stream))
        self._ranged = ranged
        self._segment = segment or Segment(0, stream.total_frames)
        #: seconds from the first decodable frame to the segment
        first = min(self._segment.first - stream.held_first, stream.frames - 1)
        self._segment_start = first / stream.nominal_rate - Fraction(stream.lead)
        #: numbers of the first frame and of the one after the last, between those that are held
        self._begin, self._end = stream.held_first, stream.held_first + stream.frames
        #: whether NVDEC decodes
        self.on_gpu = hardware and nvdec(stream)
        self._tolerated_gap = tolerated_gap(stream.frames, stream.nominal_rate)
        self._stopped = False
        #: frames of the segment that a neighbouring frame replaced
        self._replaced = 0
        #: what the user should know about the segment
        self.notices: tuple[Notice, ...] = ()
        #: seconds from the first decodable frame to the end of the segment and of the frames behind it that it may need
        self._segment_end = self._segment_start + (self._segment.frames + self._tolerated_gap + 1) / stream.nominal_rate
        self._open(self._start_of_source())

    def _start_of_source(self) -> Sequence[Piece]:
        """The pieces of a source without an index with its first frame, and with a segment at the start."""
        if self._key_frames is None:
            return ()
        return self._key_frames.start(self._segment_end if self._segment_start <= _PREROLL else Fraction(0))

    def _open(self, pieces: Sequence[Piece] = (), awaited: int | None = None) -> None:
        """Open the source, or pieces of it. `awaited` is the timestamp of the first packet to decode."""
        self._in_pieces, self._awaited = bool(pieces), awaited
        acceleration = HWAccel("cuda", allow_software_fallback=True) if self.on_gpu else None
        with self._errors("opened"):
            self._container: InputContainer = open_container(
                self._source, acceleration, far=self._video.late, ranged=self._ranged, pieces=pieces
            )
        self._stream: Any = self._container.streams[self._video.index]
        self._stream.codec_context.thread_count = self._threads
        # AVI has an index but no timestamps, which suffices if decoding order is presentation order
        self._in_avi = self._container.format.name == "avi"
        self._last_ticks: int | None = None
        #: packets that the decoder rejected, plus frames that it only guessed
        self._undecodable = 0

    def __enter__(self) -> VideoReader:
        return self

    def __exit__(self, *_: object) -> None:
        self._container.close()

    def stop(self) -> None:
        """End the iteration early, even before the first frame of the segment. Another thread may call this."""
        self._stopped = True

    def __iter__(self) -> Iterator[av.VideoFrame]:
        """Every frame of the segment, exactly once and in order: `yuv420p`, limited range, even width and height.

        The previous frame replaces a frame that can't be decoded. At the start of the video, the next frame replaces
        it.

        Raises
        ------
        InvalidMediaDamaged
            More consecutive frames can't be decoded than a neighbour may replace. Every segment that contains one of
            these frames raises this error.
        FrameCountMismatch
            The decoder returned more frames than the video has.
        FFmpegFailed
            The pixel format of a frame can't be converted, or the file can't be opened any more.
        """
        position, end = self._segment.first, self._segment.first + self._segment.frames
        previous: av.VideoFrame | None = None
        last = -1
        for number, frame in self.numbered():
            if number < last:
                continue  # the decoder held it back across a damaged part; another frame already has its place
            until = min(number, end)
            self._replaced += max(0, until - max(position, last + 1, self._begin))
            if previous is None:
                yield from (copy_of(frame) for _ in range(until - position))
            else:
                self._check_gap(last + 1, number)
                yield from repeated(previous, until - position)
            position = max(position, until)
            if number >= min(end, self._end):
                self._check_surplus(number, end)
                return
            previous, last = frame, number
        if self._stopped:
            return
        if previous is None:
            raise self._damaged(self._begin, self._end)
        self._check_gap(last + 1, self._end)
        self._replaced += max(0, min(end, self._end) - max(position, last + 1))
        yield from repeated(previous, end - position)

    @property
    def damaged_frames(self) -> int:
        """The number of frames, of those read so far, that replace an undecodable frame."""
        return 0 if self._video.codec in _SKIPS_UNCHANGED_FRAMES and not self._undecodable else self._replaced

    def _check_gap(self, first: int, end: int) -> None:
        """Refuse a gap that is too long, unless the stream itself says that the frames there are unchanged.

        If the file has sound, the gap is only told.
        """
        unchanged = self._video.codec in _SKIPS_UNCHANGED_FRAMES and self._undecodable <= self._tolerated_gap
        if end - first > self._tolerated_gap and not unchanged:
            error = self._damaged(first, end)
            if not self._video.any_gap:
                raise error
            held = Notice("VideoDamaged", f"{error.message} The last good frame is shown in their place.")
            self.notices = (*self.notices, held)

    def _damaged(self, first: int, end: int) -> InvalidMediaDamaged:
        rate = self._video.nominal_rate
        return InvalidMediaDamaged(
            f"{self._source.name} has {self._video.frames} frames, but {end - first} consecutive frames, "
            f"from {float(first / rate):.1f} s to {float(end / rate):.1f} s, can't be decoded"
        )

    def _check_surplus(self, number: int, end: int) -> None:
        if end >= self._end:
            decoded = number + 1 - self._begin
            raise FrameCountMismatch(f"{self._source.name} has {self._video.frames} frames, but {decoded} were decoded")

    def numbered(self) -> Iterator[tuple[int, av.VideoFrame]]:
        """Decoded frames with their numbers. The first one may lie before the segment."""
        decoded = self._decoded()
        head = next(decoded, None)
        if head is None and self._in_pieces:  # no frame at the start of the file can be decoded
            self._container.close()
            self._open()
            decoded = self._decoded()
            head = next(decoded, None)
        if head is None:
            return
        origin, _ = head
        for ticks, frame in self._decoded_near_segment(origin) if self._can_seek else chain((head,), decoded):
            if frame is not None:
                yield self._number(ticks - origin), self._as_yuv420p(frame)

    def _decoded_near_segment(self, origin: int) -> Iterator[tuple[int, av.VideoFrame | None]]:
        """Decoded frames from a reliable keyframe before the segment, or from the start if there is none.

        What the container marks as a keyframe may not be one, may be damaged, or may start a gradual refresh of the
        frame (ITU-T H.264, D.2.8, "Recovery point SEI message semantics"). Only the decoder's output shows that.
        Seeking further back decodes more frames that nobody needs, so the distance starts small and grows.

        Parameters
        ----------
        origin:
            Timestamp in ticks of the first frame that the decoder returned.
        """
        preroll = Fraction(_PREROLL)
        while preroll < self._segment_start and self._seek(origin, preroll):
            decoded = self._decoded()
            first = next(((ticks, frame) for ticks, frame in decoded if frame is not None), None)
            late = 0 if first is None else self._number(first[0] - origin) - self._segment.first
            if first is not None and late <= 0 and self._is_complete(first[1]):
                return chain((first,), decoded)
            preroll = 2 * preroll + max(0, late) / self._video.nominal_rate
        self._container.close()
        self._open()
        return self._decoded()

    def _is_complete(self, first: av.VideoFrame) -> bool:
        """Whether the first frame after a seek needs no earlier frame."""
        return self._video.codec in _OUTPUTS_COMPLETE_FRAMES or first.pict_type == PictureType.I

    def _number(self, ticks: int) -> int:
        """The number of the frame whose timestamp is `ticks` after the first decodable frame."""
        seconds: Fraction = ticks * self._stream.time_base + Fraction(self._video.lead)
        return self._begin + math.floor(seconds * self._video.nominal_rate + Fraction(1, 2))

    def _time(self, frame: av.VideoFrame) -> int:
        """A frame's timestamp in ticks.

        It is the presentation timestamp, or the decoding timestamp in AVI, where the demuxer only guesses the former.
        A frame without one follows the previous frame at the frame rate.
        """
        ticks: int | None = frame.dts if self._in_avi or frame.pts is None else frame.pts
        if ticks is None:
            step = 1 / (self._video.nominal_rate * self._stream.time_base)
            ticks = 0 if self._last_ticks is None else self._last_ticks + round(step)
        self._last_ticks = ticks
        return self._last_ticks

    @property
    def _can_seek(self) -> bool:
        """Whether seeking saves time, and frames have reliable timestamps after it. Valid after decoding one frame."""
        in_order = self._in_avi and not self._stream.codec_context.has_b_frames
        indexed = in_order or self._container.format.name in _SEEKABLE or self._key_frames is not None
        return self._segment_start > _PREROLL and indexed

    @property
    def _key_frames(self) -> KeyFrames | None:
        """Those of a file without an index of its own."""
        return self._ranged.key_frames if self._ranged else None

    def _seek(self, origin: int, preroll: Fraction) -> bool:
        """Seek to a marked keyframe at least `preroll` seconds before the segment. Returns False if the seek fails."""
        ticks = origin + math.floor((self._segment_start - preroll) / self._stream.time_base)
        if self._ranged and self._key_frames:
            key_frame = self._key_frames.before(ticks, self._ranged.size)
            if key_frame:
                end = self._key_frames.end(origin * self._stream.time_base + self._segment_end)
                self._container.close()
                self._open(self._key_frames.pieces(key_frame[1], end or self._ranged.size), key_frame[0])
            return key_frame is not None
        try:
            self._container.seek(ticks, stream=self._stream)
        except av.error.FFmpegError:
            return False
        return True

    def _decoded(self) -> Iterator[tuple[int, av.VideoFrame | None]]:
        """Timestamps in ticks and decoded frames; None in place of a frame that the decoder only guessed.

        Damaged packets are skipped. The iteration ends where the demuxer can't read on.
        """
        packets = demuxed(self._container, self._stream)
        while not self._stopped:
            try:
                packet = next(packets, None)
            except av.error.FFmpegError:
                packet = None
            if self._awaited is not None and packet is not None and packet.size:
                if packet.pts != self._awaited:
                    continue  # before the key frame, in its cluster or fragment
                self._awaited = None
            try:
                for frame in self._stream.codec_context.decode(packet):
                    ticks = self._time(frame)
                    if frame.is_corrupt:  # the decoder guessed the missing data
                        self._undecodable += 1
                    yield ticks, None if frame.is_corrupt else frame
            except av.error.EOFError:
                return
            except av.error.FFmpegError:
                self._undecodable += 1
                continue
            finally:
                ended = packet is None or packet.size == 0
            if ended:
                return

    def _as_yuv420p(self, frame: av.VideoFrame) -> av.VideoFrame:
        """The frame in the stream's size, `yuv420p`, limited range, padded to an even width and height.

        A frame of another size is scaled to fit, without stretching, and the rest is black.
        """
        canvas = (self._video.width, self._video.height)
        size = (frame.width, frame.height)
        fitted = size if size == canvas else fitted_size(size, canvas)
        if fitted != size or frame.format.name != "yuv420p" or frame.color_range == ColorRange.JPEG:
            with self._errors("decoded"):
                frame = frame.reformat(
                    *fitted,
                    "yuv420p",
                    dst_colorspace=Colorspace.ITU601 if frame.format.is_rgb else None,
                    dst_color_range=ColorRange.MPEG,
                    interpolation=Interpolation.BICUBIC,
                )
        frame = frame if fitted == canvas else padded_with_black(frame, *canvas)
        return padded_to_even(frame) if canvas[0] % 2 or canvas[1] % 2 else frame

    @contextmanager
    def _errors(self, what: str) -> Iterator[None]:
        try:
            yield
        except av.error.FFmpegError as error:
            raise FFmpegFailed(f"{self._source.name} can't be {what}: {error.strerror}") from error
