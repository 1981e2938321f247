"""The media work of the audio2srt step: recognise the speech of one span."""

from __future__ import annotations

from pathlib import Path

from avflow import speech
from avflow.media_work import requests
from avflow.models.store import ModelStore
from avflow.progress import Report


def prepare() -> None:
    """Load what the tasks load late, before there is an upload."""
    import onnxruntime  # type: ignore[import-untyped]  # noqa: PLC0415

    from avflow.speech import whisper  # noqa: PLC0415

    del onnxruntime, whisper


class Tasks:
    """What the step asks for. `load_engine` comes first."""

    REQUESTS = requests.REQUESTS

    _engine: speech.SpeechEngine

    def load_engine(self, asked: requests.LoadEngine, report: Report) -> requests.EngineLoaded:
        """Raises ModelUnknown, ModelUnavailable."""
        self._engine = speech.open_engine(asked.model, ModelStore(), memory_mb=asked.memory_mb)
        return requests.EngineLoaded(self._engine.language_of(()))

    def find_language(self, asked: requests.FindLanguage, report: Report) -> requests.LanguageFound:
        """Raises InvalidMediaUnreadable."""
        return requests.LanguageFound(self._engine.language_of([(asked.origin, Path(asked.wav))], report))

    def recognise(self, asked: requests.Recognise, report: Report) -> requests.Recognised:
        """Raises InvalidMediaUnreadable, SettingInvalid."""
        said = self._engine.transcribe(
            Path(asked.wav), report, origin=asked.origin, language=asked.language, task=asked.speech_task
        )
        return requests.Recognised(said.utterances, said.duration, said.language, said.notices)
