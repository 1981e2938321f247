"""Reads what a container crops from the frames of a stream."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

import av

from avflow.media.model import Crop
from avflow.media.shapes.geometry import cropped_size

#: EBML identifiers from the segment to the video settings of a track
_VIDEO_PATH = (0x18538067, 0x1654AE6B, 0xAE, 0xE0)
#: PixelCropLeft, PixelCropTop, PixelCropRight, PixelCropBottom
_PIXEL_CROP = (0x54CC, 0x54BB, 0x54DD, 0x54AA)
#: containers that can crop
_CROPPING = ("matroska,webm", "mov,mp4,m4a,3gp,3g2,mj2")


def container_crop(stream: Any, width: int, height: int) -> Crop | None:
    """What the container crops from every frame of `width` x `height` pixels; None if nothing would be left, too.

    FFmpeg keeps the values in the stream's side data, which PyAV doesn't show. But FFmpeg copies them to the header of
    another file, whatever the container of the first one is. That header is read here.
    """
    if stream.container.format.name not in _CROPPING:
        return None
    header = io.BytesIO()
    try:
        with av.open(header, "w", format="matroska") as copy:
            copy.add_stream_from_template(stream)
            copy.start_encoding()
    except (av.error.FFmpegError, ValueError):
        return None  # Matroska doesn't know the codec
    elements = memoryview(header.getvalue())
    for identifier in _VIDEO_PATH:
        elements = next((content for name, content in _elements(elements) if name == identifier), memoryview(b""))
    found = {name: int.from_bytes(content) for name, content in _elements(elements)}
    crop = Crop(*(found.get(name, 0) for name in _PIXEL_CROP))
    visible = min(cropped_size(width, height, crop)) > 0
    return crop if visible and crop != Crop(0, 0, 0, 0) else None


def _elements(content: memoryview) -> Iterator[tuple[int, memoryview]]:
    """Identifier and content of each EBML element (RFC 8794 section 5)."""
    position = 0
    while position < len(content):
        width = 9 - content[position].bit_length()
        identifier = int.from_bytes(content[position : position + width])
        position += width
        width = 9 - content[position].bit_length()
        length = int.from_bytes(content[position : position + width]) & ((1 << 7 * width) - 1)
        position += width
        yield identifier, content[position : position + length]
        position += length
