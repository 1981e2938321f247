"""Decides whether a file is cut: it ends before the recording that its header announces.

One rule holds for all containers. A file is cut if

- the container announces its size in bytes and the file has fewer, or
- its last element, packet or page lacks its end, or the demuxer can't read on, or
- the header announces clearly more seconds than the packets last. That alone counts only if the container doesn't
  announce bytes: if all of them are there, the seconds are wrong.

Media of which at least half is there is processed as far as it goes. Joined recordings hold more than they announce,
and live recordings announce nothing. Neither is cut.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

from avflow.errors import InvalidMediaTruncated
from avflow.media.announced import Announced
from avflow.media.model import Media
from avflow.media.notices import Notice

if TYPE_CHECKING:
    from av.container import InputContainer

#: the least share of the announced media that is processed
_LEAST_SHARE = Fraction(1, 2)
#: Seconds by which packets may end before the announced end: an encoder's padding, the length of the last packet. In
#: long media the header may be rounded.
_LEAST_MISSING, _MOST_MISSING, _MISSING_SHARE = Fraction(1, 10), Fraction(2), Fraction(1, 100)
#: containers of samples without packets: the demuxer makes packets of any size, also of the last few bytes
SAMPLES_WITHOUT_PACKETS = frozenset({"wav", "w64", "aiff", "au", "caf"})
#: containers with an index that knows the length of each stream
_WITH_LENGTHS = frozenset({"mov,mp4,m4a,3gp,3g2,mj2"})

_ADVICE = (
    "The file is incomplete: copy it again from its source, then upload it again. If the recording itself broke off, "
    "upload the part that plays (for example `ffmpeg -i in -c copy out.mkv`)."
)


@dataclass(frozen=True)
class Truncation:
    """Whether a file is cut, and the seconds that it announces; None if it announces none."""

    truncated: bool
    announced_seconds: float | None = None
    notices: tuple[Notice, ...] = ()


def require_index(path: Path, header: Announced) -> None:
    """Refuse an MP4 or MOV without its index.

    Raises
    ------
    InvalidMediaTruncated
    """
    if header.index_missing:
        raise InvalidMediaTruncated(
            f"{path.name} has no index (the box moov): the recording was cut before the recorder wrote it",
            "Without the index nothing can be played. Copy the file again from its source. If the source lacks it too, "
            "the recorder's own repair, or a tool such as untrunc with a good recording of the same device, "
            "can restore it.",
        )


def judge(path: Path, header: Announced, container: InputContainer, found: Fraction, *, broken_off: bool) -> Truncation:
    """Apply the rule of this module.

    Parameters
    ----------
    header:
        What the file announces.
    container:
        The opened file.
    found:
        Seconds from the start of the first packet to the end of the last one.
    broken_off:
        Whether the last packet is incomplete, or the demuxer could not read on.

    Raises
    ------
    InvalidMediaTruncated
        Less than half is there.
    """
    size, seconds, name = path.stat().st_size, header.seconds, container.format.name
    if seconds is None and header.size is not None and name in _WITH_LENGTHS:
        seconds = _seconds_of_index(container)
    missing = max(Fraction(0), seconds - found) if seconds is not None else Fraction(0)
    if name in SAMPLES_WITHOUT_PACKETS:
        # writers disagree by some bytes about what a size includes
        truncated = header.cut and (seconds is None or missing > _LEAST_MISSING)
    else:
        fewer = header.size is not None and header.size > size
        shorter = header.size is None and seconds is not None and missing > _clearly(seconds)
        truncated = fewer or shorter or header.cut or broken_off
    if not truncated:
        return Truncation(False, _rounded(seconds))
    told = f"{path.name} breaks off after {float(found):.1f} s"
    share = Fraction(1)
    if seconds is not None:
        share = found / seconds
        if round(float(seconds), 1) != round(float(found), 1):
            told = f"{path.name} announces {float(seconds):.1f} s but holds {float(found):.1f} s"
    elif header.size is not None:
        share = Fraction(size, header.size)
        told = f"{path.name} announces {header.size} bytes but holds {size}"
    if not found:
        raise InvalidMediaTruncated(f"{told}: nothing of it can be read", _ADVICE)
    if share < _LEAST_SHARE:
        raise InvalidMediaTruncated(f"{told}: less than half is there", _ADVICE)
    notice = Notice("Truncated", f"{told}: it was processed as far as it goes.")
    return Truncation(True, _rounded(seconds), (notice,))


def refuse(path: Path, media: Media) -> None:
    """Refuse a file that is cut, however much of it is there: the setting `OnTruncated=fail`.

    Raises
    ------
    InvalidMediaTruncated
    """
    if media.truncated:
        announced = "" if media.announced_seconds is None else f" of {media.announced_seconds:.1f} s"
        raise InvalidMediaTruncated(
            f"{path.name} breaks off after {media.duration:.1f} s{announced}",
            "Copy the file again from its source, or deploy with OnTruncated=process to process what is there.",
        )


def _seconds_of_index(container: InputContainer) -> Fraction | None:
    """The longest stream by the container's index."""
    lengths = [Fraction(s.duration * s.time_base) for s in container.streams if s.duration and s.time_base]
    return max(lengths, default=None)


def _clearly(seconds: Fraction) -> Fraction:
    return min(max(_LEAST_MISSING, _MISSING_SHARE * seconds), _MOST_MISSING)


def _rounded(seconds: Fraction | None) -> float | None:
    return None if seconds is None else round(float(seconds), 6)
