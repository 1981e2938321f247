"""The annotated segments as one video, and the still pictures, by a media process of `avflow.media_work.merge`."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Protocol, TypeVar

from avflow.filenames import printable
from avflow.isolation.requests import Request
from avflow.media import Media, Notice
from avflow.media.contract import Contract
from avflow.media_work.merge_requests import BoxedFile, JoinMp4, JoinSegments, MakePictures, Rendered
from avflow.progress import Report, ignore

A = TypeVar("A", bound=Contract)

#: characters that a notice quotes at most
_SHOWN = 20


class Worker(Protocol):
    """What this module needs of a media process."""

    def do(self, request: Request[A], report: Report = ignore) -> A:
        """Send a request and wait for its answer."""
        ...


@dataclass(frozen=True)
class Sound:
    """The file whose audio the videos get, and what it is."""

    source: Path
    media: Media


@dataclass(frozen=True)
class Track:
    """A SubRip file with at least one cue, and the language of its text, ISO 639-1; None if unknown."""

    path: Path
    language: str | None


def join(
    worker: Worker,
    segments: Sequence[BoxedFile],
    rate: Fraction,
    sound: Sound,
    target: Path,
    *,
    subtitles: Track | None = None,
    report: Report = ignore,
) -> None:
    """Join the segments to `target`: an AVI, or an MP4 with the subtitles as a track.

    Raises
    ------
    FFmpegFailed, FrameCountMismatch, ScratchFull, MemoryExhausted
    """
    if target.suffix == ".avi":
        worker.do(JoinSegments(tuple(segments), rate, str(sound.source), sound.media, str(target)), report)
        return
    request = JoinMp4(
        tuple(segments),
        rate,
        str(sound.source),
        sound.media,
        str(target),
        str(subtitles.path) if subtitles else None,
        subtitles.language if subtitles else None,
    )
    worker.do(request, report)


@dataclass(frozen=True)
class Pictures:
    """Two JPEG files: the thumbnail, and the contact sheet."""

    thumbnail: Path
    contact_sheet: Path


def pictures(worker: Worker, segments: Sequence[Path], folder: Path) -> Pictures | None:
    """Make the still pictures in `folder` from those of all segments; None of a film without frames.

    Raises
    ------
    MediaAnswerInvalid, FFmpegFailed, ScratchFull, MemoryExhausted
    """
    made = Pictures(folder / "thumbnail.jpg", folder / "contact.jpg")
    asked = MakePictures(tuple(map(str, segments)), str(made.thumbnail), str(made.contact_sheet))
    return made if worker.do(asked).done else None


def font_notices(drawn: Rendered) -> tuple[Notice, ...]:
    """What the user should know about the subtitles that were drawn."""
    advice = "Install fonts of the scripts there, such as Noto Sans, or choose Subtitles=soft. The .srt has all text."
    if not drawn.fonts:
        message = "No subtitles are drawn into the video: the machine that drew it has no fonts."
        return (Notice("SubtitlesWithoutFont", f"{message} {advice}"),)
    if not drawn.missing:
        return ()
    scripts = sorted({unicodedata.name(each, "?").split()[0].capitalize() for each in drawn.missing})
    message = (
        f"The subtitles drawn into the video have {len(drawn.missing)} characters for which the machine that drew it "
        f"has no font ({', '.join(scripts)}: {printable(drawn.missing[:_SHOWN])}). Empty boxes are in their place."
    )
    return (Notice("SubtitlesWithoutFont", f"{message} {advice}"),)
