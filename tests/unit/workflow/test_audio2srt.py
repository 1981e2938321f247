"""The audio2srt step on one span of the audio in S3."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import ClassVar

import numpy as np
import pytest

from avflow import speech
from avflow.errors import InvalidMediaUnreadable, LambdaBudgetExceeded, ModelUnknown, SourceMissing
from avflow.models.store import ModelStore
from avflow.speech import Transcript, whisper
from avflow.speech.spans import cut
from avflow.speech.wav import Wav, write_part
from avflow.speech.whisper import FasterWhisperEngine
from avflow.workflow import audio2srt
from avflow.workflow.budget import Budget
from avflow.workflow.context import StepContext
from avflow.workflow.layout import VideoRef
from avflow.workflow.reports import SpanReport
from avflow.workflow.settings import Settings
from avflow.workflow.storage import ObjectStore
from tests.in_process import in_process
from tests.media_samples import ffmpeg
from tests.reports import media_report
from tests.speech_samples import PCM, SAMPLE, write

SETTINGS = Settings(speech_model="whisper-tiny.en")


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample with 2 s of silence before and after it. FFmpeg writes a LIST chunk into the WAV file."""
    path = tmp_path_factory.mktemp("sound") / "sound.wav"
    ffmpeg("-i", SAMPLE, *PCM, "-af", "adelay=2000:all=1,apad=pad_dur=2", path)
    ModelStore().fetch(SETTINGS.speech_model)
    return path


@pytest.fixture
def store(s3, bucket: str) -> ObjectStore:
    return ObjectStore(bucket, s3)


def video(store: ObjectStore, sound: Path, *edges: float) -> VideoRef:
    """A video after the FFmpeg step: the audio of these spans and their plan are in S3."""
    ref = VideoRef(store.bucket, "start/film.mkv", "run-1")
    for part, (start, end) in enumerate(pairwise(edges)):
        piece = sound.with_name(f"span-{part}.wav")
        write_part(sound, start, end, piece)
        store.upload(piece, ref.wav(part))
    store.write(ref.media_json, media_report(spans=list(pairwise(edges))))
    return ref


def run(store: ObjectStore, ref: VideoRef, part: int = 0, **fields) -> SpanReport:
    return audio2srt.run(ref, StepContext(store, "batch", settings=SETTINGS, part=part, start=in_process, **fields))


def report_of(store: ObjectStore, ref: VideoRef, part: int) -> SpanReport:
    return store.read(ref.part_json("audio2srt", part), SpanReport)


def test_each_span_is_recognised_with_the_times_of_the_whole(store: ObjectStore, sound: Path) -> None:
    with Wav(sound) as whole:
        duration = whole.duration
    ref = video(store, sound, 0.0, 9.9, duration)  # in the pause after "for you"
    for part in (1, 0):
        run(store, ref, part)
    reports = [report_of(store, ref, part) for part in (0, 1)]
    said = Transcript.join([report.transcript for report in reports])
    assert said.duration == pytest.approx(duration)
    assert said.language == "en"
    times = [word.start for word in said.words if word.text.lower().strip(".,") == "country"]
    assert times == pytest.approx([8.0, 12.2], abs=0.4)
    assert all(word.end <= 9.9 for word in said.utterances[0].words)
    assert [(report.seconds, report.language) for report in reports] == [
        (9.9, "en"),
        (pytest.approx(duration - 9.9), "en"),
    ]
    assert reports[0].model.name == "whisper-tiny.en"
    assert reports[0].step.name == "audio2srt"


