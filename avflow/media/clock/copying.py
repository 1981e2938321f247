"""The streams that `avflow.media.clock.joining` writes: pictures are copied, sound is decoded and encoded."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.bitstream import BitStreamFilterContext
from av.container import OutputContainer

from avflow.errors import InvalidMediaOutOfProportion, InvalidMediaUnreadable
from avflow.media.clock.program_stream import FrameTimes, is_guessed
from avflow.media.clock.restarts import Timeline
from avflow.media.scan import Reordering

#: sound is moved to its timestamp if it is further away than this many seconds; less is jitter
_MOVE = 0.01
#: largest number of channels in FLAC
_MAX_FLAC_CHANNELS = 8
#: samples of silence that are written at once
_SILENCE = 48_000
#: Codecs whose parameters follow in the stream, once a filter has put them there. Any other codec must keep its own.
_TO_IN_BAND = {"h264": "h264_mp4toannexb", "hevc": "hevc_mp4toannexb", "mpeg4": "dump_extra=freq=keyframe"}


#: what H.264 and HEVC begin with where the parameters are in the stream (ITU-T H.264, annex B)
_START_CODE = b"\x00\x00"


#: Bytes of a codec's header; one has some hundred. Muxers count the parameter sets in it with 16 bits (CVE-2026-75141).
_MAX_HEADER_BYTES = 1 << 16


@dataclass
class Offsets:
    """The seconds to add to the timestamps of a stream's packets, in their order."""

    timeline: Timeline
    shift: float
    reordering: Reordering
    _number: int = 0
    _passed: int = 0

    def next(self) -> float:
        """The offset of the next packet."""
        offsets = self.timeline.offsets.get(self.reordering.index, [])
        while self._passed < len(offsets) and offsets[self._passed].number <= self._number:
            self._passed += 1
        self._number += 1
        return self.shift + (offsets[self._passed - 1].seconds if self._passed else 0.0)


class Pictures:
    """A video stream of the copy."""

    def __init__(self, output: OutputContainer, template: Any) -> None:
        self._output = output
        self.codec, self._private = template.codec_context.name, template.codec_context.extradata
        if len(self._private or b"") > _MAX_HEADER_BYTES:
            raise InvalidMediaOutOfProportion(f"the header of a video stream has {len(self._private or b'')} bytes")
        self._stream: Any = output.add_stream_from_template(template, opaque=True)
        self._last: int | None = None
        self._filter: BitStreamFilterContext | None = None
        self._begun = self._guessed = False
        self._times: FrameTimes | None = None
        self.packets = 0
        #: packets that are too damaged to be copied
        self.lost = 0
        #: how far the copy has come
        self.seconds = 0.0

    def require_same_codec(self, stream: Any, source: Path) -> None:
        """Refuse a recording that this track can't hold."""
        codec, private = stream.codec_context.name, stream.codec_context.extradata
        fits = codec == self.codec and (codec in _TO_IN_BAND or not private or private == self._private)
        if not fits:
            raise InvalidMediaUnreadable(
                f"{source.name} consists of recordings in different video formats ({self.codec}, {codec}): "
                "they can't be joined. Upload each recording as a file of its own, or join them with a conversion "
                "(for example `ffmpeg -i 1 -i 2 -filter_complex concat=v=1:a=1 out.mp4`)"
            )

    @property
    def index(self) -> int:
        """The index of the stream in the copy."""
        return int(self._stream.index)

    def begin(self, stream: Any) -> None:
        """Prepare for the packets of the next recording."""
        name = _TO_IN_BAND.get(self.codec)
        private = stream.codec_context.extradata
        if name is not None and private and not private.startswith(_START_CODE):
            self._filter = BitStreamFilterContext(name, stream, None if self._begun else self._stream)
        self._begun = True
        self._source, self._guessed, self._times = stream, is_guessed(stream), None

    def add(self, packet: Any, offsets: Offsets) -> None:
        """Copy one packet; an empty one writes those that were held back."""
        if not self._guessed:
            self._copy(packet, offsets)
            return
        if self._times is None:
            self._times = FrameTimes(self._source, offsets.reordering.late)
        for known in self._times.repaired(packet) if packet.size else self._times.flush():
            self._copy(known, offsets)

    def _copy(self, packet: Any, offsets: Offsets) -> None:
        if packet.size:
            self._place(packet, offsets.next(), offsets.reordering.lag)
        for filtered in self._filtered(packet):
            if filtered.size:
                filtered.stream = self._stream
                self._output.mux_one(filtered)
                self.packets += 1

    def _filtered(self, packet: Any) -> list[Any]:
        if self._filter is None:
            return [packet]
        try:
            return list(self._filter.filter(packet if packet.size else None))
        except av.error.InvalidDataError:  # such as the last packet of a recording that is cut
            self.lost += 1
            return []

    def _place(self, packet: Any, seconds: float, lag: float) -> None:
        """Move a packet. Its decoding timestamp never decreases, and is not later than its presentation timestamp."""
        moved = round(seconds / packet.time_base)
        pts = packet.pts if packet.pts is not None else packet.dts
        dts = packet.dts if packet.dts is not None else pts
        if pts is None:
            pts = dts = 0 if self._last is None else self._last + 1
            moved = 0
        dts += moved - round(lag / packet.time_base)
        packet.pts = pts + moved
        self.seconds = float(packet.pts * packet.time_base)
        packet.dts = min(packet.pts, dts if self._last is None else max(dts, self._last))
        self._last = packet.dts

    def finish(self) -> None:
        """Nothing is held back."""


