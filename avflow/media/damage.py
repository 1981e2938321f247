"""The longest gap of undecodable frames that a video may have."""

from __future__ import annotations

from fractions import Fraction

#: the tolerated gap: a share of the video's length, with a minimum and a maximum in seconds
_SHARE, _MIN_SECONDS, _MAX_SECONDS = Fraction(1, 20), 1, 10


def tolerated_gap(frames: int, rate: Fraction) -> int:
    """The largest number of consecutive undecodable frames that the nearest decoded frame may replace.

    The limit applies to each gap, not to their sum: players also show short freezes in a damaged video.

    The limit is a twentieth of the video, but at least 1 s, at most 10 s, and at most half of the video.

    Parameters
    ----------
    frames:
        The video's number of frames.
    rate:
        Frames per second.

    >>> tolerated_gap(100, Fraction(25)), tolerated_gap(1000, Fraction(25)), tolerated_gap(100_000, Fraction(25))
    (25, 50, 250)
    """
    longest = min(max(_MIN_SECONDS * rate, _SHARE * frames), _MAX_SECONDS * rate)
    return min(frames // 2, max(1, int(longest)))
