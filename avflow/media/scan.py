"""One pass over the packets of a file: it counts frames, measures timestamps and decodes one frame."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import av
from av.container import InputContainer
from av.stream import Discard, Stream

from avflow.media.clock.program_stream import FrameTimes, is_guessed
from avflow.media.clock.restarts import StreamClock, Timeline, timeline
from avflow.media.clock.timing import FrameClock, announced_rate
from avflow.media.containers import CLOCK_MAY_JUMP, PRESENTATION_TIMES_ONLY
from avflow.media.key_frames import KeyScan
from avflow.media.shapes.changes import ShapeScan
from avflow.media.tracks.late import demuxed

#: Matroska and others store no durations, and FFmpeg then gives all packets the same one. With this many different
#: durations of packets they are the file's own.
_DURATIONS = 2
#: seconds by which a frame may be presented after it is decoded: 16 frames at 4 frames per second
_MAX_REORDERING = 4.0
#: packets to decode before giving up on a stream that yields no frame
_MAX_PACKETS_WITHOUT_FRAME = 256


class VideoScan:
    """Collects facts about a video stream from its packets."""

    def __init__(self, stream: Any, *, joined: bool = False) -> None:
        self.stream = stream
        self.clock = FrameClock(stream.time_base)
        self.shapes = ShapeScan(stream, joined=joined)
        self.first_frame: av.VideoFrame | None = None
        #: whether every packet has a timestamp; raw streams have none
        self.timed = True
        self._decoded_packets = 0
        #: packets that the decoder rejected before it returned a frame
        self.rejected = 0
        #: the earliest presentation timestamp in ticks, if the container has one
        self._first_pts: int | None = None
        #: presentation timestamp and duration of the last frame, in ticks
        self._last, self._last_duration = -(2**63), 0
        self._durations: set[int] = set()

    def add(self, packet: av.Packet[Stream]) -> None:
        """Count one packet. Decode it if no frame has been decoded yet."""
        if self.first_frame is None and self._decoded_packets < _MAX_PACKETS_WITHOUT_FRAME:
            self._decode(packet)
        if packet.is_discard or packet.size == 0:
            return
        if packet.pts is not None and self.clock.count == 0:
            self._first_pts = packet.pts if self._first_pts is None else min(self._first_pts, packet.pts)
        ticks = packet.pts if packet.pts is not None else packet.dts
        if ticks is None:
            self.timed = False
            ticks = self.clock.count
        self.shapes.add(packet, ticks if self.timed else None)
        self.clock.add(ticks)
        if ticks >= self._last:
            self._last, self._last_duration = ticks, packet.duration or 0
        if len(self._durations) < _DURATIONS:
            self._durations.add(packet.duration or 0)

    def finish(self) -> None:
        """Process the frames that are still held back. Call it after the last packet."""
        if len(self._durations) < _DURATIONS:  # the same for all: a guess of the demuxer
            self._last_duration = 0
        self.clock.finish(self._last_duration)
        if self.first_frame is None:
            self._decode(None)

    def _decode(self, packet: av.Packet[Stream] | None) -> None:
        self._decoded_packets += 1
        try:
            frames = self.stream.codec_context.decode(packet)
        except av.error.FFmpegError:
            self.rejected += 1
            return
        self.first_frame = next(iter(frames), None)

    @property
    def start_time(self) -> float:
        """Timestamp in seconds of the first frame, decodable or not; 0 if the container has no usable timestamps."""
        if not self._has_timestamps or self.first_frame is None:
            return 0.0
        ticks = self.first_frame.pts if self.first_frame.pts is not None else self.clock.first
        return round(float(ticks * self.stream.time_base) - self.lead, 6)

    @property
    def lead(self) -> float:
        """Seconds from the first frame to the first decodable frame; 0 if the container has no usable timestamps."""
        first_frame, first_pts = self.first_frame, self._first_pts
        if not self._has_timestamps or first_pts is None or first_frame is None or first_frame.pts is None:
            return 0.0
        return round(max(0.0, float((first_frame.pts - first_pts) * self.stream.time_base)), 6)

    @property
    def _has_timestamps(self) -> bool:
        """Whether frames have timestamps of their own.

        In AVI, video always starts together with the audio, and the demuxer only guesses the timestamps of codecs
        with reordered frames.
        """
        return self.timed and self.stream.container.format.name != "avi"

    @property
    def span(self) -> tuple[Fraction, Fraction] | None:
        """Start of the first frame and end of the last frame, in seconds; None without frames."""
        if not self.clock.count:
            return None
        base = self.stream.time_base
        if not self.timed or self.clock.average is None:
            rate = announced_rate((self.stream.guessed_rate or Fraction(0), self.stream.average_rate or Fraction(0)))
            start = Fraction(self.clock.first * base) if self.timed else Fraction(0)
            return start, start + self.clock.count / rate
        shown = max(1 / self.clock.nominal(()), self._last_duration * base)
        return self.clock.first * base, self.clock.last * base + shown


class AudioScan:
    """Collects facts about an audio stream from its packets."""

    def __init__(self, stream: Any) -> None:
        self.stream = stream
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
        self._first = ticks if self._first is None else min(self._first, ticks)
        self._end = max(self._end, ticks + length)

    @property
    def samples(self) -> int:
        """The samples of all channels together."""
        context, ticks = self.stream.codec_context, max(self._length, self._end - (self._first or 0))
        return int(ticks * self.stream.time_base * (context.sample_rate or 0) * context.layout.nb_channels)

    @property
    def _start(self) -> int:
        """Start of the audio in ticks. Players skip the encoder's priming samples before it."""
        first = self._first or 0
        announced = self.stream.start_time
        return max(first, announced) if announced is not None else first

    @property
    def start_time(self) -> float:
        """Timestamp in seconds of the first packet."""
        return round(float(self._start * self.stream.time_base), 6)

    @property
    def span(self) -> tuple[Fraction, Fraction] | None:
        """Start and end of the audio in seconds; None without packets."""
        if not self.count:
            return None
        base = self.stream.time_base
        end = self._end if self._first is not None else self._length
        return self._start * base, end * base


