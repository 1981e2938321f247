"""What the calls share: a file in a scratch folder, and the media processes that work on it."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from avflow.errors import InvalidMediaEmpty, InvalidMediaNoStreams, SettingInvalid, SourceMissing
from avflow.filenames import UNPRINTABLE, printable
from avflow.isolation.permissions import font_folders
from avflow.isolation.worker import MediaWorker
from avflow.isolation.workplace import Workplace, workplace
from avflow.media import Media
from avflow.media_work.limits import describing
from avflow.media_work.requests import Describe, ExtractSound
from avflow.models.kinds import SPEECH
from avflow.models.store import ModelStore
from avflow.progress import Progress, Report
from avflow.speech import require_engine, require_task
from avflow.speech.languages import whispers

Isolation = Literal["best", "required"]


@dataclass
class Work:
    """One file on which a call works, and how.

    Parameters
    ----------
    place:
        The scratch folder. `source` is a link in its folder of inputs, so that no process sees what lies beside it.
    real:
        The file itself.
    """

    place: Workplace
    source: Path
    real: Path
    isolation: Isolation
    _report: Report
    _reporting: threading.Lock = field(default_factory=threading.Lock)
    _stopped: bool = False

    def worker(self, tasks: str, makes: Sequence[Path] = ()) -> MediaWorker:
        """Start a media process for a module of `avflow.media_work`.

        Parameters
        ----------
        makes:
            Folders that it may write into. It does not see the file then.
        """
        return MediaWorker(
            f"avflow.media_work.{tasks}",
            self.place,
            programs=tasks in ("ffmpeg", "merge"),
            required=self.isolation == "required",
            readable=[
                *ModelStore().readable,
                *([] if makes else [self.real]),
                *(font_folders() if tasks == "merge" else ()),
            ],
            writable=makes,
        )

    def report(self, progress: Progress) -> None:
        """The caller's report, called by one thread at a time. After `stop` it ends the work that calls it."""
        with self._reporting:
            if self._stopped:
                raise Stopped
            self._report(progress)

    def stop(self) -> None:
        """End what runs in other threads, at its next report."""
        self._stopped = True

    def described(self, worker: MediaWorker, audio_track: str, *, refuse_cut: bool) -> Media:
        """What the file is. If it holds several recordings, `source` then is their copy on one clock.

        Raises
        ------
        InvalidMedia, MediaWorkFailed
        """
        size = self.real.stat().st_size
        if size == 0:
            raise InvalidMediaEmpty(f"{printable(self.real.name)} is empty (0 bytes).")
        copy = self.place.work / "joined" / self.source.name
        request = Describe(str(self.source), str(copy), audio_track, refuse_cut)
        done = worker.do(request, self.report, describing(printable(self.real.name), size))
        if done.joined:
            inputs = self.place.inputs / "joined"
            inputs.mkdir()
            self.source = self.place.take(f"joined/{copy.name}", inputs)
        return done.media

    def sound(self, worker: MediaWorker, media: Media) -> tuple[Media, Path | None]:
        """The media, with a notice if its audio can't be decoded, and a WAV file of the audio for a speech engine."""
        if media.audio is None:
            return media, None
        wav = self.place.work / "audio.wav"
        done = worker.do(ExtractSound(str(self.source), media, str(wav), media.duration + 1.0, 1), self.report)
        media = media.noting(*done.notices)
        return media, self.place.take(wav.name, self.place.inputs) if done.spans else None


class Stopped(Exception):
    """Another part of the call has failed, or the caller interrupted it."""


@contextmanager
def working_on(file: str | os.PathLike[str], isolation: Isolation, report: Report) -> Iterator[Work]:
    """The work on a file. What it made in its scratch folder is removed at the end.

    Raises
    ------
    SourceMissing
        There is no such file, or it can't be read.
    """
    real = readable(file)
    with workplace() as place:
        source = place.inputs / (UNPRINTABLE.sub("_", real.name) or "video")
        source.symlink_to(real)
        yield Work(place, source, real, isolation, report)


def readable(file: str | os.PathLike[str]) -> Path:
    """The absolute path of a file that can be read.

    Raises
    ------
    SourceMissing
    """
    path = Path(file).expanduser()
    try:
        with path.open("rb"):
            return path.resolve()
    except OSError as error:
        why = "is a folder, not a file" if path.is_dir() else f"can't be read: {error.strerror}"
        raise SourceMissing(
            f"{printable(str(file))} {why}.", "Give the path of a video, audio or picture file."
        ) from None


def require_sound(media: Media, wav: Path | None, name: str) -> Path:
    """The audio of a file.

    Raises
    ------
    InvalidMediaNoStreams
    """
    if wav is None:
        why = " ".join(notice.message for notice in media.notices)
        raise InvalidMediaNoStreams(
            f"{printable(name)} has no audio. {why}".rstrip(), "Give a file in which somebody speaks."
        )
    return wav


def checked_speech(model: str, language: str | None, *, translate: bool, report: Report) -> str | None:
    """Fetch the speech model if it is not here. Returns Whisper's code of the language; None to detect it.

    Raises
    ------
    ModelUnknown, ModelUnavailable
    SettingInvalid
        The model can't translate, or does not know the language.
    """
    store = ModelStore()
    store.require(model, SPEECH)
    require_engine(model, store)
    require_task(model, "translate" if translate else "transcribe", store)
    code = None if language is None else whispers(language)
    only = store.describe(model).only_language
    if language is not None and (code is None or only not in (None, code)):
        known = f"knows only {only}" if only else "does not know it"
        raise SettingInvalid(
            f"The language is {printable(repr(language))}, and the model {model} {known}.",
            "Give a code of ISO 639-1, such as de, or None to detect the language.",
        )
    store.fetch(model, report)
    return code
