"""`avflow.process`: all results of one file."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from avflow.annotation.labels import Labels, LabelStyle
from avflow.api.annotating import Drawing, annotated, converted
from avflow.api.choosing import checked, checked_detector, spoken_language
from avflow.api.publishing import Found, Targets
from avflow.api.results import Processed, Transcription
from avflow.api.transcribing import loading_of, recognised
from avflow.api.work import Isolation, Work, checked_speech, working_on
from avflow.choices import Choices, Subtitles
from avflow.media import Media
from avflow.models.kinds import Precision, SpeechTask
from avflow.progress import Report, ignore
from avflow.results import spoken
from avflow.results.names import OUTPUTS
from avflow.speech import DEFAULT_MODEL

DEFAULT_DETECTOR = "yolov3-tiny"


def process(
    video: str | os.PathLike[str],
    out: str | os.PathLike[str] = "result",
    *,
    outputs: str | Iterable[str] = OUTPUTS,
    model: str = DEFAULT_DETECTOR,
    confidence: float | None = None,
    nms: float | None = None,
    classes: Iterable[str] = (),
    detect_every: int = 1,
    labels: Labels = "confidence",
    label_size: float = 1.0,
    precision: Precision = "fastest",
    speech_model: str = DEFAULT_MODEL,
    language: str | None = None,
    translate: bool = False,
    word_times: bool = True,
    subtitles: Subtitles = "soft",
    audio_track: str = "",
    on_truncated: Literal["process", "fail"] = "process",
    isolation: Isolation = "best",
    report: Report = ignore,
) -> Processed:
    """Make the results of a video: with boxes, subtitles, detections, pictures and a page. Of audio: what is said.

    Parameters
    ----------
    out:
        The folder for `<name>.mp4`, `<name>.html` and the others. Files of these names are replaced, each as a whole,
        when all of them are there.
    outputs:
        Which files: some of avi, srt, mp4, vtt, txt, json, jpg and html. AVI, detections and SubRip are always there.
    model:
        A detector of `avflow models list`. It is fetched if it is not on this machine.
    confidence, nms, classes, detect_every, labels, label_size, subtitles:
        As the choices of docs/settings.md#choices; None is the default.
    precision:
        Arithmetic of the detector: `avflow.models.kinds.Precision`.
    speech_model, language, translate, word_times, audio_track, isolation, report:
        As for `transcribe`.
    on_truncated:
        "fail" refuses a file that is cut. Else it is processed as far as it goes, if at least half is there.

    Raises
    ------
    SourceMissing, InvalidMedia, ModelUnknown, ModelUnavailable, SettingInvalid, IsolationUnavailable, FFmpegFailed
        All are `avflow.errors.AvflowError`, and say what to do.
    FileExistsError
        A result would replace the video itself.
    OSError
        The folder can't be written.
    """
    choices = checked(
        confidence=confidence,
        nms=nms,
        classes=classes,
        detect_every=detect_every,
        labels=labels,
        label_size=label_size,
        word_times=word_times,
        subtitles=subtitles,
        audio_track=audio_track,
        outputs=outputs,
    )
    finder = checked_detector(model, choices, precision, report)
    code = checked_speech(speech_model, spoken_language(language), translate=translate, report=report)
    with working_on(video, isolation, report) as work, ExitStack() as processes:
        targets = Targets.of(Path(out).expanduser(), work.real, choices.outputs)
        listener = processes.enter_context(work.worker("audio2srt"))
        listener.begin(loading := loading_of(speech_model))  # while the file is described
        with work.worker("ffmpeg") as worker:
            media = work.described(worker, choices.audio_track, refuse_cut=on_truncated == "fail")
            media, wav = work.sound(worker, media)
            media, picture = converted(work, worker, replace(media, audio=media.audio if wav else None))
        drawing = _drawing(choices, media)
        parts: dict[str, Callable[[], Any]] = {}
        if picture.stream is not None:
            parts["seen"] = lambda: annotated(work, finder, picture, drawing)
        if wav is not None:
            parts["said"] = lambda: recognised(work, listener, loading, wav, code, translate=translate)
        done = _side_by_side(work, parts)
        said = None
        if "said" in done:
            task: SpeechTask = "translate" if translate else "transcribe"
            files = spoken.write([done["said"]], task, work.place.taken, word_times=word_times)
            said = Transcription.of(done["said"], task=task, word_times=word_times), files
        return targets.publish(work, Found(media, picture, drawing, done.get("seen"), said, burnt=subtitles == "burnt"))


def _drawing(choices: Choices, media: Media) -> Drawing:
    late = choices.drawn_late(audio=media.audio is not None)
    style = LabelStyle(choices.labels, choices.label_size)
    return Drawing(
        "mp4" in choices.outputs, "jpg" in choices.outputs, style, choices.detect_every, media.drawn_color_space, late
    )


def _side_by_side(work: Work, parts: dict[str, Callable[[], Any]]) -> dict[str, Any]:
    """What each of the parts returns. The first error, or an interruption, ends the others and is raised."""
    with ThreadPoolExecutor(max(1, len(parts)), thread_name_prefix="avflow") as threads:
        running = {name: threads.submit(part) for name, part in parts.items()}
        try:
            wait(running.values(), return_when=FIRST_EXCEPTION)
            for each in running.values():
                if each.done() and (error := each.exception()) is not None:
                    raise error
            return {name: each.result() for name, each in running.items()}
        except BaseException:
            work.stop()
            raise
