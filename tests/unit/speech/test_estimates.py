"""Words without alignment: the same words, at estimated times, and the usual way for whatever is not clear."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from statistics import median

import numpy as np
import pytest
from faster_whisper import WhisperModel

from avflow.models.store import ModelStore
from avflow.speech import Transcript, whisper
from avflow.speech.estimates import spread
from avflow.speech.subtitles import LINE_WIDTH, cues, width
from avflow.speech.wav import SAMPLE_RATE, Wav
from avflow.speech.whisper import FasterWhisperEngine
from benchmarks.speech import differences, normalised, reference
from tests.media_samples import ffmpeg
from tests.speech_samples import DATA, PCM, SAMPLE, write
from tests.unit.speech.test_windows import TWO


def opened(name: str) -> FasterWhisperEngine:
    models = ModelStore()
    models.fetch(name)
    return FasterWhisperEngine(models.path(name))


@pytest.fixture(scope="module")
def engine() -> FasterWhisperEngine:
    return opened("whisper-tiny.en")


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sample") / "sample.wav"
    ffmpeg("-i", SAMPLE, *PCM, path)
    return path


def test_words_share_the_speech_by_their_width() -> None:
    assert [*spread([1, 3], [(2.0, 6.0)])] == [(2.0, 3.0), (3.0, 6.0)]
    assert [*spread([2, 2, 4], [(0.0, 1.0), (5.0, 6.0), (8.0, 10.0)])] == [(0.0, 1.0), (5.0, 6.0), (8.0, 10.0)]
    assert [*spread([1, 1], [(0.0, 1.0), (5.0, 8.0)])] == [(0.0, 6.0), (6.0, 8.0)]
    assert [*spread([], [(0.0, 1.0)])] == []


def test_the_speech_between_two_seconds_of_a_window() -> None:
    assert TWO.speech_between(0, 10) == [(0.5, 4.5), (5.5, 9.5)]
    assert TWO.speech_between(1, 6) == [(1, 4.5), (5.5, 6)]
    assert TWO.speech_between(4.5, 5.5) == []


# ---------------------------------------------------------------- clear speech
def near(estimated: Transcript, aligned: Transcript) -> None:
    """The same words but for one, apart from punctuation, at most so far from where they are said."""
    assert differences(normalised(aligned.text), normalised(estimated.text)) <= 1
    apart = [abs(one.start - other.start) for one, other in zip(estimated.words, aligned.words, strict=True)]
    assert median(apart) < 0.25
    assert max(apart) < 1.0
    assert all(one.end <= other.start + 1e-6 for one, other in pairwise(estimated.words))


def test_clear_speech_has_the_same_words_without_an_alignment(engine, sample, monkeypatch) -> None:
    aligned = engine.transcribe(sample)

    def never(*_, **__):
        raise AssertionError("the words were aligned")

    monkeypatch.setattr(WhisperModel, "add_word_timestamps", never)
    estimated = engine.transcribe(sample, word_times=False)
    near(estimated, aligned)
    assert [said.text for said in estimated.utterances] == [
        "And so my fellow Americans ask not what your country can do for you",
        "ask what you can do for your country.",
    ], "a sentence each"
    laid_out = cues(estimated)
    assert all(one.end <= other.start for one, other in pairwise(laid_out))
    assert all(width(line) <= LINE_WIDTH for cue in laid_out for line in cue.text.split("\n"))
    assert all(cue.text.count("\n") <= 1 for cue in laid_out)


@pytest.mark.slow
@pytest.mark.parametrize("language", ["en", "es", "fr", "it", "ru"])
def test_languages_have_the_same_words(language, tmp_path) -> None:
    ffmpeg("-i", DATA / f"{language}.opus", *PCM, tmp_path / "said.wav")
    several = opened("whisper-base")
    aligned = several.transcribe(tmp_path / "said.wav", language=language)
    near(several.transcribe(tmp_path / "said.wav", language=language, word_times=False), aligned)


# ---------------------------------------------------------------- what is not clear
def test_what_is_not_clear_is_decoded_as_usual(engine, sample, monkeypatch) -> None:
    monkeypatch.setattr(whisper, "is_clear", lambda *_: False)
    assert engine.transcribe(sample, word_times=False) == engine.transcribe(sample)


def test_a_loop_is_decoded_again(engine, sample, tmp_path) -> None:
    with Wav(sample) as sound:
        said = sound.read(0, sound.samples)
    cut = np.tile(said, 3)[2 * SAMPLE_RATE : 31 * SAMPLE_RATE]  # see test_windows.py
    heard = normalised(engine.transcribe(write(tmp_path / "cut.wav", cut), word_times=False).text)
    expected = [*reference(11.0, 11.0)[5:], *reference(11.0, 11.0), *reference(11.0, 9.0)]
    assert differences(expected, heard) <= 3


def test_speech_that_is_passed_over_is_decoded_again(engine, sample, monkeypatch) -> None:
    class Forgetful(whisper.BatchedInferencePipeline):
        """Stops in the middle, as Whisper sometimes does."""

        def transcribe(self, *args, **kwargs):
            segments, info = super().transcribe(*args, **kwargs)
            kept = list(segments)[:1]
            for segment in kept:
                segment.words = segment.words and segment.words[: len(segment.words) // 2]
            return kept, info

    monkeypatch.setattr(whisper, "BatchedInferencePipeline", Forgetful)
    assert engine.transcribe(sample, word_times=False).words[-1].end == pytest.approx(10.5, abs=0.3)


def test_a_language_that_the_model_does_not_know_has_no_words(engine, tmp_path) -> None:
    ffmpeg("-i", DATA / "pl-synthetic.opus", *PCM, tmp_path / "said.wav")
    heard = engine.transcribe(tmp_path / "said.wav", word_times=False)
    assert heard == replace(engine.transcribe(tmp_path / "said.wav"), utterances=heard.utterances)
    assert [notice.name for notice in heard.notices] == ["SpeechNotEnglish"]
    assert heard.words == ()


@pytest.mark.parametrize("kind", ["noise", "tone", "silence"])
def test_what_is_no_speech_has_no_words(engine, tmp_path, kind) -> None:
    count, generator = 12 * SAMPLE_RATE, np.random.default_rng(1)
    sounds = {
        "noise": generator.normal(0, 3000, count),
        "tone": 8000 * np.sin(2 * np.pi * 440 * np.arange(count) / SAMPLE_RATE),
        "silence": np.zeros(count),
    }
    assert engine.transcribe(write(tmp_path / "sound.wav", sounds[kind]), word_times=False).words == ()
