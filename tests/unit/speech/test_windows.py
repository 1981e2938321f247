"""Windows of speech for Whisper, the way back to times in the audio, and windows that are decoded again."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from avflow.models.store import ModelStore
from avflow.speech import whisper
from avflow.speech.wav import SAMPLE_RATE
from avflow.speech.whisper import FasterWhisperEngine
from avflow.speech.windows import WINDOW_SECONDS, Stretch, Window, windows
from benchmarks.speech import SAID, differences, normalised, reference
from tests.speech_samples import write


@pytest.fixture(scope="module")
def engine() -> FasterWhisperEngine:
    models = ModelStore()
    models.fetch("whisper-tiny.en")
    return FasterWhisperEngine(models.path("whisper-tiny.en"))


def window(*, pieces: list[tuple[float, float]], speech: list[tuple[float, float]], offset: float = 0.0) -> Window:
    def stretches(seconds: list[tuple[float, float]]) -> tuple[Stretch, ...]:
        return tuple(Stretch(round(start * SAMPLE_RATE), round(end * SAMPLE_RATE)) for start, end in seconds)

    length = sum(end - start for start, end in pieces)
    return Window(np.zeros(round(length * SAMPLE_RATE), np.float32), stretches(pieces), stretches(speech), offset)


#: 4 s of speech at 10 s and at 20 s of a chunk that begins at 300 s, with 0.5 s of silence around each
TWO = window(pieces=[(9.5, 14.5), (19.5, 24.5)], speech=[(10, 14), (20, 24)], offset=300.0)


# ---------------------------------------------------------------- times
@pytest.mark.parametrize(
    ("in_window", "in_sound"),
    [
        ((1.0, 1.5), (310.5, 311.0)),  # in the first piece
        ((6.0, 6.5), (320.5, 321.0)),  # in the second piece
        ((0.0, 1.0), (309.9, 310.5)),  # with the silence before it
        ((4.0, 5.0), (313.5, 314.1)),  # with the silence after it
        ((4.2, 6.5), (319.9, 321.0)),  # with the pause that was left out, and the end of the word before
        ((0.0, 0.3), (309.5, 309.8)),  # without speech it keeps its times
        ((10.0, 10.4), (324.5, 324.5)),  # after the end
        ((10.3, 10.6), (324.5, 324.5)),  # completely after the end: it doesn't end before it begins
    ],
)
def test_a_word_is_said_where_the_voice_is(in_window, in_sound) -> None:
    assert TWO.times(*in_window) == pytest.approx(in_sound)


def test_speech_without_words_is_told() -> None:
    all_of_it = [(0.5, 2.0), (2.0, 4.5), (5.5, 7.0), (7.0, 9.5)]
    assert TWO.unheard(all_of_it) == pytest.approx(0.5)  # a word takes 2 s at most
    assert TWO.unheard(all_of_it[:2]) == pytest.approx(4.0)
    assert TWO.unheard([]) == pytest.approx(4.0)


def test_windows_hold_all_speech_and_leave_silence_out(said: np.ndarray) -> None:
    silence = np.zeros(20 * SAMPLE_RATE, np.int16)
    chunk = np.concatenate([silence, np.tile(said, 5), silence, said])
    found = list(windows(chunk, 100.0))
    assert all(len(each.samples) <= WINDOW_SECONDS * SAMPLE_RATE for each in found)
    pieces = [piece for each in found for piece in each.pieces]
    assert all(before.end <= after.start for before, after in pairwise(pieces))
    assert pieces[0].start >= 19.5 * SAMPLE_RATE
    assert sum(piece.end - piece.start for piece in pieces) < 6 * len(said) + SAMPLE_RATE
    for each in found:
        cut = np.concatenate([chunk[piece.start : piece.end] for piece in each.pieces])
        assert np.array_equal(np.round(each.samples * 32768).astype(np.int16), cut)
    assert found[-1].end == pytest.approx(100 + len(chunk) / SAMPLE_RATE, abs=1)


def test_silence_has_no_windows() -> None:
    assert list(windows(np.zeros(10 * SAMPLE_RATE, np.int16), 0.0)) == []


@pytest.mark.slow
# ---------------------------------------------------------------- Whisper's errors
def test_words_said_over_and_over_are_neither_lost_nor_added(
    engine: FasterWhisperEngine, said: np.ndarray, tmp_path: Path
) -> None:
    heard = engine.transcribe(write(tmp_path / "long.wav", np.tile(said, 8)))
    assert differences(reference(11.0, 88.0), normalised(heard.text)) <= 4


@pytest.mark.slow
def test_a_loop_is_decoded_again(engine: FasterWhisperEngine, said: np.ndarray, tmp_path: Path) -> None:
    # with this cut the model repeats half a sentence that nobody says
    cut = np.tile(said, 3)[2 * SAMPLE_RATE : 31 * SAMPLE_RATE]
    expected = [*SAID.split()[5:], *reference(11.0, 11.0), *reference(11.0, 9.0)]
    heard = normalised(engine.transcribe(write(tmp_path / "cut.wav", cut)).text)
    assert differences(expected, heard) <= 3
    assert len(heard) <= len(expected) + 1


def test_speech_that_is_passed_over_is_decoded_again(
    engine: FasterWhisperEngine, said: np.ndarray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Forgetful(whisper.BatchedInferencePipeline):
        """Stops in the middle, as Whisper sometimes does."""

        def transcribe(self, *args, **kwargs):
            segments, info = super().transcribe(*args, **kwargs)
            shortened = list(segments)
            for segment in shortened:
                segment.words = segment.words[: len(segment.words) // 2]
            return shortened, info

    monkeypatch.setattr(whisper, "BatchedInferencePipeline", Forgetful)
    heard = engine.transcribe(write(tmp_path / "said.wav", said))
    assert differences(SAID.split(), normalised(heard.text)) <= 1
    assert heard.words[-1].end == pytest.approx(10.5, abs=0.3)


def test_a_pause_belongs_to_no_word(engine: FasterWhisperEngine, said: np.ndarray, tmp_path: Path) -> None:
    words = engine.transcribe(write(tmp_path / "said.wav", said)).words
    start = {word.text.lower().strip(".,"): word.start for word in reversed(words)}
    assert (start["ask"], start["what"]) == (pytest.approx(3.3, abs=0.2), pytest.approx(5.4, abs=0.2))
    assert max(word.end - word.start for word in words) < 1.0
