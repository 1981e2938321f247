"""Which of Whisper's words to believe.

Whisper always answers with a text, also for a language that it does not know and for sounds that are no speech. Such a
text differs from a right one: it is improbable, or a loop. All limits here were measured (docs/speech.md): on clear
speech that the model knows, Whisper's average log probability is -0.05 to -0.3, in noise as loud as the voice -0.15,
with very fast or quiet speech -0.6. A model that does not know the language answers with -0.7 to -1.6, or with a loop.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import numpy as np

from avflow.speech.transcript import Utterance, Word
from avflow.speech.windows import Window

#: Whisper's own threshold: a text is improbable below this average log probability of its tokens
_IMPROBABLE = -1.0
#: the same if this text itself tells the language, although surely: no earlier speech has decided it
_IMPROBABLE_IF_FIRST = -0.75
#: the same while the model is not sure of the language, and for a model that knows one language only
_IMPROBABLE_IF_UNSURE = -0.7
#: the same if the language is a mere guess, or if the first decoding was a loop and the language is not sure
_IMPROBABLE_IF_GUESSED, _IMPROBABLE_AFTER_LOOP = -0.5, -0.4
#: the same for most of a longer recording in a model that knows one language: it spells another one by its sound
_SPELLED = -0.5
#: the same for the sum over a window's tokens, per second of speech. The average per token hides an invented text in a
#: script whose letters take more tokens. Only until speech has decided the language
_IMPROBABLE_A_SECOND = -5.5
#: probabilities of the language from which it is certain, and below which it is a guess
CERTAIN, GUESS = 0.8, 0.5
#: the same if earlier speech has decided the language
DECIDED = 1.0
#: shortest duration of a word in seconds, and the share of a window's words that may be shorter
_INSTANT, _INSTANT_SHARE = 0.05, 0.1
#: the share of such words, and the compression ratio of the text, above which it is a loop for sure
_LOOP_SHARE, _LOOP_COMPRESSION = 0.3, 2.4
#: seconds of a stretch of speech that may be without a word. With more, Whisper has skipped speech
_UNHEARD_SECONDS = 1.2
#: words are invented if Whisper's probability of non-speech is above the first and that of its words below the second
_NO_SPEECH, _DOUBTED = 0.6, 0.5
#: Whisper's probability of non-speech above which a sound without believed words is no speech. Measured on a first
#: decoding: at most 0.64 for speech in languages that the model does not know, at least 0.69 for music of over 0.3 s
_SURELY_NO_SPEECH = 0.67
#: tokens with which Whisper answers a voice even so, in all and per second. Music and vibrato got 2 to 5, synthetic
#: speech in a language that the model takes for another one 9 to 23 per second
_WORDY, _WORDY_A_SECOND = 10, 2.0
#: least log probability of a transcription whose speech is translated. From less, Whisper invents a translation
_TRANSLATABLE = -0.7
#: so many equal utterances in a row are a repetition; it is believed if its words have this probability
_REPEATED, _CHANTED = 3, 0.75


@dataclass(frozen=True)
class Heard:
    """The words of one of faster-whisper's segments, with times in seconds of the window, and its probabilities."""

    words: Sequence[Any]
    log_probability: float
    no_speech: float
    tokens: int

    @classmethod
    def of(cls, segment: Any) -> Heard:
        """What faster-whisper heard, without empty words."""
        words = [word for word in segment.words or () if word.word.strip()]
        return cls(words, segment.avg_logprob, segment.no_speech_prob, len(segment.tokens))

    @property
    def instants(self) -> float:
        """The share of words that take no time: nobody says them."""
        return sum(float(word.end) - float(word.start) < _INSTANT for word in self.words) / max(1, len(self.words))

    @property
    def compression(self) -> float:
        """How many times smaller the text gets with zlib, as in Whisper: high for a loop or a chorus."""
        text = "".join(word.word for word in self.words).encode()
        return len(text) / len(zlib.compress(text))

    @property
    def is_loop(self) -> bool:
        """Whether the text repeats itself without the audio repeating itself."""
        return self.instants > _LOOP_SHARE or (self.instants > _INSTANT_SHARE and self.compression > _LOOP_COMPRESSION)

    @property
    def is_no_speech(self) -> bool:
        """Whether Whisper takes the audio for music, noise or silence."""
        if self.no_speech <= _NO_SPEECH:
            return False
        return not self.words or bool(np.mean([word.probability for word in self.words]) < _DOUBTED)


@dataclass(frozen=True)
class Certainty:
    """How sure it is that the window's language is the one that the text is in.

    `language` is its probability: `DECIDED` if other speech has decided it. `only` says that the model knows no other.
    """

    language: float = DECIDED
    only: bool = False

    def least(self, *, looped: bool) -> float:
        """The average log probability below which a text is not believed. `looped`: it was a loop at first."""
        if self.language >= CERTAIN and not self.only:
            return _IMPROBABLE if self.language >= DECIDED else _IMPROBABLE_IF_FIRST
        if looped:
            return _IMPROBABLE_AFTER_LOOP
        return _IMPROBABLE_IF_UNSURE if self.language >= GUESS else _IMPROBABLE_IF_GUESSED


