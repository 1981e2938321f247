"""Reads each recording of a joined file once before it is copied: its clock, its streams, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from fractions import Fraction
from itertools import count
from pathlib import Path
from typing import Any, Literal

import av
from av.container import InputContainer
from av.stream import Discard

from avflow.errors import InvalidMedia, InvalidMediaUnreadable
from avflow.media.clock.copying import SoundFormat
from avflow.media.clock.recordings import Recording
from avflow.media.clock.restarts import Timeline
from avflow.media.lengths.announced import Announced, announced
from avflow.media.lengths.truncation import Extent, extent
from avflow.media.model import Track
from avflow.media.notices import Notice
from avflow.media.opening import open_container
from avflow.media.scan import PacketClocks
from avflow.media.tracks.decodability import try_streams
from avflow.media.tracks.late import demuxed, has_late_streams
from avflow.media.tracks.rules import films, left_out
from avflow.progress import Meter

#: the position of a stream among those of its type: the same track in every recording
TrackKey = tuple[Literal["video", "audio"], int]
#: the most recordings that a notice names
_MOST_NUMBERS = 10


def streams_of(container: InputContainer) -> dict[TrackKey, Any]:
    """The streams of sound and picture that can be told apart, without cover art. All others are discarded."""
    found: dict[TrackKey, Any] = {}
    for kind, streams in (("video", films(list(container.streams.video))), ("audio", list(container.streams.audio))):
        numbers = count()
        found |= {(kind, next(numbers)): s for s in streams}  # type: ignore[misc]
    for stream in container.streams:
        if stream not in found.values() or stream.codec_context is None:
            stream.discard = Discard.all
    return found


def known(streams: dict[TrackKey, Any]) -> dict[TrackKey, Any]:
    """Those whose codec FFmpeg knows."""
    return {track: stream for track, stream in streams.items() if stream.codec_context is not None}


@dataclass(frozen=True)
class Part:
    """One recording: where it is, its clock, and how far the decoding timestamps of each stream run ahead."""

    recording: Recording
    container: str
    timeline: Timeline
    clocks: PacketClocks
    #: the audio streams of which something can be decoded
    sounds: dict[TrackKey, SoundFormat]
    #: indexes of the streams in the recording
    indexes: dict[TrackKey, int]
    #: why a stream can't be decoded
    undecodable: dict[TrackKey, str]
    #: indexes of the streams that have packets
    filled: set[int]
    extent: Extent
    #: as in `Decodability`
    error: type[InvalidMedia] = InvalidMediaUnreadable
    #: whether its streams are found only far from its start, and whether some begin even later
    far: bool = False
    lacking: bool = False

    @classmethod
    def survey(cls, source: Path, recording: Recording, meter: Meter) -> Part | None:
        """Read the timestamps of all packets. None if the recording can't be opened."""
        part, header = None, announced(source, recording)
        for far in (False, True):
            with suppress(av.error.FFmpegError), open_container(source, recording=recording, far=far) as container:
                part = cls._read(source, recording, container, meter, header, far=far)
            if part is None or not part.lacking:
                break
        return part

    @classmethod
    def _read(
        cls,
        source: Path,
        recording: Recording,
        container: InputContainer,
        meter: Meter,
        header: Announced,
        *,
        far: bool,
    ) -> Part:
        with open_container(source, recording=recording, far=far) as another:
            tried = try_streams(another)
        reasons = tried.undecodable
        clocks = PacketClocks(container)
        streams = streams_of(container)
        undecodable = {track: reasons[s.index] for track, s in streams.items() if s.index in reasons}
        silent = {s.index: track for track, s in streams.items() if track[0] == "audio" and track not in undecodable}
        sounds: dict[TrackKey, SoundFormat] = {}
        filled: set[int] = set()
        broken_off = False
        try:  # a damaged recording is copied as far as it goes
            for packet in demuxed(container, list(known(streams).values())):
                meter.tick()
                if packet.size:
                    broken_off = packet.is_corrupt
                    clocks.add(packet)
                    filled.add(packet.stream_index)
                if packet.stream_index in silent and (decoded := _decoded_format(packet)):
                    sounds[silent.pop(packet.stream_index)] = decoded
        except av.error.FFmpegError:
            broken_off = True
        timeline = clocks.timeline()
        found = Fraction((timeline.end or 0.0) - (timeline.start or 0.0))
        return cls(
            recording=recording,
            container=container.format.name,
            timeline=timeline,
            clocks=clocks,
            sounds=sounds,
            indexes={track: stream.index for track, stream in streams.items()},
            undecodable=undecodable,
            filled=filled,
            extent=extent(
                header,
                container,
                found,
                size=recording.size,
                broken_off=broken_off,
            ),
            error=tried.error,
            far=far,
            lacking=has_late_streams(container),
        )

    @property
    def start(self) -> float:
        """Seconds on the recording's one clock."""
        return self.timeline.start or 0.0

    @property
    def end(self) -> float:
        """Seconds on the recording's one clock."""
        return self.timeline.end or 0.0

    @property
    def seconds(self) -> float:
        """Length of the recording."""
        return self.end - self.start

    @property
    def seen(self) -> set[TrackKey]:
        """The video streams that have packets."""
        return {key for key, index in self.indexes.items() if key[0] == "video" and index in self.filled}

    @property
    def pictures(self) -> int:
        """Packets of all video streams."""
        return self.clocks.pictures

    def open(self, source: Path) -> InputContainer:
        """Open the recording, with all of its streams."""
        return open_container(source, recording=self.recording, far=self.far)


