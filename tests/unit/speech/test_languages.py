"""Languages, and sounds that are no speech: what real models recognise, and what is left out with a warning."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from avflow.models.store import ModelStore
from avflow.speech import DEFAULT_MODEL, SpeechEngine, Transcript, open_engine
from avflow.speech.spans import cut
from avflow.speech.wav import SAMPLE_RATE, Wav
from benchmarks.speech import normalised, word_error_rate
from tests.corpus.synthesiser import speech
from tests.media_samples import ffmpeg, lavfi
from tests.speech_samples import DATA, PCM, SAID_IN, write

Clip = Callable[[str], np.ndarray]
SLOW = pytest.mark.slow
#: languages but English; one suffices for `make test`
FOREIGN = [each if each == "fr" else pytest.param(each, marks=SLOW) for each in SAID_IN if each != "en"]
#: what a voice activity detector may take for a voice
SOUNDS = {
    "silence": "anullsrc=r=16000:cl=mono:d=20",
    **{
        f"{color} noise": f"anoisesrc=r=16000:a=0.3:c={color}:d=20:seed=1"
        for color in ("white", "pink", "brown", "blue")
    },
    "hum": "aevalsrc='0.3*sin(2*PI*50*t)+0.1*sin(2*PI*150*t)+0.01*(random(0)-0.5)':s=16000:d=20",
    "applause": "aevalsrc='(random(0)-0.5)*exp(-30*mod(7*t+0.3*sin(3*t),1))+(random(1)-0.5)*exp(-20*mod(11*t,1))'"
    ":s=16000:d=20",
    "arpeggio": "aevalsrc='0.3*(2*mod(t*110*pow(2,floor(mod(4*t,12))/12),1)-1)*exp(-3*mod(4*t,1))':s=16000:d=20",
    "vibrato": "aevalsrc='0.4*sin(2*PI*220*t*(1+0.005*sin(10*PI*t)))*(0.5+0.5*sin(6*PI*t))+0.2*sin(2*PI*330*t)"
    "+0.1*sin(2*PI*440*t)*gt(mod(t,1),0.5)':s=16000:d=40",
}


@cache
def model(name: str) -> SpeechEngine:
    store = ModelStore()
    store.fetch(name)
    return open_engine(name, store)


@pytest.fixture(scope="module")
def multilingual() -> SpeechEngine:
    return model("whisper-base")


@pytest.fixture(scope="module")
def english() -> SpeechEngine:
    return model("whisper-tiny.en")


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Clip:
    """The samples of a clip by its name."""
    folder = tmp_path_factory.mktemp("clips")

    def samples(name: str) -> np.ndarray:
        path = folder / f"{name}.wav"
        if not path.exists():
            ffmpeg("-i", DATA / f"{name}.opus", *PCM, path)
        with Wav(path) as wav:
            return wav.read(0, wav.samples)

    return samples


def warnings(heard: Transcript) -> list[str]:
    return [notice.name for notice in heard.notices]


def test_the_default_understands_many_languages() -> None:
    assert DEFAULT_MODEL == "whisper-base"


# ---------------------------------------------------------------- languages
@pytest.mark.parametrize("language", sorted(SAID_IN))
def test_a_language_is_detected_and_recognised(
    multilingual: SpeechEngine, clip: Clip, tmp_path: Path, language: str
) -> None:
    heard = multilingual.transcribe(write(tmp_path / "said.wav", clip(language)))
    assert (heard.language, warnings(heard)) == (language, [])
    assert word_error_rate(normalised(SAID_IN[language]), normalised(heard.text)) <= 0.25


@pytest.mark.parametrize("language", FOREIGN)
def test_a_model_of_english_says_that_it_hears_another_language(
    english: SpeechEngine, clip: Clip, tmp_path: Path, language: str
) -> None:
    heard = english.transcribe(write(tmp_path / "said.wav", clip(language)))
    assert (heard.text, heard.language, warnings(heard)) == ("", None, ["SpeechNotEnglish"])
    assert "whisper-tiny.en" in heard.notices[0].message
    assert "whisper-base" in heard.notices[0].message


def test_a_model_of_english_recognises_english(english: SpeechEngine, clip: Clip, tmp_path: Path) -> None:
    heard = english.transcribe(write(tmp_path / "said.wav", clip("en")))
    assert (heard.language, warnings(heard)) == ("en", [])
    assert word_error_rate(normalised(SAID_IN["en"]), normalised(heard.text)) <= 0.1


@pytest.mark.slow
@pytest.mark.parametrize("name", ["whisper-base", "whisper-tiny.en"])
def test_speech_that_a_model_does_not_understand_has_a_warning_and_no_words(
    clip: Clip, tmp_path: Path, name: str
) -> None:
    """French by espeak-ng: Whisper base takes it for Thai or Latin, and answers with a loop."""
    heard = model(name).transcribe(write(tmp_path / "said.wav", clip("fr-synthetic")))
    assert (heard.text, heard.language) == ("", None)
    assert warnings(heard) == ["SpeechNotEnglish" if name.endswith(".en") else "SpeechLanguageUnclear"]


#: sentences by voice of espeak-ng. Whisper base takes them for Thai, and of most it is sure
TAKEN_FOR_THAI = {
    "ko": "여러분 좋은 아침입니다. 우리 정원에 오신 것을 환영합니다.",
    "cmn": "早上好，欢迎来到我们的花园。今天天气很好。",
    "id": "Selamat pagi semuanya, dan selamat datang di kebun kami.",
    "fi": "Hyvää huomenta kaikille, ja tervetuloa puutarhaamme.",
    "eo": "Bonan matenon al ĉiuj, kaj bonvenon en nian ĝardenon.",
}


@pytest.mark.slow
@pytest.mark.parametrize("voice", [each if each == "ko" else pytest.param(each, marks=SLOW) for each in TAKEN_FOR_THAI])
def test_no_text_is_invented_in_a_language_of_which_the_model_is_sure(
    multilingual: SpeechEngine, tmp_path: Path, voice: str
) -> None:
    samples, rate = speech(TAKEN_FOR_THAI[voice], voice)
    said = write(tmp_path / "spoken.wav", samples * 16_000, rate)
    ffmpeg("-i", said, "-af", "adelay=500,apad=pad_dur=0.5", *PCM, tmp_path / "said.wav")
    heard = multilingual.transcribe(tmp_path / "said.wav")
    assert (heard.text, warnings(heard)) == ("", ["SpeechLanguageUnclear"])


def test_words_of_a_sure_language_must_be_probable_until_speech_has_decided_it(
    multilingual: SpeechEngine, clip: Clip, tmp_path: Path
) -> None:
    """Polish by espeak-ng: Whisper base is sure of the language, and most of its words are wrong."""
    wrong = np.concatenate([clip("pl-synthetic"), np.zeros(2 * SAMPLE_RATE)])
    heard = multilingual.transcribe(write(tmp_path / "said.wav", wrong))
    assert (heard.text, warnings(heard)) == ("", ["SpeechLanguageUnclear"])


@SLOW
def test_a_short_passage_in_another_language_costs_no_english(
    english: SpeechEngine, said: np.ndarray, clip: Clip, tmp_path: Path
) -> None:
    pause = np.zeros(3 * SAMPLE_RATE)
    mixed = np.concatenate([np.tile(said, 3), pause, clip("fr"), pause, np.tile(said, 3)])
    heard = english.transcribe(write(tmp_path / "mixed.wav", mixed))
    assert normalised(heard.text).count("country") == 12
    assert heard.language == "en"


@pytest.mark.parametrize("change", [0.01, 0.003])
def test_quiet_speech_is_recognised(multilingual: SpeechEngine, clip: Clip, tmp_path: Path, change: float) -> None:
    quiet = np.round(clip("en") * change)
    heard = multilingual.transcribe(write(tmp_path / "quiet.wav", quiet))
    assert word_error_rate(normalised(SAID_IN["en"]), normalised(heard.text)) <= 0.3


@SLOW
@pytest.mark.parametrize("decibels", [10, 5])
@pytest.mark.parametrize("name", ["whisper-base", "whisper-tiny.en"])
def test_speech_in_noise_is_recognised(clip: Clip, tmp_path: Path, name: str, decibels: float) -> None:
    voice = clip("en").astype(float)
    noise = np.convolve(np.random.default_rng(1).standard_normal(len(voice)), np.ones(8) / 8, "same")
    noise *= np.sqrt((voice**2).mean() / (noise**2).mean()) / 10 ** (decibels / 20)
    heard = model(name).transcribe(write(tmp_path / "noisy.wav", np.clip(voice + noise, -32768, 32767)))
    assert word_error_rate(normalised(SAID_IN["en"]), normalised(heard.text)) <= 0.3


# ---------------------------------------------------------------- one language for all spans
@pytest.mark.parametrize(("scenes", "language"), [(["fr", "en", "fr"], "fr"), (["en", "fr", "it"], "en")])
@SLOW
def test_all_spans_have_the_language_of_the_first_speech(
    multilingual: SpeechEngine,
    clip: Clip,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    scenes: list[str],
    language: str,
) -> None:
    monkeypatch.setattr("avflow.speech.chunks.CHUNK_SECONDS", 11.0)
    pause = np.zeros(SAMPLE_RATE)
    whole = write(tmp_path / "film.wav", np.concatenate([each for scene in scenes for each in (clip(scene), pause)]))
    uncut = multilingual.transcribe(whole)
    assert uncut.language == language
    spans = cut(whole, seconds=11, most=8)
    assert len(spans) == len(scenes)
    heard = []
    with Wav(whole) as audio:
        for span in spans:
            samples = audio.read(round(span.start * SAMPLE_RATE), round(span.end * SAMPLE_RATE))
            part = write(tmp_path / f"span-{span.part}.wav", samples)
            before = [(each.start, tmp_path / f"span-{each.part}.wav") for each in spans[: span.part]]
            spoken = multilingual.language_of(before)
            assert spoken == (language if span.part else None)
            heard.append(multilingual.transcribe(part, origin=span.start, language=spoken).shifted(span.start))
    together = Transcript.join(heard)
    assert (together.language, together.text) == (language, uncut.text)


@SLOW
def test_speech_in_an_unclear_language_does_not_decide_the_language(
    multilingual: SpeechEngine, clip: Clip, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("avflow.speech.chunks.CHUNK_SECONDS", 11.0)
    unclear = np.concatenate([clip("fr-synthetic"), np.zeros(4 * SAMPLE_RATE)])
    heard = multilingual.transcribe(write(tmp_path / "film.wav", np.concatenate([unclear, clip("it"), clip("it")])))
    assert (heard.language, warnings(heard)) == ("it", ["SpeechUnclear"])
    assert word_error_rate(normalised(SAID_IN["it"]) * 2, normalised(heard.text)) <= 0.25
    assert heard.words[0].start > 11


@pytest.mark.slow
# ---------------------------------------------------------------- no speech
@pytest.mark.parametrize("sound", sorted(SOUNDS))
@pytest.mark.parametrize("name", ["whisper-base", "whisper-tiny.en"])
def test_nothing_is_invented_where_nobody_speaks(name: str, sound: str, tmp_path: Path) -> None:
    ffmpeg(*lavfi(SOUNDS[sound]), *PCM, tmp_path / "sound.wav")
    heard = model(name).transcribe(tmp_path / "sound.wav")
    assert (heard.text, heard.language, warnings(heard)) == ("", None, [])
