"""What the Merge step asks of its media process, and the answers. Paths are absolute, as text.

Like `avflow.media_work.requests`, it loads no decoder.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import ClassVar

from avflow.annotation.labels import LabelStyle
from avflow.isolation.requests import Request
from avflow.media.contract import Contract
from avflow.media.model import Media, VideoStream


@dataclass(frozen=True)
class BoxedFile(Contract):
    """The AVI or the MP4 of an annotated segment, and its number of frames."""

    path: str
    frames: int


@dataclass(frozen=True)
class Joined(Contract):
    """The AVI or the MP4 is written."""

    done: bool = True


@dataclass(frozen=True)
class JoinSegments(Request[Joined]):
    """Join the segments with the audio of `source`, if it has any, to an AVI, `target`."""

    segments: tuple[BoxedFile, ...]
    rate: Fraction
    source: str
    media: Media
    target: str

    task: ClassVar[str] = "join_segments"
    answer: ClassVar[type[Contract]] = Joined


@dataclass(frozen=True)
class JoinMp4(Request[Joined]):
    """Join the segments with the audio of `source` and the SubRip file `subtitles`, if there are any, to an MP4."""

    segments: tuple[BoxedFile, ...]
    rate: Fraction
    source: str
    media: Media
    target: str
    subtitles: str | None
    #: of the subtitles, ISO 639-1
    language: str | None

    task: ClassVar[str] = "join_mp4"
    answer: ClassVar[type[Contract]] = Joined


@dataclass(frozen=True)
class Rendered(Contract):
    """The video is drawn."""

    frames: int
    #: the characters of the subtitles that no font has
    missing: str = ""
    #: whether there are fonts at all, if there are subtitles
    fonts: bool = True


@dataclass(frozen=True)
class Render(Request[Rendered]):
    """Draw the objects of the file `detections`, and `subtitles`, on all frames of `source`. Write `avi` and the rest.

    The fields that `Annotate` has too are the same.
    """

    source: str
    stream: VideoStream
    detections: str
    #: the number of each class in the model
    class_ids: dict[str, int]
    avi: str | None
    mp4: str | None
    pictures: str | None
    labels: LabelStyle
    color_space: str
    #: a SubRip file; None to draw none
    subtitles: str | None = None
    #: folders of fonts
    fonts: tuple[str, ...] = ()

    task: ClassVar[str] = "render"
    answer: ClassVar[type[Contract]] = Rendered


@dataclass(frozen=True)
class PicturesMade(Contract):
    """Whether there are pictures: a film without frames has none."""

    done: bool


@dataclass(frozen=True)
class MakePictures(Request[PicturesMade]):
    """Write the thumbnail and the contact sheet, both JPEG, from the pictures of all segments."""

    segments: tuple[str, ...]
    thumbnail: str
    contact_sheet: str

    task: ClassVar[str] = "make_pictures"
    answer: ClassVar[type[Contract]] = PicturesMade
