"""What a user may choose about the results of an upload: one table, from which all else follows.

Each choice is a parameter of the stack, an environment variable of the FFmpeg step, an option and a variable of the
command line, and metadata of an upload. All have names made of the field's name: `label_size`, `LabelSize`,
`LABEL_SIZE`, `--label-size`, `avflow-label-size`. `avflow.workflow.choosing` reads the values. This module
imports nothing heavy.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, Literal, Protocol, get_args

from avflow.annotation.labels import LABELS, Labels
from avflow.media.contract import Contract
from avflow.media.tracks.languages import SELECTOR, is_selector
from avflow.models.kinds import SPEECH_TASKS, SpeechTask
from avflow.results.names import ALWAYS, OUTPUTS

#: where a value came from: the table, a parameter of the stack, or the metadata of the upload
Origin = Literal["default", "stack", "upload"]
#: soft: a track of the MP4 that a viewer can switch on. burnt: drawn into the frames of all videos
Subtitles = Literal["soft", "burnt"]
SUBTITLES: tuple[Subtitles, ...] = get_args(Subtitles)
#: what the names of metadata begin with
PREFIX = "avflow-"
#: the choice that leaves the language to the speech model
AUTO = "auto"
#: characters of a wrong value that an error shows
MOST_SHOWN = 100


# ---------------------------------------------------------------- kinds of values
class Kind(Protocol):
    """What values a choice may have."""

    @property
    def form(self) -> str:
        """The form of a value in the help of the command line."""

    @property
    def rule(self) -> str:
        """What a value must be, such as "a number from 0 to 1"."""

    def read(self, text: str) -> Any:
        """The value that a text means. Raises ValueError if it is none."""


@dataclass(frozen=True)
class NumberWithin:
    """A number between two bounds, which are part of the range. `whole`: one without a fraction, in digits only."""

    least: float
    most: float
    whole: bool = False
    form: str = "N"

    @property
    def rule(self) -> str:
        return f"a {'whole ' if self.whole else ''}number from {self.least:g} to {self.most:g}"

    def read(self, text: str) -> float:
        if self.whole and not re.fullmatch(r"[0-9]{1,9}", text):
            raise ValueError(text)
        number = int(text) if self.whole else float(text)
        if math.isnan(number) or not self.least <= number <= self.most:
            raise ValueError(text)
        return number


@dataclass(frozen=True)
class OneOf:
    """One of a few words."""

    allowed: tuple[str, ...]

    @property
    def form(self) -> str:
        return "|".join(self.allowed)

    @property
    def rule(self) -> str:
        return f"one of {', '.join(self.allowed)}"

    def read(self, text: str) -> str:
        if text not in self.allowed:
            raise ValueError(text)
        return text


@dataclass(frozen=True)
class YesNo:
    """`yes` or `no`, which mean True and False."""

    allowed: tuple[str, ...] = ("yes", "no")
    form: str = "yes|no"
    rule: str = "yes or no"

    def read(self, text: str) -> bool:
        if text not in self.allowed:
            raise ValueError(text)
        return text == "yes"


@dataclass(frozen=True)
class SomeOf:
    """Some of a few words, separated by commas. `always` are among them, whether they are named or not."""

    allowed: tuple[str, ...]
    always: tuple[str, ...] = ()
    form: str = "LIST"

    @property
    def rule(self) -> str:
        return f"a list with commas of {', '.join(self.allowed)}, without blanks"

    @property
    def pattern(self) -> str:
        word = f"({'|'.join(self.allowed)})"
        return f"{word}(,{word})*"

    def read(self, text: str) -> tuple[str, ...]:
        """The words in the order of `allowed`. Blanks and repetitions make no difference."""
        words = [word.strip() for word in text.split(",")]
        if not set(words) <= set(self.allowed):
            raise ValueError(text)
        return tuple(word for word in self.allowed if word in (*self.always, *words))


@dataclass(frozen=True)
class Classes:
    """Names of classes, separated by commas. The detector's model says which there are."""

    form: str = "NAME,..."
    rule: str = "empty, or names of classes separated by commas, such as person,traffic light"
    pattern: str = r"[^\x00-\x1f\x7f]*"

    def read(self, text: str) -> tuple[str, ...]:
        names = tuple(dict.fromkeys(" ".join(name.split()) for name in text.split(",")))
        if not re.fullmatch(self.pattern, text) or ("" in names and text.strip()):
            raise ValueError(text)
        return () if names == ("",) else names


