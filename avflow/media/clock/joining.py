"""Copies the recordings of a joined file into one Matroska file with one clock.

Pictures are copied packet by packet. Sound is decoded and stored as FLAC, because the parameters of its codec may
change from one recording to the next, and because its place is then exact to the sample.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

import av
from av.container import OutputContainer

from avflow.errors import (
    DISK_FULL,
    FFmpegFailed,
    FrameCountMismatch,
    InvalidMediaDamaged,
    InvalidMediaUnreadable,
    ScratchFull,
)
from avflow.media.clock.copying import Offsets, Pictures, Sound
from avflow.media.clock.foreign import without_foreign
from avflow.media.clock.origin import Origin
from avflow.media.clock.recordings import find_recordings
from avflow.media.clock.surveying import Part, Streams, TrackKey, known, streams_of
from avflow.media.containers import file_url
from avflow.media.key_frames import KeyScan
from avflow.media.lengths.truncation import Truncation, judge
from avflow.media.model import Media, Track
from avflow.media.notices import Notice
from avflow.media.patience import limited
from avflow.media.probing import probe
from avflow.media.scan import ClockUnusable
from avflow.media.tracks.late import demuxed
from avflow.progress import Meter, Report, ignore

#: what libavformat says of packets that a container can't hold, such as those whose times go back
_NOT_STORABLE = (av.error.ArgumentError, av.error.InvalidDataError)


@dataclass(frozen=True)
class Joined:
    """What the copy can't tell about its upload."""

    #: FFmpeg's name of the demuxer
    container: str
    origin: Origin
    truncation: Truncation
    notices: tuple[Notice, ...]
    #: the streams that the copy lacks
    left_out: tuple[Track, ...]


def is_appended(source: Path) -> bool:
    """Whether a file consists of several complete files of one kind, one after another."""
    with limited(source):
        return len(find_recordings(source)) > 1


def on_one_clock(
    source: Path, copy: Path, *, audio_track: str = "", keys: KeyScan | None = None, report: Report = ignore
) -> tuple[Path, Media]:
    """The file that the later steps read, and its description: `source` itself, or `copy` if it has to be joined.

    The description names the container and size of `source` in either case. `audio_track` and
    `keys` are those of `avflow.media.probe`.

    Raises
    ------
    InvalidMedia
        As `avflow.media.probe`, and as `join`.
    FFmpegFailed, ScratchFull, FrameCountMismatch
    """
    with limited(source):  # together, and in the probe too
        recordings, behind = without_foreign(source, find_recordings(source))
        restarts = len(recordings) > 1
        if not restarts:
            try:
                media = probe(source, end=recordings[0].end, audio_track=audio_track, keys=keys, report=report)
                return source, media.noting(*behind)
            except ClockUnusable as unusable:
                restarts = unusable.restarts
    joined = join(source, copy, report=report)
    origin = replace(joined.origin, continuous=not restarts)
    try:
        media = probe(copy, origin=origin, audio_track=audio_track, keys=keys, report=report)
    except ClockUnusable as unusable:
        raise InvalidMediaDamaged(
            f"{source.name} has no usable clock: in its joined copy too, {unusable}"
        ) from unusable
    cut = joined.truncation
    return copy, replace(
        media,
        container=joined.container,
        size=source.stat().st_size,
        truncated=cut.truncated,
        announced_seconds=cut.announced_seconds,
        notices=(*cut.notices, *joined.notices, *media.notices, *behind),
        tracks=tuple(sorted((*media.tracks, *joined.left_out), key=lambda track: track.index)),
    )


