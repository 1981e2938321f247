"""Both engines on real audio, and the code around them on synthetic samples."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from faster_whisper import BatchedInferencePipeline

from avflow.errors import InvalidMediaUnreadable, LambdaBudgetExceeded, ModelUnknown
from avflow.models.store import ModelStore
from avflow.progress import Progress
from avflow.speech import SpeechEngine, Transcript, Utterance, Word, open_engine
from avflow.speech.wav import SAMPLE_RATE, Wav, quietest
from benchmarks.speech import SAID, differences, normalised, reference, word_error_rate
from tests.engines import needs_pocketsphinx
from tests.media_samples import ffmpeg, lavfi
from tests.speech_samples import PCM, write

#: by model: the share of the sample's words that may be wrong
ENGINES = {"whisper-tiny.en": 0.05, "pocketsphinx-en-us": 0.5}


@pytest.fixture(
    scope="module",
    params=["whisper-tiny.en", pytest.param("pocketsphinx-en-us", marks=[needs_pocketsphinx, pytest.mark.slow])],
)
def name(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(scope="module")
def engine(name: str) -> SpeechEngine:
    store = ModelStore()
    store.fetch(name)
    return open_engine(name, store)


@pytest.fixture(scope="module")
def heard_and_told(engine: SpeechEngine, speech: Path) -> tuple[Transcript, list[Progress]]:
    told: list[Progress] = []
    return engine.transcribe(speech, told.append), told


def seconds(path: Path) -> float:
    with Wav(path) as sound:
        return sound.duration


# ---------------------------------------------------------------- both engines
def test_the_sentence_is_heard_with_its_times(heard_and_told: tuple[Transcript, list[Progress]], name: str) -> None:
    heard, told = heard_and_told
    assert word_error_rate(SAID.split(), normalised(heard.text)) <= ENGINES[name]
    assert heard.language == "en"
    assert heard.duration == pytest.approx(11.0, abs=0.05)
    assert all(0 <= word.start < word.end <= heard.duration and 0 <= word.probability <= 1 for word in heard.words)
    assert all(a.end <= b.start + 0.02 for a, b in zip(heard.words, heard.words[1:], strict=False))
    # "country" is said at 6.0 s and at 10.2 s
    times = [word.start for word in heard.words if word.text.strip(".,").lower() == "country"]
    assert times == pytest.approx([6.0, 10.2], abs=0.5)
    assert (told[-1].done, told[-1].total, told[-1].unit) == (heard.duration, heard.duration, "seconds")


def test_progress_is_told_from_the_start_and_while_it_is_recognised(
    engine: SpeechEngine, said: np.ndarray, tmp_path: Path
) -> None:
    """On three sentences, eight seconds apart, which do not fit into one of Whisper's windows."""
    gap = np.zeros(8 * SAMPLE_RATE)
    told: list[Progress] = []
    engine.transcribe(write(tmp_path / "long.wav", np.concatenate([said, gap] * 3)), told.append)
    done = [progress.done for progress in told]
    assert done[0] == 0.0
    assert done == sorted(done)
    assert [share for share in done if 5 < share < 50]
    assert {(round(progress.total), progress.unit) for progress in told} == {(57, "seconds")}


def test_the_same_sound_is_heard_the_same_way_again(
    heard_and_told: tuple[Transcript, list[Progress]], engine: SpeechEngine, speech: Path
) -> None:
    assert engine.transcribe(speech) == heard_and_told[0]


@pytest.mark.parametrize(
    "sound",
    [
        "anullsrc=r=16000:cl=mono:d=8",
        "anullsrc=r=16000:cl=mono:d=0.01",
        "anoisesrc=r=16000:a=0.3:c=white:d=8",
        "sine=440:r=16000:d=8",
    ],
)
def test_nothing_is_heard_where_nothing_is_said(engine: SpeechEngine, sound: str, tmp_path: Path) -> None:
    ffmpeg(*lavfi(sound), *PCM, tmp_path / "no_speech.wav")
    duration = seconds(tmp_path / "no_speech.wav")
    assert engine.transcribe(tmp_path / "no_speech.wav") == Transcript((), duration, None)


def test_a_file_without_samples_is_an_empty_transcript(engine: SpeechEngine, tmp_path: Path) -> None:
    assert engine.transcribe(write(tmp_path / "empty.wav", np.empty(0))) == Transcript((), 0.0, None)


def test_times_count_from_the_start_of_the_file(engine: SpeechEngine, said: np.ndarray, tmp_path: Path) -> None:
    late = write(tmp_path / "late.wav", np.concatenate([np.zeros(20 * SAMPLE_RATE), said]))
    times = [word.start for word in engine.transcribe(late).words if word.text.strip(".,").lower() == "country"]
    assert times == pytest.approx([26.0, 30.2], abs=0.5)


def test_what_report_raises_ends_the_transcription(engine: SpeechEngine, speech: Path) -> None:
    def too_late(progress: Progress) -> None:
        raise LambdaBudgetExceeded(f"{progress.done} of {progress.total} s")

    with pytest.raises(LambdaBudgetExceeded):
        engine.transcribe(speech, too_late)