class ClockUnusable(Exception):
    """`avflow.media.clock.joining` has to put the file on one clock first.

    Parameters
    ----------
    restarts:
        Whether the clock starts again. Otherwise frames share a timestamp.
    """

    def __init__(self, *, restarts: bool) -> None:
        super().__init__("the clock starts again" if restarts else "frames share a timestamp")
        self.restarts = restarts


def plausible_pts(pts: float, dts: float | None) -> float:
    """A presentation timestamp in seconds, or the decoding timestamp if the two are further apart than any reordering.

    Where the clock of a program stream is set, FFmpeg gives the last frame before it a timestamp from after it.
    """
    return pts if dts is None or abs(pts - dts) <= _MAX_REORDERING else dts


@dataclass(frozen=True)
class Reordering:
    """How the timestamps of a stream have to be repaired in a copy."""

    index: int
    #: seconds by which a decoding timestamp is later than a presentation timestamp after it
    lag: float
    #: as in `FrameTimes`
    late: frozenset[int]


class PacketClocks:
    """Watches the clocks of all streams of a container for restarts."""

    def __init__(self, container: InputContainer) -> None:
        name = container.format.name
        self._decoding_times = name not in PRESENTATION_TIMES_ONLY
        self._forward_alone = name in CLOCK_MAY_JUMP
        self._clocks: dict[int, StreamClock] = {}
        self._position = 0
        #: seconds of a tick, and whether it has pictures, of each stream
        self._facts: dict[int, tuple[float, bool]] = {}
        self._highest: dict[int, float] = {}
        self._lag: dict[int, float] = {}
        self._times = {s.index: FrameTimes(s) for s in container.streams.video if is_guessed(s)}
        #: packets of video streams
        self.pictures = 0

    def add(self, packet: av.Packet[Stream]) -> None:
        """Watch the next packet of the file."""
        index = packet.stream_index
        facts = self._facts.get(index)
        if facts is None:
            facts = self._facts[index] = (float(packet.time_base), packet.stream.type == "video")
        base, is_video = facts
        self.pictures += is_video
        self._position += 1
        ticks = packet.pts if packet.pts is not None else packet.dts
        if ticks is None:
            return
        clock = self._clocks.get(index)
        if clock is None:
            decoding_times = self._decoding_times or not is_video
            clock = self._clocks[index] = StreamClock(decoding_times=decoding_times)
        pts, duration = ticks * base, (packet.duration or 0) * base
        dts = None if packet.dts is None else packet.dts * base
        if index in self._times and packet.dts is not None:
            self._times[index].note(packet.dts, packet.duration or 0)
        pts = plausible_pts(pts, dts)
        runs = len(clock.runs)
        clock.add(self._position, dts, pts, duration, shown=not packet.is_discard)
        if is_video:
            decoded = pts if dts is None else dts
            again = len(clock.runs) > runs
            self._highest[index] = decoded if again else max(decoded, self._highest.get(index, decoded))
            self._lag[index] = max(self._lag.get(index, 0.0), self._highest[index] - pts)

    def reordering(self, stream: Any) -> Reordering:
        """What the copy of a video stream has to know about its timestamps."""
        times = self._times.get(stream.index)
        return Reordering(stream.index, self._lag.get(stream.index, 0.0), frozenset(times.late if times else ()))

    def timeline(self) -> Timeline:
        """All streams on one clock."""
        return timeline(self._clocks, forward_alone=self._forward_alone)


def scan_packets(
    container: InputContainer, video: VideoScan | None, audio: AudioScan | None, keys: KeyScan | None = None
) -> bool:
    """Feed every packet of the chosen streams to the scans, and those of the video stream to `keys`.

    Returns
    -------
    Whether the file breaks off: its last packet is incomplete, or the demuxer can't read on. FFmpeg's commands and
    `VideoReader` stop at the same packet.

    Raises
    ------
    ClockUnusable
        The file consists of recordings with clocks of their own, so that the scans mean nothing, or frames of a program
        stream have the timestamps of their neighbours.
    """
    scans = {scan.stream.index: scan for scan in (video, audio) if scan is not None}
    for stream in container.streams:
        if stream.index not in scans:
            stream.discard = Discard.all
    broken_off, clocks = False, PacketClocks(container)
    if keys is not None and video is not None:
        keys.begin(video.stream)
    try:
        for packet in demuxed(container, [scan.stream for scan in scans.values()]):
            if packet.size:
                broken_off = packet.is_corrupt
                clocks.add(packet)
                scans[packet.stream_index].add(packet)
                if keys is not None and video is not None and packet.stream_index == video.stream.index:
                    keys.add(packet)
    except av.error.FFmpegError:
        broken_off = True
    if clocks.timeline().restarts:
        raise ClockUnusable(restarts=True)
    if video is not None:
        video.finish()
        if container.format.name == "mpeg" and video.timed and video.clock.repeats:
            raise ClockUnusable(restarts=False)
    return broken_off
