"""The transcript: words with their times, in one form for every engine."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from avflow.media.notices import Notice


@dataclass(frozen=True)
class Word:
    """One word with its punctuation, without spaces around it.

    `start` and `end` are seconds from the start of the audio. `probability` is the engine's own confidence, 0 to 1.
    `joined` means that no space precedes the word, as in Chinese, Japanese and Thai, or in the second half of
    `well-known`.
    """

    start: float
    end: float
    text: str
    probability: float = 1.0
    joined: bool = False


@dataclass(frozen=True)
class Utterance:
    """A stretch of speech that the engine recognised as a whole. It has at least one word."""

    words: tuple[Word, ...]

    @property
    def start(self) -> float:
        """Start of its first word in seconds."""
        return self.words[0].start

    @property
    def end(self) -> float:
        """End of its last word in seconds."""
        return self.words[-1].end

    @property
    def text(self) -> str:
        """The words as written text."""
        return join_words(self.words)


@dataclass(frozen=True)
class Transcript:
    """All utterances in `duration` seconds of audio. Empty if nobody speaks.

    `language` is an ISO 639-1 code, or None without words. `notices` say which speech has no words, and why. They are
    not part of the form in JSON.
    """

    utterances: tuple[Utterance, ...]
    duration: float
    language: str | None = None
    notices: tuple[Notice, ...] = ()

    @property
    def words(self) -> tuple[Word, ...]:
        """The words of all utterances, in order."""
        return tuple(word for utterance in self.utterances for word in utterance.words)

    @property
    def text(self) -> str:
        """All words as written text."""
        return join_words(self.words)

    def shifted(self, seconds: float) -> Transcript:
        """The same transcript, `seconds` later."""
        return replace(
            self,
            utterances=tuple(
                Utterance(
                    tuple(replace(word, start=word.start + seconds, end=word.end + seconds) for word in utterance.words)
                )
                for utterance in self.utterances
            ),
        )

    def to_dict(self) -> dict[str, Any]:
        """The form in JSON, with times in milliseconds: `language`, `seconds`, and `segments`, a list of words each."""
        return {
            "language": self.language,
            "seconds": self.duration,
            "segments": [[_word_to_dict(word) for word in utterance.words] for utterance in self.utterances],
        }

    @classmethod
    def from_dict(cls, fields: Mapping[str, Any]) -> Transcript:
        """The reverse of `to_dict`. It ignores other fields."""
        utterances = tuple(Utterance(tuple(Word(**word) for word in words)) for words in fields["segments"])
        return cls(utterances, fields["seconds"], fields["language"])

    @classmethod
    def join(cls, transcripts: Sequence[Transcript]) -> Transcript:
        """Join the transcripts of successive spans, whose times count from the start of the whole audio.

        The language is the one with the most seconds of audio among spans with speech.
        """
        seconds = defaultdict[str, float](float)
        for transcript in transcripts:
            if transcript.language:
                seconds[transcript.language] += transcript.duration
        return cls(
            tuple(utterance for transcript in transcripts for utterance in transcript.utterances),
            sum(transcript.duration for transcript in transcripts),
            max(seconds, key=seconds.__getitem__, default=None),
            tuple(dict.fromkeys(notice for transcript in transcripts for notice in transcript.notices)),
        )


def _word_to_dict(word: Word) -> dict[str, Any]:
    return {
        "start": round(word.start, 3),
        "end": round(word.end, 3),
        "text": word.text,
        "probability": round(word.probability, 3),
        "joined": word.joined,
    }


def join_words(words: Sequence[Word]) -> str:
    """The words as written text, with spaces between them unless they are joined."""
    return "".join(word.text if word.joined else f" {word.text}" for word in words).strip()
