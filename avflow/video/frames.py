"""Operations on the planes of FFmpeg's decoded frames (`yuv420p`)."""

from __future__ import annotations

from collections.abc import Iterator

import av
import numpy as np
from av.video.plane import VideoPlane

from avflow.media import VideoStream
from avflow.video.yuv import BLACK_LEVEL, NO_CHROMA, Plane, YuvFrame


def view(frame: av.VideoFrame, stream: VideoStream) -> YuvFrame:
    """The planes of a frame, without a copy and without the padding that makes its sides even."""
    width, height = stream.width, stream.height
    luma, blue, red = (_samples(plane) for plane in frame.planes)
    half = (slice((height + 1) // 2), slice((width + 1) // 2))
    return YuvFrame(luma[:height, :width], blue[half], red[half], stream.color_space)


def copy_of(frame: av.VideoFrame) -> av.VideoFrame:
    """A copy of a frame with its own memory, so that drawing on it doesn't change the original."""
    copy = av.VideoFrame(frame.width, frame.height, "yuv420p")
    for source, target in zip(frame.planes, copy.planes, strict=True):
        _copy_plane(source, target)
    return copy


def repeated(frame: av.VideoFrame, times: int) -> Iterator[av.VideoFrame]:
    """A frame, repeated. All but the last are copies, because each frame gets its own boxes."""
    yield from (copy_of(frame) for _ in range(times - 1))
    if times > 0:
        yield frame


def padded_to_even(frame: av.VideoFrame) -> av.VideoFrame:
    """A copy with an even width and height, which the MPEG-4 encoder requires. Repeats the last column or row."""
    even = av.VideoFrame(frame.width + frame.width % 2, frame.height + frame.height % 2, "yuv420p")
    for source, target in zip(frame.planes, even.planes, strict=True):
        _copy_plane(source, target)
    luma = _samples(even.planes[0])
    luma[: frame.height, frame.width : even.width] = luma[: frame.height, frame.width - 1 : frame.width]
    luma[frame.height : even.height] = luma[frame.height - 1]
    return even


def padded_with_black(frame: av.VideoFrame, width: int, height: int) -> av.VideoFrame:
    """A copy of `width` x `height` pixels with the frame in its centre, on black."""
    padded = av.VideoFrame(width, height, "yuv420p")
    left, top = (width - frame.width) // 4 * 2, (height - frame.height) // 4 * 2  # whole chroma samples
    for number, (source, target) in enumerate(zip(frame.planes, padded.planes, strict=True)):
        samples, step = _samples(target), 2 if number else 1
        samples[:] = NO_CHROMA if number else BLACK_LEVEL
        rows, columns = (
            slice(top // step, top // step + source.height),
            slice(left // step, left // step + source.width),
        )
        samples[rows, columns] = _samples(source)[: source.height, : source.width]
    return padded


def _copy_plane(source: VideoPlane, target: VideoPlane) -> None:
    height, width = min(source.height, target.height), min(source.width, target.width)
    np.copyto(_samples(target)[:height, :width], _samples(source)[:height, :width])


def _samples(plane: VideoPlane) -> Plane:
    """A plane's memory: (rows, line size). The codec may choose a line size that exceeds the width of the frame."""
    memory = memoryview(plane)
    return np.frombuffer(memory, np.uint8).reshape(-1, plane.line_size)
