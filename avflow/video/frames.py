"""Frames as libav holds them (`yuv420p`), and what is done to their planes."""

from __future__ import annotations

from collections.abc import Iterator

import av
import numpy as np
from av.video.plane import VideoPlane

from avflow.media import VideoStream
from avflow.video.yuv import Plane, YuvFrame


def view(frame: av.VideoFrame, stream: VideoStream) -> YuvFrame:
    """The planes of a frame, not copied, without what makes its sides even."""
    width, height = stream.width, stream.height
    luma, blue, red = (_samples(plane) for plane in frame.planes)
    half = (slice((height + 1) // 2), slice((width + 1) // 2))
    return YuvFrame(luma[:height, :width], blue[half], red[half], stream.color_space)


def copy_of(frame: av.VideoFrame) -> av.VideoFrame:
    """A frame of the same pixels that can be drawn on by itself."""
    copy = av.VideoFrame(frame.width, frame.height, "yuv420p")
    for source, target in zip(frame.planes, copy.planes, strict=True):
        _copy_plane(source, target)
    return copy


def repeated(frame: av.VideoFrame, times: int) -> Iterator[av.VideoFrame]:
    """A frame a number of times; each but the last is a copy, as each gets boxes of its own."""
    yield from (copy_of(frame) for _ in range(times - 1))
    if times > 0:
        yield frame


def evened(frame: av.VideoFrame) -> av.VideoFrame:
    """A frame with even sides: the last column and row again, as MPEG-4's encoder takes no odd ones."""
    even = av.VideoFrame(frame.width + frame.width % 2, frame.height + frame.height % 2, "yuv420p")
    for source, target in zip(frame.planes, even.planes, strict=True):
        _copy_plane(source, target)
    luma = _samples(even.planes[0])
    luma[: frame.height, frame.width : even.width] = luma[: frame.height, frame.width - 1 : frame.width]
    luma[frame.height : even.height] = luma[frame.height - 1]
    return even


def _copy_plane(source: VideoPlane, target: VideoPlane) -> None:
    height, width = min(source.height, target.height), min(source.width, target.width)
    np.copyto(_samples(target)[:height, :width], _samples(source)[:height, :width])


def _samples(plane: VideoPlane) -> Plane:
    """A plane's memory: rows are longer than the picture is wide where the codec likes that better."""
    memory = memoryview(plane)
    return np.frombuffer(memory, np.uint8).reshape(-1, plane.line_size)
