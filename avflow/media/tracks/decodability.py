"""Finds out, by decoding, which streams of a file can be decoded at all.

A header names the codec, but the packets may be encrypted, garbage, or of another codec. The first packets alone don't
decide: a recording may begin with a few bad ones. So if they fail, packets from places all over the file are decoded.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import av
from av.container import InputContainer
from av.stream import Disposition

from avflow.errors import (
    InvalidMedia,
    InvalidMediaCodec,
    InvalidMediaSound,
    InvalidMediaTooLarge,
    InvalidMediaUnreadable,
)
from avflow.media.accepted import DECODERS
from avflow.media.clock.origin import number
from avflow.media.limits import MAX_FRAME_BYTES, sound_fault
from avflow.media.notices import Notice
from avflow.media.opening import decoded_bytes
from avflow.media.patience import check
from avflow.media.tracks.late import demuxed

#: packets to decode at the start of the file, and at each other place
_FIRST_AUDIO_PACKETS, _AUDIO_PACKETS = 64, 16
_FIRST_VIDEO_PACKETS, _VIDEO_PACKETS = 256, 64
#: places after the start, as parts of the file
_PLACES = 9
#: the most streams that are tried, and that notices name: a file may have thousands, and each is read at all places
_MOST_STREAMS, _MOST_NOTICES = 128, 16
#: Share of the packets of an audio stream that must decode: at one place, or at all places together. Of random bytes,
#: a decoder accepts up to a half (Vorbis).
_LEAST_SHARE_OF_PLACE, _LEAST_SHARE = 0.8, 0.65


@dataclass(frozen=True)
class Decodability:
    """What decoding showed."""

    #: why a stream can't be decoded, by the stream's index
    undecodable: dict[int, str]
    #: a good frame of each video stream that has one, by the stream's index
    frames: dict[int, av.VideoFrame] = field(default_factory=dict)
    #: the error that tells it best if nothing of the file can be decoded
    error: type[InvalidMedia] = InvalidMediaUnreadable


def try_streams(container: InputContainer) -> Decodability:
    """Decode a few packets of every audio and video stream. The container is read and its position changes."""
    undecodable: dict[int, str] = {}
    frames: dict[int, av.VideoFrame] = {}
    error: type[InvalidMedia] = InvalidMediaUnreadable
    tried: set[int] = set()
    for stream in container.streams:
        if stream.type not in ("audio", "video"):
            continue
        check()
        if len(tried) >= _MOST_STREAMS:
            undecodable[stream.index] = f"only the first {_MOST_STREAMS} streams are read"
            continue
        tried.add(stream.index)
        reason: str | None
        refused = _refused(stream)
        if refused is not None:
            error, reason = refused
        elif stream.codec_context is None:
            reason = "FFmpeg doesn't know its codec"
        elif stream.type == "audio":
            reason = _audio_fault(container, stream)
        else:
            reason, frame = _video_fault(container, stream)
            if frame is not None:
                frames[stream.index] = frame
        if reason is not None:
            undecodable[stream.index] = reason
    return Decodability(undecodable, frames, error)


def _refused(stream: Any) -> tuple[type[InvalidMedia], str] | None:
    """Why a stream is not even tried; None if it is."""
    context = stream.codec_context
    if context is None:
        return None
    if context.name not in DECODERS:
        return InvalidMediaCodec, f"its codec {context.name} is not one of those that are accepted"
    if stream.type == "audio":
        fault = sound_fault(context.sample_rate or 0, context.layout.nb_channels)
        return (InvalidMediaSound, fault) if fault else None
    size = decoded_bytes(context) if context.format is not None else 0
    if size > MAX_FRAME_BYTES:
        return InvalidMediaTooLarge, f"its frames have {size >> 20} MiB, and {MAX_FRAME_BYTES >> 20} are accepted"
    return None


def undecodable_notices(
    path: Path,
    container: InputContainer,
    tried: Decodability,
    numbers: Mapping[int, int],
    *,
    picture: bool,
    sound: bool,
) -> tuple[Notice, ...]:
    """Notices for the streams that can't be decoded. If neither picture nor sound can be, this is an error.

    Parameters
    ----------
    numbers:
        As in `avflow.media.clock.origin.Origin`.
    picture, sound:
        Whether the result lacks it. An undecodable stream then is the reason; otherwise another stream is used.

    Raises
    ------
    InvalidMediaUnreadable, InvalidMediaSound, InvalidMediaTooLarge, InvalidMediaCodec
    """
    notices = []
    for index, reason in tried.undecodable.items():
        stream = container.streams[index]
        if stream.disposition & Disposition.attached_pic:
            continue
        kind, lacks = ("Video", picture) if stream.type == "video" else ("Audio", sound)
        result = f"the result has no {kind.lower()}" if lacks else "another stream is used"
        notices.append(
            Notice(
                f"{kind}Undecodable",
                f"{kind} stream {number(stream, numbers)} of {path.name} can't be decoded ({reason}): {result}.",
            )
        )
    if len(notices) > _MOST_NOTICES:
        more = Notice(
            "StreamsUndecodable", f"{len(notices) - _MOST_NOTICES} more streams of {path.name} can't be decoded."
        )
        notices[_MOST_NOTICES:] = [more]
    if notices and picture and sound:
        raise tried.error(" ".join(notice.message for notice in notices))
    return tuple(notices)


def _audio_fault(container: InputContainer, stream: Any) -> str | None:
    """Why an audio stream can't be decoded; None if it can, or has no packets."""
    tried = decoded = 0
    good_place = False
    for packets in _samples(container, stream, _FIRST_AUDIO_PACKETS, _AUDIO_PACKETS):
        before = tried, decoded
        for packet in packets:
            if _is_encrypted(packet):
                return "it is encrypted"
            tried += 1
            decoded += any(frame.samples for frame in _decoded(stream, packet))
        here = tried - before[0]
        # near the end of the stream, a place has too few packets to tell
        good_place = here in (tried, _AUDIO_PACKETS) and decoded - before[1] > _LEAST_SHARE_OF_PLACE * here
        if good_place:
            break
    if tried and not good_place and decoded < _LEAST_SHARE * tried:
        return f"{'none' if not decoded else 'few'} of its {stream.codec_context.name} packets can be decoded"
    context = stream.codec_context
    if tried and not (context.sample_rate and context.layout.nb_channels):
        return f"it has {context.sample_rate or 0} samples per second and {context.layout.nb_channels} channels"
    return None


