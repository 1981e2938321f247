"""Which words are believed, on decodings as Whisper gives them."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from avflow.speech.belief import (
    Certainty,
    Heard,
    believed,
    better,
    better_translation,
    is_speech,
    is_translatable,
    is_translation,
    is_translation_doubtful,
    without_repetitions,
)
from avflow.speech.doubts import Doubts, not_english
from avflow.speech.transcript import Utterance, Word
from avflow.speech.windows import Stretch, Window


def heard(text: str = "Good morning everybody.", probable: float = -0.2, **fields) -> Heard:
    """A segment of words that take 0.3 s each; `instants` of them take no time."""
    instants, probability = fields.pop("instants", 0), fields.pop("probability", 0.9)
    words = [
        SimpleNamespace(
            start=0.3 * place,
            end=0.3 * place + (0 if place < instants else 0.3),
            word=f" {word}",
            probability=probability,
        )
        for place, word in enumerate(text.split())
    ]
    return Heard(words, probable, fields.get("no_speech", 0.1), fields.get("tokens", len(words)))


LOOP = heard("I've been working on " * 20, -0.15, instants=60)
CHORUS = heard("I've been working on " * 20, -0.15)
SURE, UNSURE, GUESSED = Certainty(0.97), Certainty(0.6), Certainty(0.2)
ONLY_ENGLISH = Certainty(only=True)


def test_a_loop_is_told_from_a_chorus_by_the_time_that_its_words_take() -> None:
    assert LOOP.compression == CHORUS.compression > 2.4
    assert (LOOP.is_loop, CHORUS.is_loop) == (True, False)
    assert believed([LOOP], SURE, 10.0, looped=True) == []
    assert believed([CHORUS], SURE, 10.0, looped=False) == [CHORUS]


@pytest.mark.parametrize(
    ("certainty", "looped", "least"),
    [
        (SURE, False, -0.75),
        (SURE, True, -0.75),
        (UNSURE, False, -0.7),
        (UNSURE, True, -0.4),
        (GUESSED, False, -0.5),
        (ONLY_ENGLISH, False, -0.7),
        (ONLY_ENGLISH, True, -0.4),
        (Certainty(), False, -1.0),
    ],
)
def test_the_less_sure_the_language_the_more_probable_the_words_must_be(certainty, looped, least) -> None:
    right, wrong = heard(probable=least + 0.01), heard(probable=least - 0.01)
    assert believed([right, wrong], certainty, 10.0, looped=looped) == [right]


def test_a_text_of_too_many_doubtful_tokens_a_second_is_not_believed_until_the_language_is_decided() -> None:
    """Korean that Whisper base takes for Thai: 10 tokens a second with -0.68 each."""
    invented, right = heard(probable=-0.68, tokens=100), heard(probable=-0.48, tokens=100)
    assert believed([invented], SURE, 10.0, looped=False) == []
    assert believed([right], SURE, 10.0, looped=False) == [right]
    assert believed([invented], Certainty(), 10.0, looped=False) == [invented]


@pytest.mark.parametrize(
    ("tokens", "no_speech", "spoken", "is_voice"),
    [
        (40, 0.64, 10.0, True),
        (92, 0.76, 9.9, True),
        (2, 0.79, 1.9, False),
        (5, 0.85, 20.0, False),
        (15, 0.85, 20, False),
    ],
    ids=["speech", "synthetic Korean", "vibrato", "a vowel for 20 s", "some words in 20 s"],
)
def test_a_voice_is_told_from_music_by_the_length_of_the_answer(tokens, no_speech, spoken, is_voice) -> None:
    assert is_speech([heard(probable=-0.7, no_speech=no_speech, tokens=tokens)], spoken) is is_voice


def test_words_over_music_are_not_believed() -> None:
    music = heard("Thank you.", -0.6, no_speech=0.86, probability=0.45)
    clear = heard("Thank you.", -0.6, no_speech=0.86, probability=0.9)
    assert believed([music, clear], SURE, 10.0, looped=False) == [clear]


def test_the_better_decoding_is_kept() -> None:
    fast = heard("Good morning everybody and welcome to the garden show", -0.53)
    worse = heard("Welcome to the garden show", -0.73)
    assert better([fast], [worse]) == [fast]
    assert better([LOOP], [worse]) == [worse]
    assert better([fast], [LOOP]) == [fast]
    assert better([fast], []) == [fast]
    assert better([worse], [fast]) == [fast]


# ---------------------------------------------------------------- translations
def test_only_a_clear_transcription_is_translated() -> None:
    assert is_translatable([heard(probable=-0.2), heard(probable=-0.69)])
    assert not is_translatable([heard(probable=-0.2), heard(probable=-0.71)])


def test_a_right_translation_may_be_improbable_and_its_words_without_time() -> None:
    """Measured on real clips: a log probability down to -0.92, and up to 20 % of words without time."""
    words = "You can find more information about it in the console"
    assert is_translation(heard(words, -0.92, instants=2))
    assert is_translation(heard("I am sorry.", -0.62, instants=1)), "one of three words"
    assert is_translation(CHORUS)
    assert not is_translation(LOOP)
    assert not is_translation(heard(words, -1.1))
    assert not is_translation(heard(""))


def test_a_translation_that_leaves_out_no_speech_is_better_than_a_probable_one() -> None:
    ten = window(0, 3.0)
    whole, part = heard("one two three four five six seven eight nine ten", -0.8), heard("one two three", -0.3)
    assert [is_translation_doubtful([each], ten) for each in (whole, part, LOOP)] == [False, True, True]
    assert is_translation_doubtful([], ten)
    assert better_translation([whole], [part], ten) == [whole]
    assert better_translation([part], [whole], ten) == [whole]
    assert better_translation([LOOP], [part], ten) == [part]
    assert better_translation([part], [], ten) == [part]
    likelier = heard("one two three four five six seven eight nine zehn", -0.5)
    assert better_translation([whole], [likelier], ten) == [likelier]


def said(text: str, probability: float) -> Utterance:
    return Utterance(tuple(Word(0, 1, word, probability) for word in text.split()))


def test_a_doubtful_text_over_and_over_is_cut() -> None:
    noise = [said(text, 0.5) for text in ("Thank you.", "thank you", "Thank you!", "Thank you.")]
    clear, other = said("Thank you.", 0.95), said("Good night.", 0.5)
    assert list(without_repetitions([*noise, other])) == [noise[0], other]
    assert list(without_repetitions([clear] * 5)) == [clear] * 5, "people repeat themselves"
    assert list(without_repetitions(noise[:2])) == noise[:2]


# ---------------------------------------------------------------- warnings
def window(start: float, seconds: float) -> Window:
    stretch = Stretch(round(start * 16_000), round((start + seconds) * 16_000))
    return Window(np.zeros(round(seconds * 16_000), np.float32), (stretch,), (stretch,), 0.0)


def test_the_warning_says_how_much_speech_has_no_subtitles_and_where() -> None:
    doubts = Doubts()
    for start, seconds, doubted in ((0, 20, 0), (61, 9, 9), (100, 20, 0), (3599, 12, 12)):
        doubts.add(window(start, seconds), doubted)
    (notice,) = doubts.notices(600.0, heard="en")
    assert notice.name == "SpeechUnclear"
    assert "21 s of speech between 0:11:01 and 1:10:11 have no subtitles" in notice.message
    (notice,) = doubts.notices(0.0, heard=None)
    assert notice.name == "SpeechLanguageUnclear"
    assert not doubts.prevail


def test_a_sound_like_a_syllable_is_worth_no_warning() -> None:
    doubts = Doubts()
    doubts.add(window(5, 0.4), 0.4)
    assert (doubts.notices(0.0, heard=None), doubts.prevail) == ((), False)


def test_most_of_the_speech_decides_whether_it_is_english() -> None:
    doubts = Doubts()
    doubts.add(window(0, 10), 0)
    doubts.add(window(20, 11), 11)
    assert doubts.prevail
    spelled = Doubts()
    spelled.add(window(0, 7), 0, 7)
    assert not spelled.prevail, "fast or quiet English is no more probable"
    spelled.add(window(10, 7), 0, 7)
    assert spelled.prevail
    spelled.add(window(20, 15), 0)
    assert not spelled.prevail
    assert "only language of the model whisper-tiny.en" in not_english("whisper-tiny.en").message
