"""Decides whether a file is cut: it ends before the recording that its header announces.

One rule holds for all containers. A file is cut if

- the container announces its size in bytes and the file has fewer, or
- its last element, packet or page lacks its end, or the demuxer can't read on, or
- the header announces clearly more seconds than the packets last. That alone counts only if the container doesn't
  announce bytes: if all of them are there, the seconds are wrong.

Media of which at least half is there is processed as far as it goes. Of several recordings in one file, each may be
cut, and together they must hold at least half. Joined recordings hold more than they announce,
and live recordings announce nothing. Neither is cut.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

from avflow.errors import InvalidMediaTruncated
from avflow.media.lengths.announced import Announced
from avflow.media.model import Media
from avflow.media.notices import Notice

if TYPE_CHECKING:
    from av.container import InputContainer

#: the least share of the announced media that is processed
_LEAST_SHARE = Fraction(1, 2)
#: Seconds by which packets may end before the announced end: an encoder's padding, the length of the last packet. In
#: long media the header may be rounded.
_LEAST_MISSING, _MOST_MISSING, _MISSING_SHARE = Fraction(1, 10), Fraction(2), Fraction(1, 100)
#: the most recordings that a notice names
_MOST_NUMBERS = 10
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


@dataclass(frozen=True)
class Extent:
    """How much of a recording is there. Sizes are bytes, lengths seconds; None if the header doesn't say."""

    size: int
    found: Fraction
    announced_size: int | None
    announced: Fraction | None
    truncated: bool

    @property
    def expected(self) -> Fraction:
        """Seconds of the whole recording, as far as its header tells."""
        if not self.truncated:
            return self.found
        if self.announced is not None:
            return max(self.announced, self.found)
        return self.found * max(Fraction(1), Fraction(self.announced_size or 0, max(1, self.size)))


def extent(header: Announced, container: InputContainer, found: Fraction, *, size: int, broken_off: bool) -> Extent:
    """Decide whether a file, or one of the recordings in it, is cut.

    Parameters
    ----------
    header:
        What it announces.
    container:
        It, opened.
    found:
        Seconds from the start of the first packet to the end of the last one.
    size:
        Its bytes.
    broken_off:
        Whether the last packet is incomplete, or the demuxer could not read on.
    """
    seconds, name = header.seconds, container.format.name
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
    return Extent(size, found, header.size, seconds, truncated)


def judge(path: Path, extents: Sequence[Extent]) -> Truncation:
    """Apply the rule of this module to all recordings of a file together. Most files have one.

    Raises
    ------
    InvalidMediaTruncated
        Less than half is there.
    """
    found = sum((each.found for each in extents), Fraction(0))
    numbers = [number for number, each in enumerate(extents, 1) if each.truncated]
    only = extents[0] if len(extents) == 1 else None
    seconds = only.announced if only else sum((each.expected for each in extents), Fraction(0))
    if not numbers:
        return Truncation(False, _rounded(only.announced if only else None))
    told, share = _told(path, extents, found, seconds)
    if not found:
        raise InvalidMediaTruncated(f"{told}: nothing of it can be read", _ADVICE)
    if share < _LEAST_SHARE:
        raise InvalidMediaTruncated(f"{told}: less than half is there", _ADVICE)
    what = "it was processed as far as it goes"
    if only is None:
        which = ", ".join(map(str, numbers[:_MOST_NUMBERS])) + (", …" if len(numbers) > _MOST_NUMBERS else "")
        what = f"of its {len(extents)} recordings, number {which} is cut and was processed as far as it goes"
    # without announced seconds, a sum of them is only what was found
    known = seconds if only or any(each.truncated and each.announced is not None for each in extents) else None
    return Truncation(True, _rounded(known), (Notice("Truncated", f"{told}: {what}."),))


def _told(path: Path, extents: Sequence[Extent], found: Fraction, seconds: Fraction | None) -> tuple[str, Fraction]:
    """What the file announces and holds, and the share that it holds."""
    only = extents[0] if len(extents) == 1 else None
    if seconds is not None:
        share = found / seconds if seconds else Fraction(1)
        if round(float(seconds), 1) != round(float(found), 1):
            return f"{path.name} announces {float(seconds):.1f} s but holds {float(found):.1f} s", share
        return f"{path.name} breaks off after {float(found):.1f} s", share
    if only and only.announced_size is not None:
        told = f"{path.name} announces {only.announced_size} bytes but holds {only.size}"
        return told, Fraction(only.size, only.announced_size)
    return f"{path.name} breaks off after {float(found):.1f} s", Fraction(1)


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
