"""How much of a video may be missing in one place."""

from __future__ import annotations

from fractions import Fraction

#: of a video's length, and seconds
_SHARE, _SECONDS, _MOST_SECONDS = Fraction(1, 20), 1, 10


def replaceable(frames: int, rate: Fraction) -> int:
    """Frames in a row that the nearest one that can be decoded may stand for.

    In a row and not in all: a short freeze here and there is what a player shows of such a video, too.

    A second, or a twentieth of a longer video but no more than ten seconds, and never more than half of it.

    >>> replaceable(100, Fraction(25)), replaceable(1000, Fraction(25)), replaceable(100_000, Fraction(25))
    (25, 50, 250)
    """
    most = min(max(_SECONDS * rate, _SHARE * frames), _MOST_SECONDS * rate)
    return min(frames // 2, max(1, int(most)))