@dataclass(frozen=True)
class SoundFormat:
    """What the decoder of an audio stream returns."""

    rate: int
    layout: str
    channels: int


class Sound:
    """An audio stream of the copy: the decoded samples of one stream, at their times, without gaps."""

    def __init__(self, output: OutputContainer, template: Any, decoded: SoundFormat) -> None:
        self._output, self._decoded, self._rate = output, decoded, decoded.rate
        flac = decoded.channels <= _MAX_FLAC_CHANNELS
        self._format = "s32" if flac else "flt"
        self._stream: Any = output.add_stream("flac" if flac else "pcm_f32le", rate=decoded.rate)
        self._stream.codec_context.layout = decoded.layout
        self._stream.codec_context.format = self._format
        self._stream.metadata.update(template.metadata)
        self._stream.disposition = template.disposition
        self._decoder: Any = None
        self._resampler: Any = None
        self._input: tuple[Any, ...] | None = None
        #: position in samples of the next sample; None before the first
        self._next: int | None = None
        self._offset = 0.0

    @property
    def index(self) -> int:
        """The index of the stream in the copy."""
        return int(self._stream.index)

    def begin(self, stream: Any) -> None:
        """Prepare for the packets of the next recording, which may have another codec."""
        self._decoder = stream.codec_context

    def add(self, packet: Any, offsets: Offsets) -> None:
        """Decode one packet; an empty one flushes the decoder. Damaged packets become silence."""
        offset = offsets.next() if packet.size else self._offset
        self._offset = offset
        try:
            frames = self._decoder.decode(packet if packet.size else None)
        except av.error.FFmpegError:
            return
        for frame in frames:
            start = None if frame.pts is None else float(frame.pts * frame.time_base) + offset
            for samples in self._resampled(frame):
                self._write(samples.to_ndarray(), start)
                start = None

    def _resampled(self, frame: Any) -> Any:
        """The samples of a frame in the format of the copy. A broadcast may change its own format in the middle."""
        setup = (frame.format.name, frame.layout.name, frame.sample_rate)
        if setup != self._input:
            self._input = setup
            self._resampler = av.AudioResampler(self._format, self._decoded.layout, self._rate)
        return self._resampler.resample(frame)

    def _write(self, samples: Any, start: float | None) -> None:
        """Encode interleaved samples, shape (1, samples times channels), that are heard at `start` seconds."""
        wanted = None if start is None else round(start * self._rate)
        if self._next is None:
            self._next = wanted or 0
        elif wanted is not None and wanted - self._next > _MOVE * self._rate:
            self._silence(wanted - self._next)
        elif wanted is not None and self._next - wanted > _MOVE * self._rate:
            samples = samples[:, (self._next - wanted) * self._decoded.channels :]
        if samples.shape[1]:
            self._encode(samples)

    def _silence(self, length: int) -> None:
        while length > 0:
            part = min(length, _SILENCE)
            self._encode(
                np.zeros((1, part * self._decoded.channels), np.int32 if self._format == "s32" else np.float32)
            )
            length -= part

    def _encode(self, samples: Any) -> None:
        frame = av.AudioFrame.from_ndarray(
            np.ascontiguousarray(samples), format=self._format, layout=self._decoded.layout
        )
        frame.sample_rate, frame.time_base = self._rate, Fraction(1, self._rate)
        frame.pts = self._next
        self._next = (self._next or 0) + frame.samples
        self._output.mux(self._stream.encode(frame))

    @property
    def seconds(self) -> float:
        """How far the copy has come."""
        return (self._next or 0) / self._rate

    def finish(self) -> None:
        """Write what the encoder holds back."""
        if self._next is not None:
            self._output.mux(self._stream.encode(None))
