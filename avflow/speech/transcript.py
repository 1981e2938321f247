"""What was said and when, in one shape for every engine."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any


@dataclass(frozen=True)
class Word:
    """One word with its punctuation, without spaces around it.

    `start` and `end` are seconds from the start of the sound; `probability` is the engine's own
    confidence, 0 to 1. `joined` means written without a space before it, as in Chinese, Japanese
    and Thai, or the second half of `well-known`.
    """

    start: float
    end: float
    text: str
    probability: float = 1.0
    joined: bool = False


@dataclass(frozen=True)
class Utterance:
    """A stretch of speech that the engine recognised as a whole; never without words."""

    words: tuple[Word, ...]

    @property
    def start(self) -> float:
        """Seconds at which its first word begins."""
        return self.words[0].start

    @property
    def end(self) -> float:
        """Seconds at which its last word ends."""
        return self.words[-1].end

    @property
    def text(self) -> str:
        """The words as they are written."""
        return join_words(self.words)


@dataclass(frozen=True)
class Transcript:
    """All that was said in `duration` seconds of sound; no utterances if nothing was.

    `language` is an ISO 639-1 code, None if there was no speech to tell it from.
    """

    utterances: tuple[Utterance, ...]
    duration: float
    language: str | None = None

    @property
    def words(self) -> tuple[Word, ...]:
        """The words of all utterances, in order."""
        return tuple(word for segment in self.utterances for word in segment.words)

    @property
    def text(self) -> str:
        """All that was said, as it is written."""
        return join_words(self.words)

    def shifted(self, seconds: float) -> Transcript:
        """The same, said so many seconds later."""
        return replace(
            self,
            utterances=tuple(
                Utterance(
                    tuple(replace(word, start=word.start + seconds, end=word.end + seconds) for word in segment.words)
                )
                for segment in self.utterances
            ),
        )

    def to_dict(self) -> dict[str, Any]:
        """As JSON has it, to the millisecond: `language`, `seconds`, and `segments`, each a list of words."""
        return {
            "language": self.language,
            "seconds": self.duration,
            "segments": [[_word_to_dict(word) for word in segment.words] for segment in self.utterances],
        }

    @classmethod
    def from_dict(cls, fields: Mapping[str, Any]) -> Transcript:
        """The reverse of `to_dict`; other fields are ignored."""
        utterances = tuple(Utterance(tuple(Word(**word) for word in words)) for words in fields["segments"])
        return cls(utterances, fields["seconds"], fields["language"])

    @classmethod
    def join(cls, transcripts: Sequence[Transcript]) -> Transcript:
        """The transcripts of spans that follow each other, whose times count from the start of the whole, in one.

        Its language is that of most of the sound in which there was speech.
        """
        seconds = defaultdict[str, float](float)
        for transcript in transcripts:
            if transcript.language:
                seconds[transcript.language] += transcript.duration
        return cls(
            tuple(segment for transcript in transcripts for segment in transcript.utterances),
            sum(transcript.duration for transcript in transcripts),
            max(seconds, key=seconds.__getitem__, default=None),
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
    """Words as they are written, with a space wherever one belongs."""
    return "".join(word.text if word.joined else f" {word.text}" for word in words).strip()
