"""How long audio is divided into spans, and what the engines recognise in them."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from avflow.models.store import ModelStore
from avflow.speech import Transcript, open_engine
from avflow.speech.spans import Span, cut
from avflow.speech.wav import SAMPLE_RATE, Wav
from tests.speech_samples import write

#: seconds of the sample in which nobody speaks, found by ear
PAUSES = [(0.0, 0.3), (2.25, 3.3), (4.4, 5.4), (7.65, 8.3), (10.4, 11.01)]


def noise(samples: int, like: np.ndarray, decibels: float) -> np.ndarray:
    """White noise, `decibels` below the level of `like`."""
    loudness = np.sqrt(np.mean(np.square(like.astype(float)))) * 10 ** (-decibels / 20)
    return np.random.default_rng(7).normal(0, loudness, samples)


@pytest.fixture
def block_of(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """A function that sets the length of a chunk: spans consist of whole chunks."""
    return lambda seconds: monkeypatch.setattr("avflow.speech.chunks.CHUNK_SECONDS", seconds)


@pytest.mark.parametrize("samples", [0, 1, 319, 16_000, 160_001, 1_000_003])
@pytest.mark.parametrize(("seconds", "most"), [(10.0, 8), (0.5, 3), (600.0, 8), (1.0, 1)])
def test_spans_hold_every_sample_once(
    block_of: Callable[[float], None], tmp_path: Path, samples: int, seconds: float, most: int
) -> None:
    block_of(5.0)
    path = write(tmp_path / "noise.wav", np.random.default_rng(1).integers(-9000, 9000, samples))
    spans = cut(path, seconds=seconds, most=most)
    assert [span.part for span in spans] == list(range(len(spans)))
    assert (spans[0].start, spans[-1].end) == (0.0, samples / SAMPLE_RATE)
    assert all(before.end == after.start for before, after in pairwise(spans))
    assert all((edge * SAMPLE_RATE).is_integer() for span in spans for edge in (span.start, span.end))
    expected = max(1, min(most, -(-samples // int(seconds * SAMPLE_RATE))))
    assert min(expected, samples // (8 * SAMPLE_RATE)) <= len(spans) <= expected
    assert all(span.end - span.start > 2.5 for span in spans[1:])


@pytest.mark.parametrize("decibels", [None, 15, 6])
@pytest.mark.parametrize("seconds", [12, 17, 25, 40])
def test_no_word_is_cut(
    block_of: Callable[[float], None], said: np.ndarray, tmp_path: Path, decibels: float | None, seconds: float
) -> None:
    block_of(seconds)
    samples = np.tile(said, 12)
    if decibels is not None:
        samples = np.clip(samples + noise(len(samples), said, decibels), -32768, 32767)
    spans = cut(write(tmp_path / "said.wav", samples), seconds=seconds, most=16)
    assert len(spans) >= 3
    for span in spans[1:]:
        place = span.start % (len(said) / SAMPLE_RATE)
        assert any(start <= place <= end for start, end in PAUSES), place


def test_a_cut_lies_in_the_only_pause(block_of: Callable[[float], None], tmp_path: Path) -> None:
    block_of(50)
    samples = np.random.default_rng(1).integers(-9000, 9000, 100 * SAMPLE_RATE)
    samples[int(41.0 * SAMPLE_RATE) : int(41.4 * SAMPLE_RATE)] //= 20
    spans = cut(write(tmp_path / "pause.wav", samples), seconds=50, most=16)
    assert spans == (Span(0, 0.0, pytest.approx(41.2, abs=0.05)), Span(1, spans[0].end, 100.0))


def test_a_near_pause_is_taken_before_a_longer_one_far_away(block_of: Callable[[float], None], tmp_path: Path) -> None:
    block_of(100)
    samples = np.random.default_rng(1).integers(-9000, 9000, 200 * SAMPLE_RATE)
    for second, length in ((82, 0.5), (98, 0.4)):
        samples[second * SAMPLE_RATE : int((second + length) * SAMPLE_RATE)] = 0
    assert cut(write(tmp_path / "two.wav", samples), seconds=100, most=16)[0].end == pytest.approx(98.2, abs=0.05)


def test_in_a_long_silence_the_cut_stays_where_equal_lengths_have_it(
    block_of: Callable[[float], None], tmp_path: Path
) -> None:
    block_of(50)
    samples = np.random.default_rng(1).integers(-9000, 9000, 100 * SAMPLE_RATE)
    samples[40 * SAMPLE_RATE : 70 * SAMPLE_RATE] = 0
    assert cut(write(tmp_path / "long.wav", samples), seconds=50, most=16)[0].end == 50.0


@pytest.mark.slow
@pytest.mark.parametrize("between", [pytest.param(0.0, marks=pytest.mark.slow), 3.0])
def test_the_spans_say_what_the_whole_says(
    block_of: Callable[[float], None], said: np.ndarray, tmp_path: Path, between: float
) -> None:
    block_of(20)
    gap = noise(int(between * SAMPLE_RATE), said, 12)
    whole = write(tmp_path / "whole.wav", np.concatenate([said, gap] * 6))
    models = ModelStore()
    models.fetch("whisper-tiny.en")
    engine = open_engine("whisper-tiny.en", models)
    spans = cut(whole, seconds=30, most=16)
    assert len(spans) >= 3
    assert len({span.start % 20 for span in spans}) > 1
    heard = []
    with Wav(whole) as sound:
        for span in spans:
            samples = sound.read(round(span.start * SAMPLE_RATE), round(span.end * SAMPLE_RATE))
            part = engine.transcribe(write(tmp_path / "part.wav", samples), origin=span.start)
            heard.append(part.shifted(span.start))
    together, uncut = Transcript.join(heard), engine.transcribe(whole)
    assert together.duration == pytest.approx(uncut.duration)
    assert together.text == uncut.text
    assert [word.start for word in together.words] == pytest.approx([word.start for word in uncut.words], abs=1e-6)
    # "country" is said at 6.0 s and at 10.2 s of each repetition
    period = len(said) / SAMPLE_RATE + between
    times = [word.start for word in together.words if word.text.lower().strip(".,?!") == "country"]
    expected = [repetition * period + second for repetition in range(6) for second in (6.0, 10.2)]
    assert times == pytest.approx(expected, abs=0.5)
