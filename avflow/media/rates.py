"""The frame rate of a converted video."""

from __future__ import annotations

from fractions import Fraction

from avflow.media.formats import encodable_rate
from avflow.media.model import VideoStream

#: The highest frame rate of a converted video with a constant rate: that of high-speed cameras.
_MAX_CONSTANT = Fraction(1000)
#: With a variable rate, most frames may follow each other closely although the video has few: a screen recorder saves
#: bursts, with timestamps in milliseconds, and a conversion fills every pause with duplicates. So a variable rate is
#: kept up to this rate …
MAX_VARIABLE = Fraction(60)
#: … and up to the fastest mode of common cameras if the conversion has at most this many frames for one of the source
_MAX_FAST_VARIABLE, _MAX_FRAMES_FROM_ONE = Fraction(240), 4


def conversion_rate(stream: VideoStream) -> Fraction:
    """Frames per second of the converted video: the rate of most source frames, as far as MPEG-4 can store it.

    Every frame of a constant rate is kept, up to 1000 frames per second. A variable rate is kept up to 240, so that a
    mix of 60 and 120 with more of 120 becomes 120. Above 60 it must have frames enough: the bursts of a screen
    recording become 60.
    """
    if stream.constant_rate:
        return encodable_rate(min(stream.nominal_rate, _MAX_CONSTANT))
    fast = min(stream.nominal_rate, _MAX_FAST_VARIABLE)
    if fast <= _MAX_FRAMES_FROM_ONE * stream.average_rate:
        return encodable_rate(fast)
    return encodable_rate(min(fast, MAX_VARIABLE))