@dataclass(frozen=True)
class Language:
    """`auto`, or the code of a language. The speech model says which there are."""

    form: str = "auto|CODE"
    rule: str = "auto, or the ISO 639-1 code of a language, such as en or de"
    pattern: str = r"auto|[a-z]{2,3}"

    def read(self, text: str) -> str:
        if not re.fullmatch(self.pattern, text):
            raise ValueError(text)
        return text


@dataclass(frozen=True)
class AudioTrack:
    """What selects an audio stream: its index, its language, or nothing."""

    form: str = "INDEX|LANGUAGE"
    rule: str = "empty, the index of a stream, or a language such as en, eng or pt-BR"
    pattern: str = SELECTOR

    def read(self, text: str) -> str:
        if not is_selector(text):
            raise ValueError(text)
        return text


def refusal(kind: Kind, text: str) -> str:
    """What a wrong value must be, and which word may be meant by its first wrong one."""
    said = f"must be {kind.rule}"
    if isinstance(kind, OneOf | YesNo | SomeOf):
        wrong = (word for each in text.split(",") if (word := each.strip()) not in kind.allowed)
        for near in get_close_matches(next(wrong, "").lower(), kind.allowed, 1):
            said += f": did you mean {near}?"
    return said


# ---------------------------------------------------------------- the values
@dataclass(frozen=True)
class Choices(Contract):
    """What was chosen for one upload. The defaults are those of a deployment without parameters."""

    #: a detection has a higher confidence than this
    confidence: float = 0.25
    #: intersection over union above which the less confident of two boxes of one class is removed
    nms: float = 0.45
    #: the classes to detect; empty: all
    classes: tuple[str, ...] = ()
    #: detect on one in so many frames, and interpolate the boxes between them
    detect_every: int = 1
    labels: Labels = "confidence"
    #: factor for the height of the labels' text and the width of the lines
    label_size: float = 1.0
    #: the spoken language: `auto`, or ISO 639-1
    speech_language: str = AUTO
    #: translate: English subtitles, whatever is spoken
    speech_task: SpeechTask = "transcribe"
    #: the start and the end of each word, in the transcript and on the page
    word_times: bool = True
    subtitles: Subtitles = "soft"
    #: index or language of the audio stream to use; empty: automatic
    audio_track: str = ""
    #: the results to make
    outputs: tuple[str, ...] = OUTPUTS
    #: seconds of Lambda that each step may use; null: all there are
    lambda_seconds: float | None = None

    def drawn_late(self, *, audio: bool) -> bool:
        """Whether Merge draws the boxes, because what is drawn is known only when all segments and spans are done.

        Parameters
        ----------
        audio:
            Whether the video has audio, and so perhaps subtitles.
        """
        return self.labels == "track" or (self.subtitles == "burnt" and audio)


# ---------------------------------------------------------------- the table
@dataclass(frozen=True)
class Choice:
    """One choice. `field` is its name in `Choices`.

    Parameters
    ----------
    help:
        One sentence for the command line, the template and the documents.
    of_upload_only:
        It is no parameter of the stack.
    """

    field: str
    kind: Kind
    help: str
    of_upload_only: bool = False

    @property
    def default(self) -> Any:
        """The value that counts without any."""
        return getattr(Choices(), self.field)

    @property
    def parameter(self) -> str:
        """The name of the stack's parameter."""
        return "".join(word.capitalize() for word in self.field.split("_"))

    @property
    def variable(self) -> str:
        """The name of the environment variable."""
        return self.field.upper()

    @property
    def option(self) -> str:
        """The name of the option of the command line."""
        return "--" + self.field.replace("_", "-")

    @property
    def metadata(self) -> str:
        """The name of the upload's metadata, without `x-amz-meta-`."""
        return PREFIX + self.field.replace("_", "-")


