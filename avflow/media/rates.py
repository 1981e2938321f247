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
#: Copies of a source frame that a variable rate may give on average. A screen recording may show one picture for a
#: minute …
_MAX_COPIES = 60 * MAX_VARIABLE
#: … and a few pictures may always be shown for ten minutes.
_MAX_FRAMES_FROM_FEW = 600 * MAX_VARIABLE
#: a slide show gets this rate, in frames per second, so that each picture is shown in time …
_SLIDES = Fraction(1)
#: … unless one picture would give more frames than this on average
_MAX_SLIDE_COPIES = 600


def conversion_rate(stream: VideoStream) -> Fraction:
    """Frames per second of the converted video: the rate of most source frames, as far as MPEG-4 can store it.

    Every frame of a constant rate is kept, up to 1000 frames per second. A variable rate is kept up to 240, so that a
    mix of 60 and 120 with more of 120 becomes 120. Above 60 it must have frames enough: the bursts of a screen
    recording become 60. A few pictures that would give hours of copies, and those of a slide show, get a lower or
    higher rate, so that each of them gives at most 600 frames on average.
    """
    if stream.constant_rate:
        return encodable_rate(min(stream.nominal_rate, _MAX_CONSTANT))
    rate = min(stream.nominal_rate, _MAX_FAST_VARIABLE)
    if rate > _MAX_FRAMES_FROM_ONE * stream.average_rate:
        rate = min(rate, MAX_VARIABLE)
    seconds = max(1, stream.frames - 1) / stream.average_rate
    bounded = _MAX_SLIDE_COPIES * stream.frames / seconds
    if bounded >= _SLIDES and (rate < _SLIDES or has_too_many_copies(stream, rate, seconds)):
        rate = min(bounded, max(rate, _SLIDES))
    return encodable_rate(rate)


def has_too_many_copies(stream: VideoStream, rate: Fraction, seconds: Fraction) -> bool:
    """Whether a video of variable rate that lasts so many seconds would consist of hours of copies at this rate."""
    return seconds * rate > max(_MAX_FRAMES_FROM_FEW, _MAX_COPIES * stream.frames)
