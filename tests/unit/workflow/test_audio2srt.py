"""The audio2srt stage on one span of a wav in S3."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from avflow.errors import InvalidMediaUnreadable, LambdaBudgetExceeded, ModelUnknown, SourceMissing
from avflow.models.store import ModelStore
from avflow.speech import Transcript, whisper
from avflow.speech.spans import cut
from avflow.speech.wav import SAMPLE_RATE, Wav
from avflow.speech.whisper import FasterWhisperEngine
from avflow.workflow import audio2srt
from avflow.workflow.budget import Budget
from avflow.workflow.context import StepContext
from avflow.workflow.layout import VideoRef
from avflow.workflow.storage import ObjectStore
from tests.media_samples import ffmpeg
from tests.speech_samples import PCM, SAMPLE, write

SETTINGS = {"SPEECH_MODEL": "whisper-tiny.en"}


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample with 2 s of silence before it and after it, as FFmpeg writes it: with a LIST chunk."""
    path = tmp_path_factory.mktemp("sound") / "sound.wav"
    ffmpeg("-i", SAMPLE, *PCM, "-af", "adelay=2000:all=1,apad=pad_dur=2", path)
    ModelStore().fetch(SETTINGS["SPEECH_MODEL"])
    return path


@pytest.fixture
def store(s3, bucket: str) -> ObjectStore:
    return ObjectStore(bucket, s3)


def video(store: ObjectStore, sound: Path, *edges: float) -> VideoRef:
    """A video of which FFmpeg has left the sound and a plan with these spans."""
    ref = VideoRef(store.bucket, "start/film.mkv", "run-1")
    store.upload(sound, ref.wav)
    spans = [{"part": part, "start": start, "end": end} for part, (start, end) in enumerate(pairwise(edges))]
    store.write_json(ref.media_json, {"plan": {"spans": spans}})
    return ref


def run(store: ObjectStore, ref: VideoRef, part: int = 0, **fields) -> dict:
    return audio2srt.run(ref, StepContext(store, "batch", settings=SETTINGS, part=part, **fields))


def test_each_span_is_recognised_with_the_times_of_the_whole(store: ObjectStore, sound: Path) -> None:
    with Wav(sound) as whole:
        duration = whole.duration
    ref = video(store, sound, 0.0, 9.9, duration)  # in the pause after "for you"
    answers = [run(store, ref, part) for part in (1, 0)][::-1]
    reports = [store.read_json(ref.part_json("audio2srt", part)) for part in (0, 1)]
    said = Transcript.join([Transcript.from_dict(report["transcript"]) for report in reports])
    assert said.duration == pytest.approx(duration)
    assert said.language == "en"
    times = [word.start for word in said.words if word.text.lower().strip(".,") == "country"]
    assert times == pytest.approx([8.0, 12.2], abs=0.4)
    assert all(word.end <= 9.9 for word in said.segments[0].words)
    assert [(report["seconds"], report["language"]) for report in reports] == [
        (9.9, "en"),
        (pytest.approx(duration - 9.9), "en"),
    ]
    assert reports[0]["model"]["name"] == "whisper-tiny.en"
    assert reports[0]["step"]["name"] == "audio2srt"
    # Lambda may answer 256 KB to Step Functions: what is said stays in the bucket
    for report in reports:
        del report["transcript"]
    assert answers == reports


