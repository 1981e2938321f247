"""Finds where the size of a video's frames changes, and decodes no more than one frame per size.

A codec announces a size in a header at a keyframe. A header that is new is decoded together with its keyframe; all
others are only compared. VP9 may change the size at any frame, and says it plainly.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import av
from av.codec import CodecContext
from av.stream import Stream

from avflow.media.accepted import DECODER_OPTIONS
from avflow.media.shapes.headers import HeaderReader, vp9_size
from avflow.media.shapes.references import references

#: most different headers to decode. A stream with more was made to waste our time.
_MAX_HEADERS = 64
#: most sections to list, so that the description of a video stays small; the last one then lasts to the end
_MAX_SECTIONS = 64
#: containers whose sample aspect ratio replaces that of the codec, as in FFmpeg
_OWN_ASPECT = ("matroska,webm", "mov,mp4,m4a,3gp,3g2,mj2", "asf", "asf_o", "nut", "mxf", "gxf")


@dataclass(frozen=True)
class Shape:
    """The size of a frame as stored, in pixels, and its sample aspect ratio."""

    width: int
    height: int
    aspect: Fraction


@dataclass(frozen=True)
class Shapes:
    """The shapes of a video."""

    #: that of the longest section without a change; of equally long sections, of the first
    longest: Shape
    size_changes: bool
    aspect_changes: bool
    #: the sections in order: their shapes, and the tick at which they begin
    sections: tuple[tuple[Shape, int], ...]


class ShapeScan:
    """Measures how long each section of a video stream lasts that has one shape. The memory is constant."""

    def __init__(self, stream: Any, *, joined: bool = False) -> None:
        self._stream = stream
        # the container of joined recordings only knows the sample aspect ratio of the first one
        own = stream.container.format.name in _OWN_ASPECT and not joined
        self._aspect: Fraction | None = stream.sample_aspect_ratio if own else None
        self._headers = HeaderReader(stream)
        #: the most pictures that the decoder keeps, by all headers
        self.references = references(stream.codec_context.name, self._headers.extradata)
        self._first: tuple[bytes, av.Packet[Stream]] | None = None
        #: the shape by header, None if it can't be decoded; empty as long as there is only one header
        self._known: dict[bytes, Shape | None] = {}
        #: shape and first tick of the current section
        self._current: Shape | None = None
        self._begin = 0
        #: tick of the last packet
        self._end = -1
        #: shape and ticks of the longest section before it
        self._longest: tuple[Shape, int] | None = None
        self._sections: list[tuple[Shape, int]] = []

    def add(self, packet: av.Packet[Stream], ticks: int | None) -> None:
        """Look at the next packet, which is shown at `ticks`. Without timestamps, packets are counted."""
        self._end = ticks = self._end + 1 if ticks is None else ticks
        if self._headers.only_keyframes and not packet.is_keyframe:
            return
        header = self._headers.read(packet)
        if self._first is None:
            self._first, self._begin = (header, packet), ticks
            self._refer(header)
        if not self._known:
            if header == self._first[0]:
                return
            self._current = self._known[self._first[0]] = self._shape(*self._first)
        if header not in self._known and len(self._known) < _MAX_HEADERS:
            self._known[header] = self._shape(header, packet)
            self._refer(header)
        shape = self._known.get(header)
        if shape is not None and shape != self._current:
            self._end_section(ticks)
            self._current, self._begin = shape, ticks

    def _refer(self, header: bytes) -> None:
        own = header.removeprefix(self._headers.extradata)
        self.references = max(self.references, references(self._stream.codec_context.name, own))

    def largest(self, first: Shape) -> Shape:
        """The shape with the most pixels, which may be that of the first decoded frame."""
        shapes = [first, *(shape for shape in self._known.values() if shape is not None)]
        return max(shapes, key=lambda shape: shape.width * shape.height)

    def finish(self, first: Shape) -> Shapes:
        """The result, given the shape of the first decoded frame."""
        self._end_section(self._end)
        shapes = {shape for shape in self._known.values() if shape is not None} or {first}
        return Shapes(
            self._longest[0] if self._longest is not None else first,
            size_changes=len({(shape.width, shape.height) for shape in shapes}) > 1,
            aspect_changes=len({shape.aspect for shape in shapes}) > 1,
            sections=tuple(self._sections),
        )

    def _end_section(self, ticks: int) -> None:
        if self._current is None:
            return
        if len(self._sections) < _MAX_SECTIONS:
            self._sections.append((self._current, self._begin))
        if self._longest is None or ticks - self._begin > self._longest[1]:
            self._longest = self._current, ticks - self._begin

    def _shape(self, header: bytes, packet: av.Packet[Stream]) -> Shape | None:
        if not self._headers.only_keyframes:
            size = vp9_size(header)
            return Shape(*size, self._aspect or Fraction(1)) if size is not None else None
        context: Any = CodecContext.create(self._stream.codec_context.name, "r")
        context.extradata = self._headers.extradata or None
        context.options = DECODER_OPTIONS
        context.thread_count = 1
        try:
            frames = context.decode(packet) or context.decode(None)
        except av.error.FFmpegError:
            return None
        if not frames:
            return None
        return Shape(frames[0].width, frames[0].height, self._aspect or context.sample_aspect_ratio or Fraction(1))
