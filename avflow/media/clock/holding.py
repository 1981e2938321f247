"""Where the results start and end, so that no sound is lost.

Second 0 of all results is the first frame, or the first sound if that is clearly earlier. The first frame is then held
until its time. Likewise the last frame is held for its own duration and until the sound ends.
"""

from __future__ import annotations

import math
from dataclasses import replace
from fractions import Fraction

from avflow.media.model import Media
from avflow.media.rates import conversion_rate
from avflow.media.reasons import conversion_reasons

#: Seconds by which sound may start before the first frame without a held frame. Some containers don't mark the
#: encoder's priming samples (1024 samples of AAC at 22 050 Hz are 46 ms) or the delay of reordered frames (two frames).
_EARLY_SOUND = Fraction(1, 10)
#: Seconds by which sound may end after the last frame without a held frame: a last block of samples, padded.
_LATE_SOUND = Fraction(1, 10)
#: share of a frame that is not worth another frame
_ROUNDING = Fraction(1, 10)

_Span = tuple[Fraction, Fraction]


def hold(media: Media, frames: _Span | None, sound: _Span | None) -> Media:
    """The same media with its `zero` and the numbers of held frames.

    Parameters
    ----------
    frames, sound:
        Start of the first and end of the last frame or packet in seconds on the container's clock.
    """
    video = media.video
    if video is None or frames is None:
        return replace(media, zero=media.audio.start_time if media.audio else 0.0)
    converted = bool(conversion_reasons(media))
    rate = conversion_rate(video) if converted else video.nominal_rate
    # the frame rate filter of a conversion adds the last frame's own duration
    end = frames[1] if converted else frames[0] + video.frames / video.nominal_rate
    before, until = Fraction(0), frames[1]
    if sound is not None:
        before = frames[0] - sound[0] if frames[0] - sound[0] > _EARLY_SOUND else before
        until = sound[1] if sound[1] - until > _LATE_SOUND else until
    first = _frames(before * rate)
    held = replace(video, held_first=first, held_last=_frames((until - end) * rate))
    return replace(media, video=held, zero=round(video.start_time - float(first / rate), 6))


def _frames(length: Fraction) -> int:
    return max(0, math.ceil(length - _ROUNDING))