def join(source: Path, target: Path, *, report: Report = ignore) -> Joined:
    """Write `target`, Matroska, with all recordings of `source` on one clock.

    At each restart of the clock all streams move together, so that sound and picture stay in sync.

    Raises
    ------
    InvalidMediaUnreadable
        Nothing of any recording can be decoded, or two recordings have pictures of different codecs.
    InvalidMediaTruncated
        The recordings together hold less than half of what they announce.
    FFmpegFailed, ScratchFull
    FrameCountMismatch
        The copy lacks packets of the source.
    """
    surveying = Meter("join", None, "seconds", report)
    with limited(source):
        recordings, _ = without_foreign(source, find_recordings(source))
        parts = [Part.survey(source, recording, surveying) for recording in recordings]
    readable = [part for part in parts if part is not None and part.timeline.start is not None]
    if not readable:
        raise InvalidMediaUnreadable(f"{source.name} consists of recordings of which none can be read")
    cut = judge(source, [part.extent for part in readable])
    streams = Streams.of(source, readable)
    total = sum(part.seconds for part in readable)
    meter = Meter("join", total, "seconds", report)
    with _errors(target), _output(target, source, readable, streams) as tracks:
        end = 0.0
        for part in readable:
            shift = end - part.start
            _copy(part, source, tracks, shift, meter)
            end = part.end + shift
        for track in tracks.values():
            track.finish()
    copied = sum(track.packets + track.lost for track in tracks.values() if isinstance(track, Pictures))
    expected = sum(part.pictures for part in readable)
    if copied != expected:
        target.unlink()
        raise FrameCountMismatch(f"{source.name} has {expected} pictures in {len(readable)} recordings, but {copied}")
    origin = Origin(source, {track.index: streams.numbers[key] for key, track in tracks.items()})
    return Joined(readable[0].container, origin, cut, streams.notices, streams.left_out)


def _copy(part: Part, source: Path, tracks: dict[TrackKey, Pictures | Sound], shift: float, meter: Meter) -> None:
    """Copy all packets, each moved by `shift` seconds and by the offset of the recording's clock."""
    with part.open(source) as container:
        streams = known(streams_of(container))
        placed = {
            stream.index: (tracks[track], Offsets(part.timeline, shift, part.clocks.reordering(stream)))
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
        if error.errno in DISK_FULL:
            raise ScratchFull(f"no space is left to write {target.name}: {error.strerror}") from error
        if isinstance(error, _NOT_STORABLE):
            raise InvalidMediaDamaged(
                f"the recordings in {target.name} can't be joined: a container refuses their times or headers"
            ) from error
        raise FFmpegFailed(f"the recordings can't be joined in {target.name}: {error.strerror}") from error
    except BaseException:
        target.unlink(missing_ok=True)
        raise


@contextmanager
def _output(
    target: Path, source: Path, parts: list[Part], streams: Streams
) -> Iterator[dict[TrackKey, Pictures | Sound]]:
    """The streams of the copy: Matroska, or NUT for the codecs that Matroska has no name for."""
    for kind in ("matroska", "nut"):
        with av.open(file_url(target), "w", format=kind) as output:
            try:
                tracks = _tracks(output, source, parts, streams)
            except ValueError:  # PyAV: the format does not support the codec
                continue
            yield tracks
            return
    raise InvalidMediaUnreadable(
        f"{source.name} consists of several recordings, which can't be joined: no container holds their codec"
    )


def _tracks(
    output: OutputContainer, source: Path, parts: list[Part], streams: Streams
) -> dict[TrackKey, Pictures | Sound]:
    """The streams of the copy: those of the first recording, and those that only a later one has."""
    tracks: dict[TrackKey, Pictures | Sound] = {}
    for part in parts:
        with part.open(source) as container:
            for key, stream in streams_of(container).items():
                track = tracks.get(key)
                if key not in streams.copied:
                    continue
                if track is None and key[0] == "video" and stream.codec_context is not None:
                    tracks[key] = Pictures(output, stream)
                elif track is None and key in part.sounds:
                    tracks[key] = Sound(output, stream, part.sounds[key])
                elif isinstance(track, Pictures) and stream.codec_context is not None:
                    track.require_same_codec(stream, source)
    return tracks
