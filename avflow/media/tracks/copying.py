"""Whether the audio of an upload can be copied into the MP4 as it is."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
from av.audio.codeccontext import AudioCodecContext

from avflow.media.model import AudioStream, Media
from avflow.media.opening import open_container
from avflow.progress import Meter, Report, ignore

#: what every browser plays: AAC-LC and High Efficiency AAC, by FFmpeg's names
_PROFILES = {"LC", "HE-AAC", "HE-AACv2"}
#: Seconds by which a packet may begin early or late. In the AVI a longer gap is filled (`avflow.ffmpeg.audio`); players
#: close it or leave it, as they like.
_JITTER = Fraction(2, 100)
#: seconds of the encoder's padding before second 0, which an edit list skips, and seconds after it
_PADDING, _LATE = Fraction(1, 10), Fraction(5, 1000)


def is_copyable(source: Path, media: Media, report: Report = ignore) -> bool:
    """Whether the audio that is heard is one stream of AAC that sounds right by itself: on time, whole, as loud.

    The packets are read, and not decoded. AAC in an MPEG transport stream has no configuration, and is not copied.
    """
    audio = media.audio
    if audio is None or audio.codec != "aac" or not _is_heard_as_it_is(audio) or not media.continuous:
        return False
    try:
        with open_container(source, far=audio.late) as container:
            meter = Meter("merge", media.duration, "seconds", report)
            return _is_regular(container, audio.index, Fraction(media.zero), meter)
    except av.error.FFmpegError:
        return False


def _is_heard_as_it_is(audio: AudioStream) -> bool:
    """Whether it is heard alone and as loud as it is. A change of channels in the middle is not known before."""
    alone = len(audio.mix) <= 1 and not any(mixed.sound for mixed in audio.mix)
    return alone and not audio.sound_gain and audio.channels <= 2


def _is_regular(container: av.container.InputContainer, index: int, zero: Fraction, meter: Meter) -> bool:
    """Whether the first packet begins at second 0 of the results and each other where it should, by their samples.

    None may be damaged. Silence before the audio would be an empty edit in the MP4, which some players ignore.
    """
    stream = container.streams[index]
    context = stream.codec_context
    if not isinstance(context, AudioCodecContext) or not context.extradata or context.profile not in _PROFILES:
        return False
    first: Fraction | None = None
    number = 0
    for packet in container.demux(stream):
        meter.tick()
        if not packet.size:
            continue
        if packet.is_corrupt or packet.pts is None or packet.time_base is None or packet.has_sidedata("new_extradata"):
            return False
        start = packet.pts * packet.time_base
        if first is None:
            first = start
            if not -_PADDING <= start - zero <= _LATE:
                return False
        if abs(start - first - number * Fraction(context.frame_size, context.sample_rate)) > _JITTER:
            return False
        number += 1
    return number > 0
