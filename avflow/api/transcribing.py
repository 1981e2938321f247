"""`avflow.transcribe`: the words that are said in a file."""

from __future__ import annotations

import os
from pathlib import Path

from avflow.api.choosing import checked, spoken_language
from avflow.api.results import Transcription
from avflow.api.work import Isolation, Work, checked_speech, require_sound, working_on
from avflow.errors import MediaWorkFailed
from avflow.isolation.time_limit import TimeLimit
from avflow.isolation.worker import MediaWorker
from avflow.media_work.requests import LoadEngine, Recognise
from avflow.progress import Report, ignore
from avflow.speech import DEFAULT_MODEL, SpeechTask, Transcript

#: seconds; an engine that never ends to load a model would keep the caller for ever
_LOAD_SECONDS = 600.0


def transcribe(
    file: str | os.PathLike[str],
    language: str | None = None,
    translate: bool = False,
    *,
    model: str = DEFAULT_MODEL,
    audio_track: str = "",
    word_times: bool = True,
    isolation: Isolation = "best",
    report: Report = ignore,
) -> Transcription:
    """Recognise the speech in a video or audio file.

    Parameters
    ----------
    language:
        The spoken language, as in ISO 639-1; None or "auto" to detect it.
    translate:
        Write English, whatever is spoken.
    model:
        A speech model of `avflow models list`. It is fetched if it is not on this machine.
    audio_track:
        Index or language of the audio stream to use; by default it is chosen by its content.
    word_times:
        False leaves out `words`.
    isolation:
        "required" refuses a system that can't isolate the process that decodes the file.
    report:
        Is called with the progress (`avflow.progress.Progress`). What it raises ends the call.

    Raises
    ------
    SourceMissing, InvalidMedia, ModelUnknown, ModelUnavailable, SettingInvalid, IsolationUnavailable
        All are `avflow.errors.AvflowError`, and say what to do.
    """
    choices = checked(audio_track=audio_track, word_times=word_times)
    code = checked_speech(model, spoken_language(language), translate=translate, report=report)
    with working_on(file, isolation, report) as work, work.worker("audio2srt") as listener:
        listener.begin(loading := loading_of(model))  # while the file is described
        with work.worker("ffmpeg") as worker:
            media = work.described(worker, choices.audio_track, refuse_cut=False)
            media, wav = work.sound(worker, media)
        found = require_sound(media, wav, work.real.name)
        said = recognised(work, listener, loading, found, code, translate=translate)
    task: SpeechTask = "translate" if translate else "transcribe"
    return Transcription.of(said, media.notices, task=task, word_times=word_times)


def loading_of(model: str) -> LoadEngine:
    """The request to load a speech model."""
    return LoadEngine(model, None)


def recognised(
    work: Work, listener: MediaWorker, loading: LoadEngine, wav: Path, language: str | None, *, translate: bool
) -> Transcript:
    """The words in a WAV file, by a media process that was asked to load its engine."""
    slow = MediaWorkFailed(f"The model {loading.model} did not load within {_LOAD_SECONDS:.0f} s")
    only = listener.finish(loading, work.report, TimeLimit(_LOAD_SECONDS, slow)).language
    task: SpeechTask = "translate" if translate else "transcribe"
    done = listener.do(Recognise(str(wav), 0.0, only or language, task), work.report)
    return Transcript(done.utterances, done.duration, done.language, done.notices)
