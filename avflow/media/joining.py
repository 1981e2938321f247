"""Copies the recordings of a joined file into one Matroska file with one clock.

Pictures are copied packet by packet. Sound is decoded and stored as FLAC, because the parameters of its codec may
change from one recording to the next, and because its place is then exact to the sample.
"""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from typing import Any, Literal

import av
from av.container import InputContainer, OutputContainer
from av.stream import Discard, Disposition

from avflow.errors import FFmpegFailed, FrameCountMismatch, InvalidMediaUnreadable, ScratchFull
from avflow.media.containers import file_url
from avflow.media.copying import Offsets, Pictures, Sound, SoundFormat
from avflow.media.late import demuxed
from avflow.media.model import Media
from avflow.media.probing import open_container, probe
from avflow.media.recordings import Recording, find_recordings
from avflow.media.restarts import Timeline
from avflow.media.scan import ClockUnusable, PacketClocks
from avflow.progress import Meter, Report, ignore

#: the position of a stream among those of its type: the same track in every recording
_Track = tuple[Literal["video", "audio"], int]


def is_appended(source: Path) -> bool:
    """Whether a file consists of several complete files, one after another."""
    return len(find_recordings(source)) > 1


def on_one_clock(source: Path, copy: Path, *, audio_track: str = "", report: Report = ignore) -> tuple[Path, Media]:
    """The file that the later steps read, and its description: `source` itself, or `copy` if it has to be joined.

    The description names the container and size of `source` in either case. `audio_track` is that of
    `avflow.media.probe`.

    Raises
    ------
    InvalidMedia
        As `avflow.media.probe`, and as `join`.
    FFmpegFailed, ScratchFull, FrameCountMismatch
    """
    joined = is_appended(source)
    if not joined:
        try:
            return source, probe(source, audio_track=audio_track, report=report)
        except ClockUnusable as unusable:
            joined = unusable.restarts
    container = join(source, copy, report=report)
    media = probe(copy, joined=joined, audio_track=audio_track, report=report)
    return copy, replace(media, container=container, size=source.stat().st_size)


def join(source: Path, target: Path, *, report: Report = ignore) -> str:
    """Write `target`, Matroska, with all recordings of `source` on one clock.

    At each restart of the clock all streams move together, so that sound and picture stay in sync.

    Returns
    -------
    FFmpeg's name of the demuxer of `source`.

    Raises
    ------
    InvalidMediaUnreadable
        No recording can be read, or two recordings have pictures of different codecs.
    FFmpegFailed, ScratchFull
    FrameCountMismatch
        The copy lacks packets of the source.
    """
    surveying = Meter("join", None, "seconds", report)
    parts = [_Part.survey(source, recording, surveying) for recording in find_recordings(source)]
    readable = [part for part in parts if part is not None and part.timeline.start is not None]
    if not readable:
        raise InvalidMediaUnreadable(f"{source.name} consists of recordings of which none can be read")
    total = sum(part.seconds for part in readable)
    meter = Meter("join", total, "seconds", report)
    with _errors(target), _output(target, source, readable) as tracks:
        end = 0.0
        for part in readable:
            shift = end - part.start
            part.copy(source, tracks, shift, meter)
            end = part.end + shift
        for track in tracks.values():
            track.finish()
    copied = sum(track.packets for track in tracks.values() if isinstance(track, Pictures))
    expected = sum(part.pictures for part in readable)
    if copied != expected:
        target.unlink()
        raise FrameCountMismatch(f"{source.name} has {expected} pictures in {len(readable)} recordings, but {copied}")
    return readable[0].container


def _streams(container: InputContainer) -> dict[_Track, Any]:
    """The streams of sound and picture that can be told apart, without cover art."""
    found: dict[_Track, Any] = {}
    videos = [s for s in container.streams.video if not s.disposition & Disposition.attached_pic]
    for kind, streams in (("video", videos), ("audio", list(container.streams.audio))):
        numbers = count()
        found |= {(kind, next(numbers)): s for s in streams if s.codec_context is not None}  # type: ignore[misc]
    for stream in container.streams:
        if stream not in found.values():
            stream.discard = Discard.all
    return found