@pytest.fixture
def fetched(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many bytes the stage fetches, range by range."""
    lengths = []
    fetch = ObjectStore.download_range

    def note(self, key, path, start, end, version_id=None):
        lengths.append(end - start)
        fetch(self, key, path, start, end, version_id)

    monkeypatch.setattr(ObjectStore, "download_range", note)
    return lengths


def test_only_the_span_is_fetched(store: ObjectStore, sound: Path, fetched: list[int]) -> None:
    run(store, video(store, sound, 0.0, 9.0, 12.0, 15.0), 1)
    assert fetched == [4096, 3 * SAMPLE_RATE * 2]


def test_a_span_without_speech_has_no_words(store: ObjectStore, sound: Path) -> None:
    ref = video(store, sound, 0.0, 1.5, 15.0)
    assert run(store, ref)["language"] is None
    assert store.read_json(ref.part_json("audio2srt", 0))["transcript"]["segments"] == []


def test_sound_without_a_sample_is_an_empty_transcript(store: ObjectStore, tmp_path: Path) -> None:
    ref = video(store, write(tmp_path / "empty.wav", np.empty(0)), 0.0, 0.0)
    run(store, ref)
    report = store.read_json(ref.part_json("audio2srt", 0))
    assert report["transcript"] == {"language": None, "seconds": 0.0, "segments": []}


def test_a_warm_function_does_not_load_the_model_again(
    store: ObjectStore, sound: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ref = video(store, sound, 0.0, 1.5)
    run(store, ref)

    def load(*_: object) -> None:
        pytest.fail("loaded again")

    monkeypatch.setattr(audio2srt.speech, "open_engine", load)
    run(store, ref)


def test_what_goes_wrong_has_a_name(store: ObjectStore, sound: Path, tmp_path: Path) -> None:
    ref = video(store, sound, 0.0, 15.0)
    with pytest.raises(LambdaBudgetExceeded, match=r"film\.mkv"):
        run(store, ref, budget=Budget(disk_bytes=100_000))
    with pytest.raises(ModelUnknown, match="yolov3-tiny"):
        audio2srt.run(ref, StepContext(store, "batch", settings={"SPEECH_MODEL": "yolov3-tiny"}))
    (tmp_path / "text").write_bytes(b"no sound" * 1000)
    store.upload(tmp_path / "text", ref.wav)
    with pytest.raises(InvalidMediaUnreadable, match=r"film\.wav is not a PCM WAV file"):
        run(store, ref)
    store.delete(ref.wav)
    with pytest.raises(SourceMissing, match=r"film\.wav"):
        run(store, ref)


# ---------------------------------------------------------------- a model of several languages
class Bilingual:
    """Stands in for Whisper: takes what is said loudly for English, and quietly for French, unless it is told.

    Each second of a window it hears the name of the language.
    """

    def __init__(self, *_, **__):
        self.model = SimpleNamespace(is_multilingual=True)
        self.told = []

    def transcribe(self, samples, *, language, **_):
        self.told.append(language)
        spoken = language or ("en" if np.abs(samples).max() > 0.2 else "fr")
        words = [
            SimpleNamespace(start=n, end=n + 1, word=f" {spoken}", probability=1) for n in range(samples.size // 16_000)
        ]
        return [SimpleNamespace(words=words, avg_logprob=0, no_speech_prob=0)], SimpleNamespace(language=spoken)


@pytest.fixture
def bilingual(monkeypatch: pytest.MonkeyPatch) -> FasterWhisperEngine:
    monkeypatch.setattr(whisper, "WhisperModel", Bilingual)
    monkeypatch.setattr(whisper, "BatchedInferencePipeline", lambda model: model)
    engine = FasterWhisperEngine(Path("whisper-small"))
    monkeypatch.setattr(audio2srt, "_engine", lambda *_: engine)
    monkeypatch.setattr("avflow.speech.chunks.CHUNK_SECONDS", 11.0)
    return engine


@pytest.mark.parametrize(
    ("scenes", "language", "read"),
    [
        (["en", "fr", "en"], "en", [[], [0], [0]]),
        (["fr", "en", "en"], "fr", [[], [0], [0]]),
        (["", "fr", "en"], "fr", [[], [0], [0, 1]]),
        (["", "", ""], None, [[], [0], [0, 1]]),
    ],
)
def test_all_spans_are_recognised_in_the_language_of_the_first_speech(
    store: ObjectStore,
    said: np.ndarray,
    tmp_path: Path,
    bilingual: FasterWhisperEngine,
    fetched: list[int],
    scenes: list[str],
    language: str | None,
    read: list[list[int]],
) -> None:
    loudness = {"en": 1.0, "fr": 0.15, "": 0.0}
    whole = write(tmp_path / "film.wav", np.concatenate([said * loudness[scene] for scene in scenes]))
    uncut = bilingual.transcribe(whole)
    assert uncut.language == language
    spans = cut(whole, seconds=12, most=8)
    ref = video(store, whole, 0.0, *(span.end for span in spans))
    lengths = [round((span.end - span.start) * SAMPLE_RATE * 2) for span in spans]
    heard = []
    for part, earlier in enumerate(read):
        fetched.clear()
        run(store, ref, part)
        assert fetched[1:] == [lengths[part], *(lengths[span] for span in earlier)]
        heard.append(Transcript.from_dict(store.read_json(ref.part_json("audio2srt", part))["transcript"]))
    together = Transcript.join(heard)
    assert together.language == language
    assert together.text == uncut.text
    assert {word.text for word in together.words} == ({language} if language else set())


def test_one_window_tells_the_language(
    store: ObjectStore, said: np.ndarray, tmp_path: Path, bilingual: FasterWhisperEngine
) -> None:
    ref = video(store, write(tmp_path / "film.wav", np.tile(said, 8)), 0.0, 44.0, 88.0)
    told = bilingual._model.told
    run(store, ref, 0)
    assert told[0] is None
    assert set(told[1:]) == {"en"}
    own = len(told)
    told.clear()
    run(store, ref, 1)
    assert told == [None, *["en"] * own]
