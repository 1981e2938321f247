"""What the result page shows, and its form in JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from avflow.page.presence import Presence
from avflow.speech.transcript import Word

#: classes with a line of their own. More do not fit a page; those with the fewest frames are left out
MOST_CLASSES = 200
#: characters that would end a script element, or that JavaScript once took for line ends
_UNSAFE = {ord(char): f"\\u{ord(char):04x}" for char in "<>&\u2028\u2029"}


@dataclass(frozen=True)
class ClassRow:
    """One class of objects."""

    name: str
    #: number of detections
    objects: int
    #: number of frames in which the class is seen
    frames: int
    #: number of different objects; None if they were not tracked
    unique: int | None = None


@dataclass(frozen=True)
class PageCue:
    """One cue of the subtitles, with the words in it. Times are seconds."""

    start: float
    end: float
    text: str
    words: tuple[Word, ...] = ()


@dataclass(frozen=True)
class PageStep:
    """Where and how long one step ran."""

    name: str
    #: number of the segment or span, from 0; None if the step was not divided
    part: int | None
    #: such as "Lambda, 3008 MB"
    where: str
    seconds: float
    #: US dollars at list prices; None if unknown
    cost: float | None = None


@dataclass(frozen=True)
class PageFile:
    """A result beside the page."""

    #: its file name
    name: str
    #: what it is, in words
    what: str
    #: its size in bytes; None if unknown
    size: int | None = None


@dataclass(frozen=True, kw_only=True)
class PageContent:
    """All that a page shows."""

    #: the name of the upload
    title: str
    #: the file name of the video to play, beside the page; None without a picture
    video: str | None
    #: seconds
    duration: float
    #: width and height in pixels, and frames per second
    size: tuple[int, int] | None = None
    frame_rate: float | None = None
    #: ISO 639-1, of the subtitles
    language: str | None = None
    presence: Presence | None = None
    classes: Sequence[ClassRow] = ()
    #: whether there was audio to recognise speech in
    listened: bool = False
    cues: Sequence[PageCue] = ()
    #: whether the cues are drawn into the video, which then needs no track of them
    burnt: bool = False
    steps: Sequence[PageStep] = ()
    #: US dollars, and whose seconds they are for
    cost: float | None = None
    cost_of: str = ""
    warnings: Sequence[str] = field(default_factory=tuple)
    files: Sequence[PageFile] = ()

    def to_json(self) -> str:
        """The data of the page, safe within a script element."""
        rows = sorted(self.classes, key=lambda row: (-row.frames, row.name))
        shown = rows[:MOST_CLASSES] if self.presence else []
        fields: dict[str, Any] = {
            "title": self.title,
            "video": self.video,
            "duration": self.duration,
            "size": self.size,
            "frameRate": self.frame_rate,
            "language": self.language,
            "classes": [asdict(row) for row in rows],
            "bins": self.presence.bins if self.presence else 0,
            "levels": self.presence.packed([row.name for row in shown]) if self.presence else "",
            "shown": len(shown),
            "listened": self.listened,
            "cues": [[cue.start, cue.end, cue.text, _words(cue.words)] for cue in self.cues],
            "burnt": self.burnt,
            "steps": [asdict(step) for step in self.steps],
            "cost": self.cost,
            "costOf": self.cost_of,
            "warnings": list(self.warnings),
            "files": [asdict(file) for file in self.files],
        }
        return json.dumps(fields, ensure_ascii=False, separators=(",", ":"), allow_nan=False).translate(_UNSAFE)


def _words(words: Sequence[Word]) -> list[list[Any]]:
    return [[round(w.start, 2), round(w.end, 2), w.text, int(w.joined)] for w in words]