def is_speech(first: Sequence[Heard], spoken: float) -> bool:
    """Whether someone speaks in a window whose words are not believed.

    `first` is its first decoding, `spoken` the seconds that the voice detector takes for speech.
    """
    tokens = sum(each.tokens for each in first)
    wordy = tokens >= max(_WORDY, _WORDY_A_SECOND * spoken)
    return wordy or any(each.no_speech <= _SURELY_NO_SPEECH for each in first)


def is_spelled(heard: Sequence[Heard]) -> bool:
    """Whether a model of one language may have spelled the words of another one."""
    return any(each.log_probability < _SPELLED for each in heard)


def is_doubtful(heard: Sequence[Heard], window: Window) -> bool:
    """Whether to decode the window again: its text is improbable, a loop, or leaves out speech."""
    return any(
        each.log_probability < _IMPROBABLE
        or each.instants > _INSTANT_SHARE
        or window.unheard([(float(word.start), float(word.end)) for word in each.words]) > _UNHEARD_SECONDS
        for each in heard
    )


def better(first: Sequence[Heard], again: Sequence[Heard]) -> Sequence[Heard]:
    """The better of two decodings of a window. The second one is a sample, and can be worse."""
    if any(each.is_loop for each in first) or not first:
        return again
    if not again or any(each.is_loop for each in again):
        return first
    # the second one is more often right about the place of the words
    said, said_again = (sum(len(each.words) for each in heard) for heard in (first, again))
    less_probable = _log_probability(again) < _log_probability(first)
    return first if said_again < said and less_probable else again


def _log_probability(heard: Sequence[Heard]) -> float:
    return float(np.mean([each.log_probability for each in heard]))


def believed(heard: Sequence[Heard], certainty: Certainty, spoken: float, *, looped: bool) -> list[Heard]:
    """The segments with words that someone said in a window with so many seconds of speech."""
    least = certainty.least(looped=looped)
    whole = sum(each.log_probability * each.tokens for each in heard)
    if certainty.language < DECIDED and whole < _IMPROBABLE_A_SECOND * spoken:
        return []
    return [
        each
        for each in heard
        if each.words and each.log_probability >= least and not each.is_loop and not each.is_no_speech
    ]


# ---------------------------------------------------------------- translations
def is_translatable(heard: Sequence[Heard]) -> bool:
    """Whether the believed transcription of a window is clear enough for its translation to be right."""
    return all(each.log_probability >= _TRANSLATABLE for each in heard)


def is_translation(heard: Heard) -> bool:
    """Whether to believe the translation of speech whose transcription is believed.

    Translated words have no exact place in the audio, and up to 20 % of right ones take no time. So a loop must also
    compress well.
    """
    loops = heard.instants > _LOOP_SHARE and heard.compression > _LOOP_COMPRESSION
    return bool(heard.words) and heard.log_probability >= _IMPROBABLE and not loops


def is_translation_doubtful(heard: Sequence[Heard], window: Window) -> bool:
    """Whether to translate the window again: its translation is not believed, or leaves out speech."""
    return not all(map(is_translation, heard)) or _leaves_out_speech(heard, window)


def better_translation(first: Sequence[Heard], again: Sequence[Heard], window: Window) -> Sequence[Heard]:
    """The better of two translations of a window: one that leaves out no speech, or else the more probable one."""
    right = [heard for heard in (first, again) if heard and all(map(is_translation, heard))]
    return max(right, key=lambda heard: (not _leaves_out_speech(heard, window), _log_probability(heard)), default=again)


def _leaves_out_speech(heard: Sequence[Heard], window: Window) -> bool:
    placed = [(float(word.start), float(word.end)) for each in heard for word in each.words]
    return window.unheard(placed) > _UNHEARD_SECONDS


def without_repetitions(utterances: Iterable[Utterance]) -> Iterator[Utterance]:
    """The utterances, without those that repeat the one before over and over although their words are doubtful.

    Whisper answers the same short text for one noise after another. People, too, repeat themselves, but clearly.
    """
    for _, run in groupby(utterances, key=_plain):
        same = list(run)
        doubtful = np.mean([word.probability for each in same for word in each.words]) < _CHANTED
        yield from same[:1] if len(same) >= _REPEATED and doubtful else same


def _plain(utterance: Utterance) -> str:
    return "".join(char for char in utterance.text.casefold() if char.isalnum())


def words(heard: Heard, window: Window) -> tuple[Word, ...]:
    """The words with their times in the whole audio."""
    return tuple(
        Word(
            *window.times(float(word.start), float(word.end)),
            text=word.word.strip(),
            probability=float(word.probability),
            joined=not word.word[0].isspace(),
        )
        for word in heard.words
    )
