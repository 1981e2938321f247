"""Encodes annotated frames, without audio, into an AVI (MPEG-4 Part 2) and an MP4 (H.264).

The merge step joins the segments and adds the audio.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
from av.video.frame import PictureType

from avflow.errors import DISK_FULL, FFmpegFailed, ScratchFull
from avflow.media.containers import file_url
from avflow.media.formats import H264_CRF, H264_KEY_SECONDS, H264_MOST_BITRATE, VIDEO_BITRATE, encodable_rate

#: bytes of the frames in which x264 looks ahead, and the frames that its preset "veryfast" looks ahead
_LOOKAHEAD_BYTES, _LOOKAHEAD = 2**28, 10
#: bytes that x264 keeps for a pixel of such a frame: its samples, and copies of half the size
_LOOKAHEAD_BYTES_PER_PIXEL = 2.5
#: Pixels from which the threads of x264 share a frame. Below, each has a frame of its own, which compresses better.
_SHARED_FRAME = 3840 * 2160
#: FFmpeg's numbers of a colour matrix, and of the primaries and the transfer that go with it (ITU-T H.273)
_COLOURS = {
    "bt709": (1, 1, 1),
    "bt470bg": (5, 5, 6),
    "smpte170m": (6, 6, 6),
    "smpte240m": (7, 7, 7),
    "bt2020nc": (9, 9, 14),
}


class FrameWriter:
    """Writes frames to a file, in order. A context manager; `finish` completes the file.

    Raises
    ------
    FFmpegFailed, ScratchFull
        Any method: the frame can't be encoded, or the file can't be written.
    """

    _container: Any
    _stream: Any

    def __init__(self, target: Path, rate: Fraction) -> None:
        self._name, self._count = target.name, 0
        self._time_base = 1 / rate

    def __enter__(self) -> FrameWriter:
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


class VideoWriter(FrameWriter):
    """Writes an AVI: MPEG-4 Part 2.

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
    """

    def __init__(self, target: Path, size: tuple[int, int], rate: Fraction, *, threads: int = 1) -> None:
        rate = encodable_rate(rate)
        super().__init__(target, rate)
        with self._errors():
            self._container = av.open(file_url(target), "w", format="avi")
            self._stream = self._container.add_stream("mpeg4", rate=rate)
            self._stream.width, self._stream.height = size
            self._stream.pix_fmt = "yuv420p"
            self._stream.bit_rate = VIDEO_BITRATE
            self._stream.codec_context.thread_count = threads


class Mp4Writer(FrameWriter):
    """Writes an MP4 that every browser plays: H.264 High, `yuv420p`, with its index at the start.

    Each frame has the same time as in the AVI.

    Parameters
    ----------
    target, size, rate:
        As for `VideoWriter`.
    threads:
        Threads of the encoder. It keeps a frame for each, unless the frames are large.
    color_space:
        FFmpeg's name of the frames' colour matrix. An unknown one is left out, as in the AVI: players guess it.
    hardware:
        Whether to encode on the GPU, by NVENC. A GPU without an encoder, and one that refuses, leave it to the CPU.
    """

    def __init__(
        self,
        target: Path,
        size: tuple[int, int],
        rate: Fraction,
        *,
        threads: int = 1,
        color_space: str = "unknown",
        hardware: bool = False,
    ) -> None:
        rate = encodable_rate(rate)
        super().__init__(target, rate)
        settings: dict[str, Any] = {
            "width": size[0],
            "height": size[1],
            "pix_fmt": "yuv420p",
            "gop_size": max(1, round(rate * H264_KEY_SECONDS)),
            "color_range": 1,  # limited
        }
        if color_space in _COLOURS:
            names = ("colorspace", "color_primaries", "color_trc")
            settings |= dict(zip(names, _COLOURS[color_space], strict=True))
        self.encoder = "h264_nvenc" if hardware and _nvenc_opens(settings, rate) else "libx264"
        options = _NVENC if self.encoder == "h264_nvenc" else x264_options(size, threads)
        with self._errors():
            self._container = av.open(file_url(target), "w", format="mp4", options={"movflags": "+faststart"})
            self._stream = self._container.add_stream(self.encoder, rate=rate, options=options)
            for name, value in (settings | {"thread_count": threads}).items():
                setattr(self._stream.codec_context, name, value)


_LIMITED = {"maxrate": str(H264_MOST_BITRATE), "bufsize": str(2 * H264_MOST_BITRATE), "profile": "high"}
#: without B-frames, which older GPUs lack
_NVENC = {"preset": "p4", "rc": "vbr", "cq": str(H264_CRF), "b": "0", "bf": "0", **_LIMITED}


def x264_options(size: tuple[int, int], threads: int) -> dict[str, str]:
    """The options of libx264: its preset "superfast", and a look ahead that tells which blocks later frames refer to.

    That look (mbtree) saves a third of the bytes of "superfast". "veryfast" takes 1.5 to 1.8 times as long for the same
    quality and 1 % more to 10 % fewer bytes (`benchmarks/h264_settings.py`). Memory is bounded: with large
    frames it looks less far ahead.
    """
    pixels = size[0] * size[1]
    ahead = max(1, min(_LOOKAHEAD, int(_LOOKAHEAD_BYTES / (_LOOKAHEAD_BYTES_PER_PIXEL * pixels))))
    options = {"preset": "superfast", "crf": str(H264_CRF), "rc-lookahead": str(ahead), **_LIMITED}
    special = {"mbtree": 1}
    if pixels >= _SHARED_FRAME:
        options["bf"] = "0"
        special |= {"sliced-threads": 1, "sync-lookahead": 0}
    return options | {"x264-params": ":".join(f"{name}={value}" for name, value in special.items())}


def _nvenc_opens(settings: dict[str, Any], rate: Fraction) -> bool:
    """Whether this machine has NVENC and it takes such frames. To open it is the only way to know."""
    try:
        encoder = av.CodecContext.create("h264_nvenc", "w")
        for name, value in settings.items():
            setattr(encoder, name, value)
        encoder.framerate, encoder.time_base, encoder.options = rate, 1 / rate, _NVENC
        encoder.open()
    except (av.error.FFmpegError, ValueError):
        return False
    return True