def _video_fault(container: InputContainer, stream: Any) -> tuple[str | None, av.VideoFrame | None]:
    """Why a video stream can't be decoded, and a good frame; None and None if it has no packets."""
    tried = 0
    for packets in _samples(container, stream, _FIRST_VIDEO_PACKETS, _VIDEO_PACKETS):
        for packet in packets:
            if _is_encrypted(packet):
                return "it is encrypted", None
            tried += 1
            for frame in _decoded(stream, packet):
                if not frame.is_corrupt:
                    return None, frame
        for frame in _decoded(stream, None):
            if not frame.is_corrupt:
                return None, frame
        stream.codec_context.flush_buffers()
    return (f"none of its {stream.codec_context.name} frames can be decoded" if tried else None), None


def _decoded(stream: Any, packet: Any) -> list[Any]:
    try:
        return list(stream.codec_context.decode(packet))
    except (av.error.FFmpegError, ValueError):
        return []


def _is_encrypted(packet: Any) -> bool:
    """Whether a packet is encrypted by ISO/IEC 23001-7 (Common Encryption)."""
    return bool(packet.has_sidedata("encryption_info"))


def _samples(container: InputContainer, stream: Any, first: int, others: int) -> Iterator[Iterator[Any]]:
    """The first packets of a stream, then the packets at each of the other places."""
    duration = container.duration
    for place in range(_PLACES + 1):
        try:
            if place or stream.index:
                start = container.start_time or 0
                container.seek(start + (duration or 0) * place // (_PLACES + 1))
        except av.error.FFmpegError:
            return
        yield _packets(container, stream, first if place == 0 else others)
        if not duration:
            return


def _packets(container: InputContainer, stream: Any, most: int) -> Iterator[Any]:
    count = 0
    try:
        for packet in demuxed(container, stream):
            if packet.size:
                count += 1
                yield packet
            if count == most:
                return
    except av.error.FFmpegError:
        return
