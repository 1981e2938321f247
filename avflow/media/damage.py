"""How many undecodable frames a video may have, one after another."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

from avflow.errors import InvalidMediaDamaged
from avflow.media.model import VideoStream

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


def check_lead(path: Path, video: VideoStream, untimed: int) -> None:
    """Refuse a video whose start is damaged.

    The caller skips formats that may be cut anywhere: they often begin with frames whose reference frames are missing.

    Parameters
    ----------
    untimed:
        The number of undecodable frames at the start that have no timestamps. Their duration is unknown, so a single
        one is refused.

    Raises
    ------
    InvalidMediaDamaged
    """
    lost = untimed or round(Fraction(video.lead) * video.average_rate)
    if untimed or lost > tolerated_gap(video.frames, video.average_rate):
        raise InvalidMediaDamaged(f"{path.name} has {video.frames} frames, but the first {lost} can't be decoded")