def _decoded_format(packet: Any) -> SoundFormat | None:
    """The format of the first frame in a packet of sound."""
    with suppress(av.error.FFmpegError):
        for frame in packet.decode():
            return SoundFormat(frame.sample_rate, frame.layout.name, frame.layout.nb_channels)
    return None


@dataclass(frozen=True)
class Streams:
    """The streams of all recordings together."""

    #: those of which the copy holds something
    copied: frozenset[TrackKey]
    #: the index of each in the upload: that in the first recording that has it
    numbers: dict[TrackKey, int]
    #: those that the copy lacks, and what the user should know
    left_out: tuple[Track, ...]
    notices: tuple[Notice, ...]

    @classmethod
    def of(cls, source: Path, parts: Sequence[Part]) -> Streams:
        """Put the streams of all recordings together.

        Raises
        ------
        InvalidMediaUnreadable
            None of them can be decoded.
        """
        numbers: dict[TrackKey, int] = {}
        taken: set[int] = set()
        for part in parts:
            for key, index in part.indexes.items():
                if key not in numbers:
                    numbers[key] = max(taken) + 1 if index in taken else index
                    taken.add(numbers[key])
        seen = {key for part in parts for key in part.seen}
        heard = {key for part in parts for key in part.sounds}
        faults = {key: reason for part in reversed(parts) for key, reason in part.undecodable.items()}
        copied = frozenset(seen | heard)
        notices = tuple(
            _undecodable(f"stream {numbers[key]} of {source.name}", key, reason, parts, copied)
            for key, reason in faults.items()
        )
        if not copied:
            error = next((part.error for part in parts if part.undecodable), InvalidMediaUnreadable)
            raise error(" ".join(notice.message for notice in notices) or f"{source.name} is empty")
        late = f"A stream of {source.name} begins so late that it was left out."
        if any(part.lacking for part in parts):
            notices += (Notice("StreamLate", late),)
        return cls(copied, numbers, _left_out(source, parts, copied, numbers, faults), notices)


def _undecodable(name: str, key: TrackKey, reason: str, parts: Sequence[Part], copied: frozenset[TrackKey]) -> Notice:
    kind = key[0].capitalize()
    stream = f"{kind} {name}"
    having = [part for part in parts if key in part.indexes]
    bad = [place for place, part in enumerate(parts, 1) if key in part.undecodable]
    if key in copied and len(bad) < len(having):
        which = ", ".join(map(str, bad[:_MOST_NUMBERS])) + (", …" if len(bad) > _MOST_NUMBERS else "")
        instead = "it is silent there" if key[0] == "audio" else "its pictures are missing there"
        message = f"{stream} can't be decoded in {len(bad)} of {len(parts)} recordings, number {which} ({reason})"
        return Notice(f"{kind}Undecodable", f"{message}: {instead}.")
    others = any(other[0] == key[0] for other in copied - {key})
    result = "another stream is used" if others else f"the result has no {key[0]}"
    return Notice(f"{kind}Undecodable", f"{stream} can't be decoded ({reason}): {result}.")


def _left_out(
    source: Path,
    parts: Sequence[Part],
    copied: frozenset[TrackKey],
    numbers: dict[TrackKey, int],
    faults: dict[TrackKey, str],
) -> tuple[Track, ...]:
    """The streams of the first recording that the copy lacks."""
    with parts[0].open(source) as container:
        keys = {stream.index: key for key, stream in streams_of(container).items()}
        lacking = [stream for stream in container.streams if keys.get(stream.index) not in copied]
        why = {index: f"it can't be decoded: {faults[key]}" for index, key in keys.items() if key in faults}
        return left_out(lacking, why)