def test_a_window_that_takes_long_can_be_stopped(speech: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[float] = []

    def again(progress: Progress) -> None:
        if progress.done in done:
            raise LambdaBudgetExceeded("the same once more: time goes by")
        done.append(progress.done)

    decode = BatchedInferencePipeline.transcribe

    def slowly(*args: Any, **options: Any) -> Any:
        time.sleep(3)
        return decode(*args, **options)

    monkeypatch.setattr(BatchedInferencePipeline, "transcribe", slowly)
    store = ModelStore()
    store.fetch("whisper-tiny.en")
    with pytest.raises(LambdaBudgetExceeded):
        open_engine("whisper-tiny.en", store).transcribe(speech, again)


@pytest.mark.parametrize(
    ("rate", "channels", "told"), [(8000, 1, "8000 Hz"), (16000, 2, r"2 channel\(s\)"), (44100, 2, "44100 Hz")]
)
def test_another_form_of_sound_is_refused(
    engine: SpeechEngine, tmp_path: Path, rate: int, channels: int, told: str
) -> None:
    with pytest.raises(InvalidMediaUnreadable, match=told) as failure:
        engine.transcribe(write(tmp_path / "other.wav", np.zeros(rate * channels), rate, channels))
    assert "-ar 16000" in failure.value.advice


@pytest.mark.parametrize("content", [b"", b"not sound at all", b"RIFF\x24\x00\x00\x00WAVE"])
def test_what_is_no_wav_file_is_refused(engine: SpeechEngine, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "talk.wav").write_bytes(content)
    with pytest.raises(InvalidMediaUnreadable, match=r"talk\.wav is not a PCM WAV file"):
        engine.transcribe(tmp_path / "talk.wav")


def test_a_detector_is_no_speech_engine() -> None:
    with pytest.raises(ModelUnknown, match=r"whisper-tiny\.en"):
        open_engine("yolov3-tiny", ModelStore())


# ---------------------------------------------------------------- spans
def test_an_engine_of_one_language_asks_for_no_sound_to_tell_it(engine: SpeechEngine) -> None:
    assert engine.language_of(pytest.fail(f"asked for span {part}") for part in range(3)) == "en"


def test_speech_is_whole_across_the_border_of_two_spans(speech: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("avflow.speech.chunks.CHUNK_SECONDS", 5.0)
    store = ModelStore()
    store.fetch("whisper-tiny.en")
    heard = open_engine("whisper-tiny.en", store).transcribe(speech)
    assert word_error_rate(SAID.split(), normalised(heard.text)) <= 0.25
    assert heard.words[-1].text == "country."
    assert heard.words[-1].end == pytest.approx(10.5, abs=0.5)


def test_what_is_shorter_than_a_pause_is_not_cut() -> None:
    assert quietest(np.ones(100, np.int16), 50) == 100


def test_a_header_that_announces_too_much_is_not_believed(tmp_path: Path) -> None:
    path = write(tmp_path / "piped.wav", np.ones(SAMPLE_RATE))
    data = bytearray(path.read_bytes())
    data[40:44] = b"\xff\xff\xff\xff"
    path.write_bytes(data)
    assert seconds(path) == pytest.approx(1.0, abs=0.01)


# ---------------------------------------------------------------- transcripts
def test_a_transcript_reads_as_it_is_written() -> None:
    words = (Word(0, 1, "A"), Word(1, 2, "well"), Word(2, 3, "-known", joined=True), Word(3, 4, "fact."))
    transcript = Transcript((Utterance(words[:1]), Utterance(words[1:])), 5.0, "en")
    assert transcript.text == "A well-known fact."
    assert transcript.words == words
    assert (transcript.utterances[1].start, transcript.utterances[1].end) == (1, 4)
    assert transcript.utterances[1].text == "well-known fact."


def test_a_transcript_is_the_same_after_json() -> None:
    words = (Word(0.1, 1.25, "Ça", 0.875), Word(1.25, 2, "va", 0.5), Word(2, 2.5, "-t-il?", 1.0, joined=True))
    transcript = Transcript((Utterance(words[:1]), Utterance(words[1:])), 5.0, "fr")
    assert Transcript.from_dict(json.loads(json.dumps(transcript.to_dict()))) == transcript
    assert Transcript.from_dict(Transcript((), 0.0).to_dict()) == Transcript((), 0.0)


def test_transcripts_of_spans_make_one() -> None:
    spans = [
        Transcript((Utterance((Word(1, 2, "Bonjour."),)),), 10.0, "fr"),
        Transcript((), 500.0, None),
        Transcript((Utterance((Word(1, 2, "Hello."),)),), 30.0, "en").shifted(510),
        Transcript((Utterance((Word(1, 2, "Adieu."),)),), 25.0, "fr").shifted(540),
    ]
    whole = Transcript.join(spans)
    assert (whole.text, whole.duration, whole.language) == ("Bonjour. Hello. Adieu.", 565.0, "fr")
    assert [word.start for word in whole.words] == [1, 511, 541]
    assert Transcript.join([]) == Transcript((), 0.0, None)


# ---------------------------------------------------------------- the benchmark's word error rate
@pytest.mark.parametrize(
    ("said", "heard", "wrong"),
    [
        ("Ask not what.", "ask not what", 0),
        ("ask not what", "ask what", 1),
        ("ask what", "Ask not, what!", 1),
        ("ask not what", "cat dot hat", 3),
        ("a b c d", "b c d e", 2),
        ("well-known fact", "well known fact", 0),
        ("it’s 5 o'clock", "it's 5 o'clock", 0),
        ("one", "", 1),
    ],
)
def test_words_are_compared_by_their_edits(said: str, heard: str, wrong: int) -> None:
    assert differences(normalised(said), normalised(heard)) == wrong
    assert word_error_rate(normalised(said), normalised(heard)) == wrong / len(normalised(said))


def test_the_reference_ends_with_the_sound() -> None:
    assert reference(11.0, 22.0) == SAID.split() * 2
    assert reference(11.0, 13.35) == [*SAID.split(), "and", "so", "my", "fellow", "americans"]
