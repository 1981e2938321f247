"""audio2srt's ear: what is said in a sound track, word by word with times."""

from __future__ import annotations

import platform
from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path
from typing import Protocol

from avflow.errors import ModelUnavailable
from avflow.models.kinds import SPEECH, Kind
from avflow.models.store import ModelStore
from avflow.progress import Report, ignore
from avflow.speech.transcript import Transcript, Utterance, Word

__all__ = ["DEFAULT_MODEL", "SpeechEngine", "Transcript", "Utterance", "Word", "open_engine", "require_engine"]

DEFAULT_MODEL = "whisper-tiny.en"


class SpeechEngine(Protocol):
    """Recognises speech. One engine may transcribe many files, one after another."""

    def transcribe(
        self, wav: Path, report: Report = ignore, *, origin: float = 0.0, language: str | None = None
    ) -> Transcript:
        """What is said in `wav`: 16 kHz, mono, pcm_s16le, of any length.

        Times count from the start of `wav`. Memory stays bounded however long it is. Progress is in seconds of sound.
        What `report` raises ends the transcription (`avflow.progress`).

        A long sound may be recognised in spans of whole chunks (`avflow.speech.chunks`), each with its `origin` and
        the `language_of` those before it. From Whisper the words are then those of the whole. PocketSphinx counts
        its frames from the start of `wav`, so that its words for the same sound can differ anywhere in a span.

        Parameters
        ----------
        origin:
            Second of the longer sound at which `wav` begins.
        language:
            ISO 639-1 code of the language spoken; found out from the first speech in `wav` when left out. An engine
            of one language hears that one.

        Raises
        ------
        InvalidMediaUnreadable
            `wav` isn't in that form.
        """
        ...

    def language_of(self, spans: Iterable[tuple[float, Path]], report: Report = ignore) -> str | None:
        """The language in which a sound that begins with `spans` is recognised: that of its first speech.

        Parameters
        ----------
        spans:
            `origin` and `wav` of each, in order. No more are asked for than it takes, and none by an engine of one
            language.

        Returns
        -------
        str | None
            ISO 639-1 code; None if nothing is said in them.

        Raises
        ------
        InvalidMediaUnreadable
            One of them isn't in the form that `transcribe` reads.
        """
        ...


def open_engine(
    name: str, store: ModelStore, *, threads: int | None = None, memory_mb: int | None = None
) -> SpeechEngine:
    """Load the speech model called `name` and the engine that reads it.

    Parameters
    ----------
    threads:
        Cores to use; all of this process's when left out. PocketSphinx uses one.
    memory_mb:
        Megabytes that this process may use; Whisper uses fewer cores where it suffices for no more.

    Raises
    ------
    ModelUnknown, ModelUnavailable
    """
    require_engine(name, store)
    store.require(name, SPEECH)
    if store.describe(name).kind is Kind.POCKETSPHINX:
        from avflow.speech.sphinx import PocketSphinxEngine  # noqa: PLC0415 - heavy, and only one is needed

        return PocketSphinxEngine(store.path(name))
    from avflow.speech.whisper import FasterWhisperEngine  # noqa: PLC0415

    return FasterWhisperEngine(store.path(name), threads=threads, memory_mb=memory_mb)


def require_engine(name: str, store: ModelStore) -> None:
    """Nothing, if what reads the model called `name` is installed; it costs no time.

    Raises
    ------
    ModelUnknown
    ModelUnavailable
        It is PocketSphinx's, which has packages for few Pythons (docs/platforms.md).
    """
    if store.describe(name).kind is Kind.POCKETSPHINX and find_spec("pocketsphinx") is None:
        python = ".".join(platform.python_version_tuple()[:2])
        raise ModelUnavailable(
            f"The model {name} needs PocketSphinx, which has no package for Python {python} on this platform.",
            f"Choose another one, SPEECH_MODEL={DEFAULT_MODEL}, or a Python that it has one for (docs/platforms.md).",
        )