CHOICES: tuple[Choice, ...] = (
    Choice(
        "confidence",
        NumberWithin(0.01, 0.99),
        "Show the objects that are found with a higher confidence than this.",
    ),
    Choice(
        "nms",
        NumberWithin(0.05, 0.95),
        "Of two boxes of one class that overlap by more than this (intersection over union), show the more confident.",
    ),
    Choice("classes", Classes(), "Show only objects of these classes, named as by the model; empty shows all."),
    Choice(
        "detect_every",
        NumberWithin(1, 60, whole=True),
        "Detect on one frame in so many, and interpolate the boxes of each object in between.",
    ),
    Choice(
        "labels",
        OneOf(LABELS),
        "Label each box with its class and its confidence, its class, its class and its track's number, or not at all.",
    ),
    Choice("label_size", NumberWithin(0.5, 3), "Draw the text of the labels and the lines so many times as large."),
    Choice("speech_language", Language(), "Recognise speech in this language; auto recognises the language as well."),
    Choice(
        "speech_task",
        OneOf(SPEECH_TASKS),
        "Write subtitles in the spoken language, or translate them to English, which needs a model of many languages.",
    ),
    Choice("word_times", YesNo(), "Tell when each word is said, in the transcript and on the page."),
    Choice(
        "subtitles",
        OneOf(SUBTITLES),
        "Add the subtitles to the MP4 as a track to switch on, or draw them into the frames of all videos.",
    ),
    Choice(
        "audio_track",
        AudioTrack(),
        "Use the audio stream with this index in the file or this language; empty, or if none matches, it is chosen by "
        "its content.",
    ),
    Choice(
        "outputs",
        SomeOf(OUTPUTS, ALWAYS),
        "Make avi and srt, which are always there, and of mp4 (H.264), vtt (subtitles for browsers), txt and json (the "
        "transcript), jpg (a thumbnail and a contact sheet) and html (a page to look at) those that are named.",
    ),
    Choice(
        "lambda_seconds",
        NumberWithin(0, 900),
        "Let each step use so many seconds of Lambda before it moves to AWS Batch; 0 moves each at once.",
        of_upload_only=True,
    ),
)
OF_STACK: tuple[Choice, ...] = tuple(choice for choice in CHOICES if not choice.of_upload_only)
LAMBDA_SECONDS: str = CHOICES[-1].metadata


def written(value: Any) -> str:
    """A value as the text that means it, for a parameter."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:g}"
    return ",".join(value) if isinstance(value, Sequence) and not isinstance(value, str) else str(value)


# ---------------------------------------------------------------- names
def spelled(wanted: Sequence[str], names: Sequence[str], detector: str) -> tuple[str, ...]:
    """The wanted classes as the detector names them. Capitals make no difference.

    Raises
    ------
    ValueError
        The detector has no such class. The text says which there are.
    """
    known = {name.casefold(): name for name in names}
    for name in wanted:
        if name.casefold() not in known:
            raise ValueError(f"{detector} has no class {shown(name)}{instead(name.casefold(), known)}")
    return tuple(known[name.casefold()] for name in wanted)


def shown(text: str) -> str:
    """A text in quotes, shortened. Control characters are escaped."""
    return repr(text if len(text) <= MOST_SHOWN else text[:MOST_SHOWN] + "…")


def instead(name: str, known: Mapping[str, str]) -> str:
    """What may be meant by a wrong name: those near to it, or all. `known` has each name by its small letters."""
    if near := [known[each] for each in get_close_matches(name, known, 3)]:
        return f": did you mean {' or '.join(near)}?"
    return f"; there are {', '.join(known.values())}"
