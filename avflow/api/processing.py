"""`avflow.process`: the annotated video, the subtitles and the detections of one file."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from avflow.api.results import Processed, Transcription
from avflow.api.transcribing import loading_of, recognised
from avflow.api.work import Isolation, Work, checked_speech, working_on
from avflow.errors import MediaWorkFailed, SettingInvalid
from avflow.ffmpeg import written_whole
from avflow.filenames import printable
from avflow.isolation.time_limit import TimeLimit
from avflow.isolation.worker import MediaWorker
from avflow.media import Media, VideoStream, conversion_reasons
from avflow.media_work.merge_requests import BoxedFile, JoinSegments
from avflow.media_work.requests import (
    Annotate,
    Annotated,
    ConvertModel,
    ConvertPicture,
    LoadDetector,
)
from avflow.models.kinds import DETECTION, Precision
from avflow.models.store import ModelStore
from avflow.progress import Report, ignore
from avflow.speech import DEFAULT_MODEL

DEFAULT_DETECTOR = "yolov3-tiny"
#: seconds; an engine that never ends to load a model would keep the caller for ever
_LOAD_SECONDS = 900.0


def process(
    video: str | os.PathLike[str],
    out: str | os.PathLike[str] = "result",
    *,
    model: str = DEFAULT_DETECTOR,
    confidence: float | None = None,
    precision: Precision = "fastest",
    speech_model: str = DEFAULT_MODEL,
    language: str | None = None,
    translate: bool = False,
    audio_track: str = "",
    on_truncated: Literal["process", "fail"] = "process",
    isolation: Isolation = "best",
    report: Report = ignore,
) -> Processed:
    """Draw boxes into a video, write its subtitles and its detections. An audio file gets subtitles only.

    Parameters
    ----------
    out:
        The folder for `<name>.avi`, `<name>.srt` and `<name>.detections.jsonl`. Files of these names are replaced, each
        as a whole, when all of them are there.
    model:
        A detector of `avflow models list`. It is fetched if it is not on this machine.
    confidence:
        The least confidence of a detection, between 0 and 1; None for 0.25.
    precision:
        Arithmetic of the detector: `avflow.models.kinds.Precision`.
    speech_model, language, translate, audio_track, isolation, report:
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
    finder = checked_detector(model, confidence, precision, report)
    code = checked_speech(speech_model, language, translate=translate, report=report)
    with working_on(video, isolation, report) as work, ExitStack() as processes:
        targets = _Targets.of(Path(out).expanduser(), work.real)
        listener = processes.enter_context(work.worker("audio2srt"))
        listener.begin(loading := loading_of(speech_model))  # while the file is described
        with work.worker("ffmpeg") as worker:
            media = work.described(worker, audio_track, refuse_cut=on_truncated == "fail")
            media, wav = work.sound(worker, media)
            media, picture = converted(work, worker, replace(media, audio=media.audio if wav else None))
        parts: list[Callable[[], Any]] = []
        if picture.stream is not None:
            parts.append(lambda: _annotated(work, finder, picture, media))
        if wav is not None:
            parts.append(lambda: recognised(work, listener, loading, wav, code, translate=translate))
        done = _side_by_side(work, parts)
        found = done.pop(0) if picture.stream is not None else None
        said = Transcription.of(done.pop(0)) if wav is not None else None
        return targets.publish(work, media, picture, found, said)


@dataclass(frozen=True)
class Picture:
    """The video that the detector reads: of the file, or of its conversion. No `stream` without video."""

    source: Path
    stream: VideoStream | None
    converted_because: tuple[str, ...] = ()


def checked_detector(model: str, confidence: float | None, precision: Precision, report: Report) -> LoadDetector:
    """The request to load a detector, whose model is fetched if it is not here.

    Raises
    ------
    ModelUnknown, ModelUnavailable
    SettingInvalid
        The confidence is not between 0 and 1.
    """
    if confidence is not None and not 0 < confidence < 1:
        raise SettingInvalid(
            f"The confidence is {confidence}, and must lie between 0 and 1.", "Give 0.25, for example."
        )
    store = ModelStore()
    store.require(model, DETECTION)
    store.fetch(model, report)
    asked = LoadDetector(model, precision, gpu=False)
    return asked if confidence is None else replace(asked, confidence=confidence)


