"""Encodes annotated frames into an AVI: MPEG-4 Part 2, no audio. The merge step joins the AVIs and adds the audio."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from fractions import Fraction
from pathlib import Path

import av
from av.video.frame import PictureType

from avflow.errors import DISK_FULL, FFmpegFailed, ScratchFull
from avflow.media.containers import file_url
from avflow.media.formats import VIDEO_BITRATE, encodable_rate


class VideoWriter:
    """Writes frames to a file, in order. A context manager; `finish` completes the file.

    The CPU encodes on every machine, because NVIDIA's encoders don't support MPEG-4 Part 2 (NVIDIA Video Codec SDK,
    "Video Encode and Decode GPU Support Matrix").

    Parameters
    ----------
    target:
        The file to write.
    size:
        (width, height) in pixels, both even.
    rate:
        Frames per second.
    threads:
        Threads of the encoder, each of which encodes a slice of the frame.

    Raises
    ------
    FFmpegFailed, ScratchFull
        Any method: the frame can't be encoded, or the file can't be written.
    """

    def __init__(self, target: Path, size: tuple[int, int], rate: Fraction, *, threads: int = 1) -> None:
        self._name, self._count = target.name, 0
        rate = encodable_rate(rate)
        self._time_base = 1 / rate
        with self._errors():
            self._container = av.open(file_url(target), "w", format="avi")
            self._stream = self._container.add_stream("mpeg4", rate=rate)
            self._stream.width, self._stream.height = size
            self._stream.pix_fmt = "yuv420p"
            self._stream.bit_rate = VIDEO_BITRATE
            self._stream.codec_context.thread_count = threads

    def __enter__(self) -> VideoWriter:
        return self

    def __exit__(self, *_: object) -> None:
        # after `finish` the container is closed already, and without `finish` the file is unusable
        with suppress(av.error.FFmpegError):
            self._container.close()

    def write(self, frame: av.VideoFrame) -> None:
        """Encode the next frame, `yuv420p`."""
        frame.pts, frame.time_base = self._count, self._time_base
        frame.pict_type = PictureType.NONE  # the encoder chooses; otherwise it would keep the source's frame type
        self._count += 1
        with self._errors():
            self._container.mux(self._stream.encode(frame))

    def finish(self) -> None:
        """Write the remaining packets and the index, and close the file."""
        with self._errors():
            self._container.mux(self._stream.encode(None))
            self._container.close()

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except av.error.FFmpegError as error:
            if error.errno in DISK_FULL:
                raise ScratchFull(f"no space is left to write {self._name}: {error.strerror}") from error
            raise FFmpegFailed(f"{self._name} can't be encoded: {error.strerror}") from error
