"""Speech recognition for the audio2srt step: the words of an audio stream, with their times.

`open_engine` opens Whisper or PocketSphinx. Audio of any length is recognised in chunks (`avflow.speech.chunks`); long
audio can be divided into spans (`avflow.speech.spans`) that several machines recognise at once.
"""

from __future__ import annotations

import platform
from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path
from typing import Protocol

from avflow.errors import ModelUnavailable, SettingInvalid
from avflow.models.kinds import SPEECH, Kind, SpeechTask
from avflow.models.store import ModelStore
from avflow.progress import Report, ignore
from avflow.speech.transcript import Transcript, Utterance, Word

__all__ = [
    "DEFAULT_MODEL",
    "SpeechEngine",
    "SpeechTask",
    "Transcript",
    "Utterance",
    "Word",
    "open_engine",
    "require_engine",
    "require_task",
]

#: the embedded default: the smallest model of many languages
DEFAULT_MODEL = "whisper-base"


class SpeechEngine(Protocol):
    """Recognises speech. One engine can transcribe many files, one after another."""

    def transcribe(
        self,
        wav: Path,
        report: Report = ignore,
        *,
        origin: float = 0.0,
        language: str | None = None,
        task: SpeechTask = "transcribe",
    ) -> Transcript:
        """Transcribe `wav`: 16 kHz, mono, pcm_s16le, of any length.

        Times count from the start of `wav`. The memory is bounded for any length. Progress is in seconds of audio. An
        exception that `report` raises stops the transcription (`avflow.progress`).

        Long audio can be transcribed in spans of whole chunks (`avflow.speech.chunks`), each with its `origin` and with
        the `language_of` the spans before it. Whisper then gives the same words as for the whole audio. PocketSphinx
        counts its frames from the start of `wav`, so its words can differ anywhere in a span.

        Parameters
        ----------
        origin:
            Start of `wav` in the whole audio, in seconds.
        language:
            ISO 639-1 code of the spoken language. By default the engine detects it from the first speech in `wav`. An
            engine of one language ignores it.
        task:
            With "translate" the words are English, whatever is spoken. The transcript's language is still the spoken
            one.

        Raises
        ------
        InvalidMediaUnreadable
            `wav` has another format.
        SettingInvalid
            The model can't translate.
        """
        ...

    def language_of(self, spans: Iterable[tuple[float, Path]], report: Report = ignore) -> str | None:
        """The language in which to recognise audio that begins with `spans`: the language of its first speech.

        Parameters
        ----------
        spans:
            `origin` and `wav` of each span, in order. The engine takes only as many as it needs. An engine of one
            language takes none.

        Returns
        -------
        str | None
            ISO 639-1 code. None if the spans have no speech.

        Raises
        ------
        InvalidMediaUnreadable
            A span does not have the format that `transcribe` reads.
        """
        ...


def open_engine(
    name: str, store: ModelStore, *, threads: int | None = None, memory_mb: int | None = None
) -> SpeechEngine:
    """Load the speech model called `name` into its engine.

    Parameters
    ----------
    threads:
        Number of cores to use. By default all cores of this process. PocketSphinx uses one.
    memory_mb:
        Memory that this process may use, in MB. Whisper uses fewer cores if it needs more memory for all of them.

    Raises
    ------
    ModelUnknown, ModelUnavailable
    """
    require_engine(name, store)
    store.require(name, SPEECH)
    if store.describe(name).kind is Kind.POCKETSPHINX:
        from avflow.speech.sphinx import PocketSphinxEngine  # noqa: PLC0415 - slow to import, and only one is needed

        return PocketSphinxEngine(store.path(name))
    from avflow.speech.whisper import FasterWhisperEngine  # noqa: PLC0415

    return FasterWhisperEngine(store.path(name), threads=threads, memory_mb=memory_mb)


def require_engine(name: str, store: ModelStore) -> None:
    """Check that the engine of the model called `name` is installed. This takes no time.

    Raises
    ------
    ModelUnknown
    ModelUnavailable
        The model needs PocketSphinx, which has packages for few versions of Python (docs/platforms.md).
    """
    if store.describe(name).kind is Kind.POCKETSPHINX and find_spec("pocketsphinx") is None:
        python = ".".join(platform.python_version_tuple()[:2])
        raise ModelUnavailable(
            f"The model {name} needs PocketSphinx, which has no package for Python {python} on this platform.",
            f"Choose another model, such as SPEECH_MODEL={DEFAULT_MODEL}, or another Python (docs/platforms.md).",
        )


def require_task(name: str, task: SpeechTask, store: ModelStore) -> None:
    """Check that the model called `name` can do a task. This takes no time.

    Raises
    ------
    ModelUnknown
    SettingInvalid
        The model knows one language only, so it can't translate.
    """
    if task == "translate" and store.describe(name).only_language is not None:
        raise cannot_translate(name)


def cannot_translate(name: str) -> SettingInvalid:
    """The error that a model of one language is asked to translate."""
    return SettingInvalid(
        f"SPEECH_TASK is 'translate', but the model {name} knows one language only and can't translate.",
        f"Choose a model of many languages, such as SPEECH_MODEL={DEFAULT_MODEL} (on AWS SpeechModel), or "
        "SPEECH_TASK=transcribe (on AWS SpeechTask).",
    )