@pytest.fixture
def fetched(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The numbers of the spans that the step downloads."""
    parts: list[int] = []
    fetch = ObjectStore.download

    def note(self: ObjectStore, key: str, path: Path, version_id: str | None = None) -> None:
        parts.append(int(key[-8:-4]))
        fetch(self, key, path, version_id)

    monkeypatch.setattr(ObjectStore, "download", note)
    return parts


def test_only_the_span_is_fetched(store: ObjectStore, sound: Path, fetched: list[int]) -> None:
    run(store, video(store, sound, 0.0, 9.0, 12.0, 15.0), 1)
    assert fetched == [1]


def test_a_span_without_speech_has_no_words(store: ObjectStore, sound: Path) -> None:
    ref = video(store, sound, 0.0, 1.5, 15.0)
    assert run(store, ref).language is None
    assert report_of(store, ref, 0).transcript.words == ()


def test_sound_without_a_sample_is_an_empty_transcript(store: ObjectStore, tmp_path: Path) -> None:
    ref = video(store, write(tmp_path / "empty.wav", np.empty(0)), 0.0, 0.0)
    run(store, ref)
    report = store.read_json(ref.part_json("audio2srt", 0))
    assert report["transcript"] == {"language": None, "seconds": 0.0, "segments": []}


def test_what_goes_wrong_has_a_name(store: ObjectStore, sound: Path, tmp_path: Path) -> None:
    ref = video(store, sound, 0.0, 15.0)
    with pytest.raises(LambdaBudgetExceeded, match=r"film\.mkv"):
        run(store, ref, budget=Budget(disk_bytes=100_000))
    with pytest.raises(ModelUnknown, match="yolov3-tiny"):
        audio2srt.run(ref, StepContext(store, "batch", settings=Settings(speech_model="yolov3-tiny"), start=in_process))
    (tmp_path / "text").write_bytes(b"no sound" * 1000)
    store.upload(tmp_path / "text", ref.wav(0))
    with pytest.raises(InvalidMediaUnreadable, match=r"span-0000\.wav is not a PCM WAV file"):
        run(store, ref)
    store.delete(ref.wav(0))
    with pytest.raises(SourceMissing, match=r"film-0000\.wav"):
        run(store, ref)


# ---------------------------------------------------------------- a model of several languages
class Bilingual:
    """A stand-in for Whisper. It takes loud speech for English and quiet speech for French, unless it gets a language.

    In each second of a window it recognises the name of the language.
    """

    #: the languages that the last one was told
    told: ClassVar[list[str | None]] = []

    def __init__(self, *_, **__):
        self.model = SimpleNamespace(is_multilingual=True)
        Bilingual.told = []

    def transcribe(self, samples, *, language, **_):
        Bilingual.told.append(language)
        spoken = language or ("en" if np.abs(samples).max() > 0.2 else "fr")
        words = [
            SimpleNamespace(start=n, end=n + 1, word=f" {spoken}", probability=1) for n in range(samples.size // 16_000)
        ]
        return [SimpleNamespace(words=words, avg_logprob=0, no_speech_prob=0, tokens=())], SimpleNamespace(
            language=spoken
        )


@pytest.fixture
def bilingual(monkeypatch: pytest.MonkeyPatch) -> FasterWhisperEngine:
    monkeypatch.setattr(whisper, "WhisperModel", Bilingual)
    monkeypatch.setattr(whisper, "BatchedInferencePipeline", lambda model: model)
    engine = FasterWhisperEngine(Path("whisper-small"))
    monkeypatch.setattr(speech, "open_engine", lambda *_, **__: engine)
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
    heard = []
    for part, earlier in enumerate(read):
        fetched.clear()
        run(store, ref, part)
        assert fetched == [part, *earlier]
        heard.append(report_of(store, ref, part).transcript)
    together = Transcript.join(heard)
    assert together.language == language
    assert together.text == uncut.text
    assert {word.text for word in together.words} == ({language} if language else set())


def test_one_window_tells_the_language(
    store: ObjectStore, said: np.ndarray, tmp_path: Path, bilingual: FasterWhisperEngine
) -> None:
    ref = video(store, write(tmp_path / "film.wav", np.tile(said, 8)), 0.0, 44.0, 88.0)
    told = Bilingual.told
    run(store, ref, 0)
    assert told[0] is None
    assert set(told[1:]) == {"en"}
    own = len(told)
    told.clear()
    run(store, ref, 1)
    assert told == [None, *["en"] * own]
