"""Adds tracks to files of detections: reads frame after frame, and keeps only those in memory that are undecided."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from avflow.errors import DISK_FULL, MediaAnswerInvalid, ScratchFull
from avflow.progress import Meter, Report, ignore
from avflow.tracking.frame_line import Text, read_line
from avflow.tracking.tracker import Sighting, Tracker
from avflow.tracking.tracks import Track

#: longest line in bytes: hundreds of thousands of objects
_LINE_BYTES = 16 << 20
#: bytes of the lines that wait until it is known whether their objects have a track
_WAITING_BYTES = 16 << 20


@dataclass(frozen=True)
class Tracked:
    """What a file of detections contains."""

    frames: int
    #: number of tracks of each class that was detected
    unique: dict[str, int]


#: is told the number of each frame and the classes of its objects
See = Callable[[int, Iterable[str]], None]


def track_file(
    sources: Sequence[Path],
    target: Path,
    *,
    seconds: float | None = None,
    see: See | None = None,
    report: Report = ignore,
) -> Tracked:
    """Join the files of detections of all segments, and give the objects their tracks.

    An object of a track has `"track": n`, from 1 in order of appearance. The others have none: see docs/tracking.md.
    Everything else stays as it is.

    Parameters
    ----------
    sources:
        In the order of the segments.
    target:
        The file to write. After an error it is incomplete.
    seconds:
        Length of the video, for progress.
    see:
        Is told the number of each frame and the classes of its objects, in order.

    Raises
    ------
    MediaAnswerInvalid
        A line is not what the detector writes: the media process may have been taken over.
    ScratchFull
        The disk has no room for the target.
    """
    meter = Meter("track", seconds, "seconds", report)
    try:
        with target.open("wb") as file:
            joined = _Joined(file)
            for frame in _frames(sources):
                joined.add(frame)
                if see:
                    see(frame.number, (found.class_name for found in frame.objects))
                meter.update(frame.time)
            joined.finish()
    except OSError as error:
        if error.errno in DISK_FULL:
            raise ScratchFull(f"The scratch space has no room for the detections: {error.strerror}") from error
        raise
    if seconds is not None:
        meter.update(seconds)
    return Tracked(joined.frames, joined.unique)


@dataclass(slots=True)
class _Frame:
    """A line of the file, as it was read."""

    number: int
    time: float
    #: its length in bytes
    size: int
    text: Text
    objects: list[Sighting]
    tracks: list[Track | None] = field(default_factory=list)

    def is_decided(self) -> bool:
        """Whether it is known which of its objects have a track."""
        return all(track is None or track.confirmed or track.ended for track in self.tracks)


class _Joined:
    """The file that is written, and the frames that wait for it."""

    def __init__(self, file: BinaryIO) -> None:
        self._file, self._tracker = file, Tracker()
        self._waiting: deque[_Frame] = deque()
        self._bytes = self._numbered = self.frames = 0
        self.unique: dict[str, int] = {}

    def add(self, frame: _Frame) -> None:
        """Track the objects of the next frame, and write the frames that are decided."""
        frame.tracks = self._tracker.update(frame.time, frame.objects)
        self._waiting.append(frame)
        self._bytes += frame.size
        self.frames += 1
        while self._waiting and (self._bytes > _WAITING_BYTES or self._waiting[0].is_decided()):
            self._write()

    def finish(self) -> None:
        """Write the rest. The objects of a film of one frame are believed: no other frame can confirm them."""
        if self.frames == 1:
            for track in (track for frame in self._waiting for track in frame.tracks if track):
                track.confirmed = True
        self._tracker.finish()
        while self._waiting:
            self._write()

    def _write(self) -> None:
        frame = self._waiting.popleft()
        self._bytes -= frame.size
        numbers = [self._number(found, track) for found, track in zip(frame.objects, frame.tracks, strict=True)]
        try:
            self._file.write(frame.text.with_tracks(numbers).encode() + b"\n")
        except UnicodeEncodeError as error:
            raise _strange(frame.number) from error

    def _number(self, found: Sighting, track: Track | None) -> int | None:
        """The number of an object's track; None if it has none that is believed."""
        counted = self.unique.setdefault(found.class_name, 0)
        if track is None or not track.confirmed:
            return None
        if track.number is None:
            self._numbered += 1
            track.number = self._numbered
            self.unique[found.class_name] = counted + 1
        return track.number


def _frames(sources: Iterable[Path]) -> Iterator[_Frame]:
    """The frames of all files. Each has a higher number and a later time than the one before."""
    last, time = -1, -1.0
    for source in sources:
        with source.open("rb") as file:
            while text := file.readline(_LINE_BYTES):
                frame = _read(text, last)
                if frame.number <= last or not time < frame.time:
                    raise _strange(last + 1)
                last, time = frame.number, frame.time
                yield frame


def _read(text: bytes, last: int) -> _Frame:
    try:
        number, time, objects, line = read_line(text)
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        raise _strange(last + 1) from error
    return _Frame(number, time, len(text), line, objects)


def _strange(frame: int) -> MediaAnswerInvalid:
    return MediaAnswerInvalid(f"The detections on frame {frame} are not as the detector writes them")
