"""What the result page says of one file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

from avflow.media.notices import Notice
from avflow.page import ClassRow, PageContent, PageCue, PageFile, PageStep, Presence
from avflow.results.names import WORDS
from avflow.speech.subtitles import Cue
from avflow.speech.transcript import Word


@dataclass(frozen=True)
class Seen:
    """What is seen.

    Parameters
    ----------
    size:
        Width and height of the annotated video in pixels.
    objects, frames_with, unique:
        By class: the detections, the frames that have any, and the different objects.
    presence:
        When each class is seen; None if unknown.
    """

    size: tuple[int, int]
    frame_rate: Fraction
    objects: Mapping[str, int]
    frames_with: Mapping[str, int]
    unique: Mapping[str, int]
    presence: Presence | None = None


@dataclass(frozen=True)
class Said:
    """What is said: each cue with its words, and the language of the text, ISO 639-1; None if unknown."""

    cues: Sequence[tuple[Cue, Sequence[Word]]]
    language: str | None


@dataclass(frozen=True)
class Done:
    """What was done, where, and what it cost in US dollars; for what seconds. Nothing outside of the workflow."""

    steps: Sequence[PageStep] = field(default_factory=tuple)
    cost: float | None = None
    cost_of: str = ""


def content(
    title: str,
    duration: float,
    files: Mapping[str, PageFile],
    *,
    seen: Seen | None,
    said: Said | None,
    notices: Sequence[Notice],
    burnt: bool = False,
    done: Done | None = None,
) -> PageContent:
    """All that the page shows.

    Parameters
    ----------
    title:
        The name of the file that was processed.
    duration:
        Seconds.
    files:
        The results beside the page by their suffix.
    seen, said:
        None without video, and without audio.
    burnt:
        Whether the video has its subtitles drawn in.
    """
    done = done or Done()
    video = files.get(".mp4")
    return PageContent(
        title=title,
        video=video.name if video else None,
        duration=duration,
        size=seen.size if seen else None,
        frame_rate=float(seen.frame_rate) if seen else None,
        language=said.language if said else None,
        presence=seen.presence if seen else None,
        classes=_classes(seen) if seen else (),
        listened=said is not None,
        cues=[PageCue(cue.start, cue.end, cue.text, tuple(words)) for cue, words in (said.cues if said else ())],
        burnt=burnt,
        steps=done.steps,
        cost=done.cost,
        cost_of=done.cost_of,
        warnings=[f"{notice.name}: {notice.message}" for notice in notices],
        files=[files[suffix] for suffix in WORDS if suffix in files],
    )


def _classes(seen: Seen) -> list[ClassRow]:
    return [
        ClassRow(name, objects, seen.frames_with.get(name, 0), seen.unique.get(name))
        for name, objects in seen.objects.items()
    ]
