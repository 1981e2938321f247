"""Translation to English: what real models make of real speech in other languages."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from avflow.errors import SettingInvalid
from avflow.models.store import ModelStore
from avflow.speech import SpeechEngine, Transcript, open_engine, subtitles
from avflow.speech.spans import cut
from avflow.speech.wav import SAMPLE_RATE, Wav
from tests.engines import needs_pocketsphinx
from tests.media_samples import ffmpeg, lavfi
from tests.speech_samples import DATA, PCM, write

#: what each clip says, in the words that a translation may have for it
MEANT = {
    "fr": ("sorry|afraid", "connect", "server", "find", "information", "console"),
    "es": ("sorry|afraid", "connect", "server", "find", "information", "problem", "console"),
    "it": ("sorry|afraid", "connect", "server", "find", "information", "console"),
    "ru": ("connect", "demonstration|demo", "server", "find", "useful|helpful", "information", "console"),
}
#: one suffices for `make test`
CLIPS = [each if each == "es" else pytest.param(each, marks=pytest.mark.slow) for each in MEANT]


@pytest.fixture(scope="module")
def engine() -> SpeechEngine:
    store = ModelStore()
    store.fetch("whisper-base")
    return open_engine("whisper-base", store)


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> dict[str, np.ndarray]:
    """The samples of the clips by language."""
    folder, samples = tmp_path_factory.mktemp("clips"), {}
    for name in (*MEANT, "en", "fr-synthetic"):
        path = folder / f"{name}.wav"
        ffmpeg("-i", DATA / f"{name}.opus", *PCM, path)
        with Wav(path) as wav:
            samples[name] = wav.read(0, wav.samples)
    return samples


def missed(language: str, text: str) -> list[str]:
    """What the clip says and its translation does not."""
    return [meant for meant in MEANT[language] if not re.search(meant, text.lower())]


def require_readable(heard: Transcript) -> None:
    """Words in order, within the audio, and cues that can be seen."""
    assert all(one.start <= other.start for one, other in pairwise(heard.words))
    assert all(0 <= word.start <= word.end <= heard.duration + 0.01 for word in heard.words)
    cues = subtitles.cues(heard)
    assert all(cue.end - cue.start >= 0.7 for cue in cues)
    assert all(one.end <= other.start for one, other in pairwise(cues))


@pytest.mark.parametrize("language", CLIPS)
def test_speech_is_translated_to_english(
    engine: SpeechEngine, clips: dict[str, np.ndarray], tmp_path: Path, language: str
) -> None:
    heard = engine.transcribe(write(tmp_path / "said.wav", clips[language]), task="translate")
    assert missed(language, heard.text) == []
    assert heard.text.isascii()
    assert (heard.language, heard.notices) == (language, ()), "the spoken language stays known"
    require_readable(heard)


@pytest.mark.slow
def test_a_translation_lies_where_the_speech_lies(
    engine: SpeechEngine, clips: dict[str, np.ndarray], tmp_path: Path
) -> None:
    late = np.concatenate([np.zeros(20 * SAMPLE_RATE), clips["it"], np.zeros(12 * SAMPLE_RATE), clips["it"]])
    heard = engine.transcribe(write(tmp_path / "late.wav", late), task="translate")
    second = 32 + len(clips["it"]) / SAMPLE_RATE
    starts = [word.start for word in heard.words if word.text.lower().startswith("sorry")]
    assert starts == [pytest.approx(20.5, abs=0.8), pytest.approx(second + 0.5, abs=0.8)]
    assert not [word for word in heard.words if second - 11.5 < word.start < second - 0.5], "silence has no words"
    require_readable(heard)


@pytest.mark.slow
def test_english_is_simply_transcribed(engine: SpeechEngine, clips: dict[str, np.ndarray], tmp_path: Path) -> None:
    wav = write(tmp_path / "said.wav", clips["en"])
    assert engine.transcribe(wav, task="translate") == engine.transcribe(wav)


@pytest.mark.slow
def test_speech_that_is_not_understood_is_not_translated(
    engine: SpeechEngine, clips: dict[str, np.ndarray], tmp_path: Path
) -> None:
    """Whisper translates this clip as "please subscribe to the channel and press the like button"."""
    heard = engine.transcribe(write(tmp_path / "said.wav", clips["fr-synthetic"]), task="translate")
    assert (heard.text, heard.language) == ("", None)
    assert [notice.name for notice in heard.notices] == ["SpeechLanguageUnclear"]


@pytest.mark.slow
@pytest.mark.parametrize("language", ["es", "it", "ru"])
def test_speech_in_noise_is_translated(
    engine: SpeechEngine, clips: dict[str, np.ndarray], tmp_path: Path, language: str
) -> None:
    """Noise 5 dB below the voice. The translations are as improbable as wrong transcriptions."""
    voice = clips[language].astype(float)
    noise = np.convolve(np.random.default_rng(1).standard_normal(len(voice)), np.ones(8) / 8, "same")
    noise *= np.sqrt((voice**2).mean() / (noise**2).mean()) / 10 ** (5 / 20)
    heard = engine.transcribe(write(tmp_path / "noisy.wav", np.clip(voice + noise, -32768, 32767)), task="translate")
    assert len(missed(language, heard.text)) <= 1
    assert heard.notices == ()


@pytest.mark.slow
@pytest.mark.parametrize(
    "sound",
    ["anoisesrc=r=16000:a=0.3:c=pink:d=20:seed=1", "aevalsrc='0.4*sin(2*PI*220*t*(1+0.005*sin(10*PI*t)))':d=20"],
)
def test_nothing_is_invented_where_nobody_speaks(engine: SpeechEngine, tmp_path: Path, sound: str) -> None:
    ffmpeg(*lavfi(sound), *PCM, tmp_path / "sound.wav")
    assert engine.transcribe(tmp_path / "sound.wav", task="translate").words == ()


@pytest.mark.parametrize("scenes", [["fr", "fr"], ["ru", "en", "ru"]])
@pytest.mark.slow
def test_all_spans_are_translated(
    engine: SpeechEngine,
    clips: dict[str, np.ndarray],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    scenes: list[str],
) -> None:
    monkeypatch.setattr("avflow.speech.chunks.CHUNK_SECONDS", 11.0)
    pause = np.zeros(SAMPLE_RATE)
    whole = write(tmp_path / "film.wav", np.concatenate([each for scene in scenes for each in (clips[scene], pause)]))
    spans, spoken = cut(whole, seconds=11, most=8), scenes[0]
    assert len(spans) == len(scenes)
    heard = []
    with Wav(whole) as audio:
        for span in spans:
            samples = audio.read(round(span.start * SAMPLE_RATE), round(span.end * SAMPLE_RATE))
            part = write(tmp_path / f"span-{span.part}.wav", samples)
            language = spoken if span.part else None
            said = engine.transcribe(part, origin=span.start, language=language, task="translate")
            heard.append(said.shifted(span.start))
    together = Transcript.join(heard)
    assert together == engine.transcribe(whole, task="translate")
    assert together.language == spoken
    assert together.text.isascii()
    for scene, said in zip(scenes, heard, strict=True):
        assert missed(spoken if scene == "en" else scene, said.text) in ([], ["demonstration|demo"], ["useful|helpful"])
    require_readable(together)


@pytest.mark.parametrize("name", ["whisper-tiny.en", pytest.param("pocketsphinx-en-us", marks=needs_pocketsphinx)])
def test_a_model_of_english_refuses_to_translate(name: str, tmp_path: Path) -> None:
    store = ModelStore()
    store.fetch(name)
    with pytest.raises(SettingInvalid, match=f"the model {re.escape(name)} knows one language only") as refused:
        open_engine(name, store).transcribe(write(tmp_path / "any.wav", np.zeros(16_000)), task="translate")
    assert "SPEECH_MODEL=whisper-base" in refused.value.advice