def converted(work: Work, worker: MediaWorker, media: Media) -> tuple[Media, Picture]:
    """The media, without video if that can't be decoded, and what the detector reads."""
    reasons = conversion_reasons(media)
    if not reasons:
        return media, Picture(work.source, media.video)
    target = work.place.work / "converted.avi"
    done = worker.do(ConvertPicture(str(work.source), media, str(target)), work.report)
    media = media.noting(*done.notices)
    if done.stream is None:
        return replace(media, video=None), Picture(work.source, None)
    return media, Picture(work.place.take(target.name, work.place.inputs), done.stream, reasons)


def annotated(work: Work, finder: LoadDetector, picture: Picture) -> Annotated:
    """Detect objects on all frames. Writes `boxed.avi` and `detections.jsonl` into the folder `work` of the place."""
    assert picture.stream is not None
    slow = MediaWorkFailed(f"The detector {finder.model} did not load within {_LOAD_SECONDS:.0f} s")
    limit = TimeLimit(_LOAD_SECONDS, slow)
    with work.worker("yolov3") as worker:
        if worker.do(finder, work.report, limit).engine is None:
            folder = ModelStore().converted
            folder.mkdir(parents=True, exist_ok=True)
            with work.worker("yolov3", makes=[folder]) as maker:  # only a process without the file writes there
                maker.do(ConvertModel(finder.model, finder.precision, finder.gpu), work.report, limit)
            worker.do(finder, work.report, limit)
        boxed, lines = work.place.work / "boxed.avi", work.place.work / "detections.jsonl"
        frames = picture.stream.total_frames
        request = Annotate(str(picture.source), picture.stream, 0, frames, str(boxed), str(lines), hardware=False)
        return worker.do(request, work.report)


def _annotated(work: Work, finder: LoadDetector, picture: Picture, media: Media) -> Annotated:
    """The detections, and `result.avi` with the audio of the file in the folder `taken` of the place."""
    found = annotated(work, finder, picture)
    assert picture.stream is not None
    place, boxed = work.place, work.place.work / "boxed.avi"
    place.take("detections.jsonl")
    if media.audio is None:
        place.take(boxed.name).rename(place.taken / "result.avi")
        return found
    segments = (BoxedFile(str(boxed), found.frames),)
    target = place.work / "result.avi"
    with work.worker("merge") as worker:
        request = JoinSegments(segments, picture.stream.nominal_rate, str(work.source), media, str(target))
        worker.do(request, work.report)
    place.take(target.name)
    return found


def _side_by_side(work: Work, parts: list[Callable[[], Any]]) -> list[Any]:
    """What each of the parts returns. The first error, or an interruption, ends the others and is raised."""
    with ThreadPoolExecutor(max(1, len(parts)), thread_name_prefix="avflow") as threads:
        running = [threads.submit(part) for part in parts]
        try:
            wait(running, return_when=FIRST_EXCEPTION)
            for each in running:
                if each.done() and (error := each.exception()) is not None:
                    raise error
            return [each.result() for each in running]
        except BaseException:
            work.stop()
            raise


@dataclass(frozen=True)
class _Targets:
    """The paths of the results."""

    video: Path
    subtitles: Path
    detections: Path

    @classmethod
    def of(cls, folder: Path, video: Path) -> _Targets:
        """In a folder, which is made.

        Raises
        ------
        FileExistsError, OSError
        """
        folder.mkdir(parents=True, exist_ok=True)
        targets = cls(*(folder / f"{video.stem}{suffix}" for suffix in (".avi", ".srt", ".detections.jsonl")))
        for path in (targets.video, targets.subtitles, targets.detections):
            if path.exists() and path.samefile(video):
                raise FileExistsError(f"{printable(str(path))} is the video itself: choose another folder with out=…")
        return targets

    def publish(
        self, work: Work, media: Media, picture: Picture, found: Annotated | None, said: Transcription | None
    ) -> Processed:
        """Put the results in their places."""
        if found is not None:
            _copy(work.place.taken / "result.avi", self.video)
            _copy(work.place.taken / "detections.jsonl", self.detections)
        if said is not None:
            with written_whole(self.subtitles) as partial:
                said.write_srt(partial)
        notices = (*media.notices, *(found.notices if found else ()), *(said.notices if said else ()))
        return Processed(
            self.video if found else None,
            self.subtitles if said else None,
            self.detections if found else None,
            media,
            picture.converted_because,
            found.frames if found else 0,
            found.objects if found else {},
            found.frames_with if found else {},
            said,
            tuple(dict.fromkeys(notices)),
        )


def _copy(made: Path, target: Path) -> None:
    with written_whole(target) as partial:
        shutil.copyfile(made, partial)
