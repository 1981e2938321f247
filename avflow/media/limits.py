"""The limits of what is accepted, because the file may be hostile or damaged."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

from avflow.errors import InvalidMediaTooLarge, InvalidMediaTooLong
from avflow.media.formats import MAX_SIDE
from avflow.media.model import VideoStream
from avflow.media.rates import conversion_rate, has_too_many_copies

#: The longest accepted video in seconds: a recording of one day, which has 25 h when the clocks go back. A Batch job
#: ends after 12 hours. One damaged timestamp may announce years, and the workflow would then duplicate frames and
#: transcribe silence for all that time.
MAX_SECONDS = 25 * 3600
#: The highest accepted frame rate. Matroska and FLV can't store a higher one, and slow-motion cameras stay below it.
MAX_RATE = 1_000


def check_size(path: Path, width: int, height: int) -> None:
    """Refuse frames that the result can't hold."""
    if max(width, height) > MAX_SIDE:
        raise InvalidMediaTooLarge(f"{path.name} is {width}x{height}: at most {MAX_SIDE} pixels a side are accepted")


def check_duplicates(path: Path, video: VideoStream, seconds: Fraction) -> None:
    """Refuse a variable-rate video if its conversion would consist of hours of duplicated frames."""
    rate = conversion_rate(video)
    if not video.constant_rate and has_too_many_copies(video, rate, seconds):
        raise InvalidMediaTooLong(
            f"{path.name} has {video.frames} frames in {in_hours(seconds)}: "
            f"at a constant rate it would have {round(seconds * rate)}"
        )


def in_hours(seconds: Fraction) -> str:
    """A length in hours and minutes."""
    hours, minutes = divmod(int(seconds) // 60, 60)
    return f"{hours} h {minutes} min"
