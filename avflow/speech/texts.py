"""The transcript as plain text, and as JSON with the time and the probability of each word."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from avflow.filenames import printable_json
from avflow.media.contract import Contract
from avflow.models.kinds import TRANSLATED_TO, SpeechTask
from avflow.speech.subtitles import LONG_PAUSE, ends_sentence
from avflow.speech.transcript import Transcript, Utterance, Word, join_words

#: increased when a reader of the former version would misread a transcript
SCHEMA_VERSION = 1


@dataclass(frozen=True)
class SpokenWord(Contract):
    """One word with its punctuation. Times are seconds from the start of the video."""

    start: float
    end: float
    text: str
    #: how sure the speech model is, 0 to 1
    probability: float
    #: ISO 639-1: the language of the text, also if it is a translation; null if unknown
    language: str | None
    #: whether no space precedes the word, as in Chinese, or in the second half of `well-known`
    joined: bool


@dataclass(frozen=True)
class SpokenSegment(Contract):
    """A stretch of speech that was recognised as a whole."""

    start: float
    end: float
    text: str
    words: tuple[SpokenWord, ...]


@dataclass(frozen=True)
class TranscriptFile(Contract):
    """`result/….transcript.json`: what is said, word by word. Without speech it has no segments."""

    #: increased when a reader of the former version would misread a transcript
    schema: int
    #: the spoken language, ISO 639-1; null without recognised speech
    language: str | None
    #: translate: the text is English, and `language` is the spoken one
    task: SpeechTask
    #: duration of the audio in seconds
    seconds: float
    segments: tuple[SpokenSegment, ...]


def transcript_file(spans: Sequence[Transcript], task: SpeechTask) -> TranscriptFile:
    """The words of all spans, whose times count from the start of the whole audio. A span may have its own language."""
    whole = Transcript.join(spans)
    segments = tuple(
        _segment(utterance, TRANSLATED_TO if task == "translate" else span.language)
        for span in spans
        for utterance in span.utterances
    )
    return TranscriptFile(SCHEMA_VERSION, whole.language, task, round(whole.duration, 3), segments)


def write_json(spans: Sequence[Transcript], task: SpeechTask, path: Path) -> None:
    """Write the words of all spans as JSON: `TranscriptFile`."""
    told = json.dumps(transcript_file(spans, task).to_dict(), indent=2, ensure_ascii=False)
    path.write_text(printable_json(told) + "\n", encoding="utf-8")


def _segment(utterance: Utterance, language: str | None) -> SpokenSegment:
    words = tuple(
        SpokenWord(
            round(word.start, 3), round(word.end, 3), word.text, round(word.probability, 3), language, word.joined
        )
        for word in utterance.words
    )
    return SpokenSegment(round(utterance.start, 3), round(utterance.end, 3), utterance.text, words)


def write_text(transcript: Transcript, path: Path) -> None:
    """Write the transcript as plain text: UTF-8, a sentence on each line. A long pause also ends a line."""
    lines = (re.sub(r"\s+", " ", join_words(sentence)) for sentence in _sentences(transcript.words))
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8", newline="\n")


def _sentences(words: Sequence[Word]) -> Iterator[Sequence[Word]]:
    cuts = [
        number
        for number, (word, following) in enumerate(pairwise(words), 1)
        if ends_sentence(word) or following.start - word.end >= LONG_PAUSE
    ]
    for start, end in pairwise([0, *cuts, len(words)]):
        if end > start:
            yield words[start:end]
