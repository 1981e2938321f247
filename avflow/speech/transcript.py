"""What was said and when, in one shape for every engine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


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
class Segment:
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
    """All that was said in `duration` seconds of sound; no segments if nothing was.

    `language` is an ISO 639-1 code, None if there was no speech to tell it from.
    """

    segments: tuple[Segment, ...]
    duration: float
    language: str | None = None

    @property
    def words(self) -> tuple[Word, ...]:
        """The words of all segments, in order."""
        return tuple(word for segment in self.segments for word in segment.words)

    @property
    def text(self) -> str:
        """All that was said, as it is written."""
        return join_words(self.words)


def join_words(words: Sequence[Word]) -> str:
    """Words as they are written, with a space wherever one belongs."""
    return "".join(word.text if word.joined else f" {word.text}" for word in words).strip()
