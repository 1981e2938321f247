"""One pass over the packets of a file: counts, times and one decoded picture."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import av
from av.container import InputContainer
from av.stream import Discard, Stream

from avflow.media.containers import CLOCK_MAY_JUMP
from avflow.media.timing import FrameClock, Joints, announced_rate

#: packets after which a stream that still gave no picture is given up
_MOST_PACKETS_WITHOUT_PICTURE = 256


class VideoScan:
    """What the packets of a video stream tell."""

    def __init__(self, stream: Any) -> None:
        self.stream = stream
        self.clock = FrameClock(stream.time_base)
        self.joints = _joints(stream)
        self.first_frame: av.VideoFrame | None = None
        #: whether every packet has a timestamp; raw streams have none
        self.timed = True
        self._tries = 0
        #: packets that the decoder refused before it gave a picture
        self.refused = 0
        #: ticks at which the earliest picture is shown, as far as the container says so
        self._first: int | None = None

    def add(self, packet: av.Packet[Stream]) -> None:
        """Count one packet, and decode it while no picture has come out yet."""
        if self.first_frame is None and self._tries < _MOST_PACKETS_WITHOUT_PICTURE:
            self._decode(packet)
        if packet.is_discard or packet.size == 0:
            return
        if packet.pts is not None and self.clock.count == 0:
            self._first = packet.pts if self._first is None else min(self._first, packet.pts)
        ticks = packet.pts if packet.pts is not None else packet.dts
        if ticks is None:
            self.timed = False
            ticks = self.clock.count
        if self.joints is not None:
            self.joints.add(packet.dts, packet.duration or 0)
            ticks += self.joints.offset
        self.clock.add(ticks)

    def finish(self) -> None:
        """To be called after the last packet."""
        self.clock.finish()
        if self.first_frame is None:
            self._decode(None)

    def _decode(self, packet: av.Packet[Stream] | None) -> None:
        self._tries += 1
        try:
            frames = self.stream.codec_context.decode(packet)
        except av.error.FFmpegError:
            self.refused += 1
            return
        self.first_frame = next(iter(frames), None)

    @property
    def start_time(self) -> float:
        """Seconds at which the first picture is shown, whether it can be decoded or not; 0 where no time is told."""
        if not self._tells_time or self.first_frame is None:
            return 0.0
        ticks = self.first_frame.pts if self.first_frame.pts is not None else self.clock.first
        return round(float(ticks * self.stream.time_base) - self.lead, 6)

    @property
    def lead(self) -> float:
        """Seconds from the first picture to the first one that can be decoded; 0 where no time is told."""
        if not self._tells_time or self._first is None or self.first_frame is None or self.first_frame.pts is None:
            return 0.0
        return round(max(0.0, float((self.first_frame.pts - self._first) * self.stream.time_base)), 6)

    @property
    def _tells_time(self) -> bool:
        """Whether pictures have a time of their own.

        In AVI they begin with the sound, and what a demuxer adds for a codec that
        reorders pictures is a guess.
        """
        return self.timed and self.stream.container.format.name != "avi"

    @property
    def span(self) -> tuple[Fraction, Fraction] | None:
        """Seconds at which the first frame is shown and the last one ends."""
        if not self.clock.count:
            return None
        base = self.stream.time_base
        if not self.timed or self.clock.average is None:
            rate = announced_rate((self.stream.guessed_rate or Fraction(0), self.stream.average_rate or Fraction(0)))
            start = Fraction(self.clock.first * base) if self.timed else Fraction(0)
            return start, start + self.clock.count / rate
        return self.clock.first * base, self.clock.last * base + 1 / self.clock.nominal(())


class AudioScan:
    """What the packets of an audio stream tell."""

    def __init__(self, stream: Any) -> None:
        self.stream = stream
        self.joints = _joints(stream)
        self.count = 0
        self._first: int | None = None
        self._end = 0
        self._length = 0

    def add(self, packet: av.Packet[Stream]) -> None:
        """Count one packet."""
        if packet.is_discard or packet.size == 0:
            return
        self.count += 1
        length = packet.duration or 0
        self._length += length
        ticks = packet.pts if packet.pts is not None else packet.dts
        if ticks is None:
            return
        if self.joints is not None:
            self.joints.add(packet.dts, length)
            ticks += self.joints.offset
        self._first = ticks if self._first is None else min(self._first, ticks)
        self._end = max(self._end, ticks + length)

    @property
    def _start(self) -> int:
        """Ticks at which sound begins; the encoder's priming samples before that are not heard."""
        first = self._first or 0
        announced = self.stream.start_time
        return max(first, announced) if announced is not None else first

    @property
    def start_time(self) -> float:
        """Seconds at which the first packet is heard."""
        return round(float(self._start * self.stream.time_base), 6)

    @property
    def span(self) -> tuple[Fraction, Fraction] | None:
        """Seconds at which the sound begins and ends."""
        if not self.count:
            return None
        base = self.stream.time_base
        end = self._end if self._first is not None else self._length
        return self._start * base, end * base


def _joints(stream: Any) -> Joints | None:
    return Joints(stream.time_base) if stream.container.format.name in CLOCK_MAY_JUMP else None


def scan_packets(container: InputContainer, pictures: VideoScan | None, sounds: AudioScan | None) -> bool:
    """Feed every packet of the chosen streams to the scans.

    Returns
    -------
    Whether the last packet is whole.

    Raises
    ------
    av.error.FFmpegError
        The demuxer can't go on.
    """
    scans = {scan.stream.index: scan for scan in (pictures, sounds) if scan is not None}
    for stream in container.streams:
        if stream.index not in scans:
            stream.discard = Discard.all
    complete = True
    for packet in container.demux([scan.stream for scan in scans.values()]):
        if packet.size:
            complete = not packet.is_corrupt
            scans[packet.stream_index].add(packet)
    if pictures is not None:
        pictures.finish()
    return complete