@dataclass(frozen=True)
class _Part:
    """One recording: where it is, its clock, and how far the decoding timestamps of each stream run ahead."""

    recording: Recording
    container: str
    timeline: Timeline
    clocks: PacketClocks
    #: the audio streams of which something can be decoded
    sounds: dict[_Track, SoundFormat]

    @classmethod
    def survey(cls, source: Path, recording: Recording, meter: Meter) -> _Part | None:
        """Read the timestamps of all packets. None if the recording can't be opened."""
        with suppress(av.error.FFmpegError), open_container(source, recording=recording) as container:
            clocks = PacketClocks(container)
            streams = _streams(container)
            silent = {stream.index: track for track, stream in streams.items() if track[0] == "audio"}
            sounds: dict[_Track, SoundFormat] = {}
            with suppress(av.error.FFmpegError):  # a damaged recording is copied as far as it goes
                for packet in demuxed(container, list(streams.values())):
                    meter.tick()
                    if packet.size:
                        clocks.add(packet)
                    if packet.stream_index in silent and (decoded := _decoded_format(packet)):
                        sounds[silent.pop(packet.stream_index)] = decoded
            return cls(recording, container.format.name, clocks.timeline(), clocks, sounds)
        return None

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
    def pictures(self) -> int:
        """Packets of all video streams."""
        return self.clocks.pictures

    def copy(self, source: Path, tracks: dict[_Track, Pictures | Sound], shift: float, meter: Meter) -> None:
        """Copy all packets, each moved by `shift` seconds and by the offset of the recording's clock."""
        with open_container(source, recording=self.recording) as container:
            streams = _streams(container)
            placed = {
                stream.index: (tracks[track], Offsets(self.timeline, shift, self.clocks.reordering(stream)))
                for track, stream in streams.items()
                if track in tracks
            }
            for track, stream in streams.items():
                if track in tracks:
                    tracks[track].begin(stream)
            with suppress(av.error.FFmpegError):
                packets = demuxed(container, list(streams.values()))
                while (packet := next(packets, None)) is not None:
                    if packet.stream_index in placed:
                        track_, offsets = placed[packet.stream_index]
                        with _ours():
                            track_.add(packet, offsets)
                        meter.update(track_.seconds)


def _decoded_format(packet: Any) -> SoundFormat | None:
    """The format of the first frame in a packet of sound."""
    with suppress(av.error.FFmpegError):
        for frame in packet.decode():
            return SoundFormat(frame.sample_rate, frame.layout.name, frame.layout.nb_channels)
    return None


class _CopyFailed(Exception):
    """Carries a failure of the copy out of the code that ignores failures of the source."""


@contextmanager
def _ours() -> Iterator[None]:
    try:
        yield
    except av.error.FFmpegError as error:
        raise _CopyFailed from error


@contextmanager
def _errors(target: Path) -> Iterator[None]:
    """Turn errors of the muxer into ours, and leave no incomplete file behind."""
    try:
        yield
    except (_CopyFailed, av.error.FFmpegError) as failure:
        target.unlink(missing_ok=True)
        error = failure.__cause__ if isinstance(failure, _CopyFailed) else failure
        assert isinstance(error, av.error.FFmpegError)
        if error.errno in (errno.ENOSPC, errno.EFBIG, errno.EDQUOT):
            raise ScratchFull(f"no space is left to write {target.name}: {error.strerror}") from error
        raise FFmpegFailed(f"the recordings can't be joined in {target.name}: {error.strerror}") from error
    except BaseException:
        target.unlink(missing_ok=True)
        raise


@contextmanager
def _output(target: Path, source: Path, parts: list[_Part]) -> Iterator[dict[_Track, Pictures | Sound]]:
    """The streams of the copy: Matroska, or NUT for the codecs that Matroska has no name for."""
    for kind in ("matroska", "nut"):
        with av.open(file_url(target), "w", format=kind) as output:
            try:
                tracks = _tracks(output, source, parts)
            except ValueError:  # PyAV: the format does not support the codec
                continue
            yield tracks
            return
    raise InvalidMediaUnreadable(
        f"{source.name} consists of several recordings, which can't be joined: no container holds their codec"
    )


def _tracks(output: OutputContainer, source: Path, parts: list[_Part]) -> dict[_Track, Pictures | Sound]:
    """The streams of the copy: those of the first recording, and those that only a later one has."""
    tracks: dict[_Track, Pictures | Sound] = {}
    for part in parts:
        with open_container(source, recording=part.recording) as container:
            for track, stream in _streams(container).items():
                known = tracks.get(track)
                if known is None and track[0] == "video":
                    tracks[track] = Pictures(output, stream)
                elif known is None and track in part.sounds:
                    tracks[track] = Sound(output, stream, part.sounds[track])
                elif isinstance(known, Pictures):
                    known.require_same_codec(stream, source)
    return tracks
