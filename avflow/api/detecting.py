"""`avflow.detect`: the objects in a picture, in a file, or in frames that the caller has."""

from __future__ import annotations

import json
import os
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import Any, overload

import numpy as np

from avflow.api.annotating import Drawing, annotated, converted
from avflow.api.choosing import checked, checked_detector
from avflow.api.processing import DEFAULT_DETECTOR
from avflow.api.results import Detections
from avflow.api.work import Isolation, readable, working_on
from avflow.detection import Detection, Detector, open_model
from avflow.detection.letterbox import Frame
from avflow.detection.pictures import is_picture, picture
from avflow.errors import InvalidMediaNoStreams, MediaAnswerInvalid
from avflow.filenames import printable
from avflow.media_work.requests import LoadDetector, ReadPicture
from avflow.models.kinds import Precision
from avflow.models.store import ModelStore
from avflow.progress import Report, ignore

#: how files of pictures begin; in WebP a length follows, then its name
_SIGNATURES = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"BM", b"II*\x00", b"MM\x00*")
#: a stream of JPEG pictures begins like a picture
_STREAMS = (".mjpeg", ".mjpg")


@overload
def detect(  # type: ignore[overload-overlap] # an array is one picture
    source: Frame,
    model: str = ...,
    confidence: float | None = ...,
    *,
    nms: float | None = ...,
    classes: Iterable[str] = ...,
    precision: Precision = ...,
    isolation: Isolation = ...,
    report: Report = ...,
) -> Detections: ...
@overload
def detect(
    source: str | os.PathLike[str],
    model: str = ...,
    confidence: float | None = ...,
    *,
    nms: float | None = ...,
    classes: Iterable[str] = ...,
    precision: Precision = ...,
    isolation: Isolation = ...,
    report: Report = ...,
) -> Detections | Iterator[Detections]: ...
@overload
def detect(
    source: Iterable[Frame],
    model: str = ...,
    confidence: float | None = ...,
    *,
    nms: float | None = ...,
    classes: Iterable[str] = ...,
    precision: Precision = ...,
    isolation: Isolation = ...,
    report: Report = ...,
) -> Iterator[Detections]: ...
def detect(
    source: Frame | str | os.PathLike[str] | Iterable[Frame],
    model: str = DEFAULT_DETECTOR,
    confidence: float | None = None,
    *,
    nms: float | None = None,
    classes: Iterable[str] = (),
    precision: Precision = "fastest",
    isolation: Isolation = "best",
    report: Report = ignore,
) -> Detections | Iterator[Detections]:
    """Detect objects.

    Parameters
    ----------
    source:
        A picture: (height, width, 3) uint8, in the order blue, green, red, as OpenCV has it; or the path of a picture
        (JPEG, PNG, BMP, TIFF, WebP). Or several: an iterable of pictures, which may be endless, or the path of a video.
    model:
        A detector of `avflow models list`. It is fetched if it is not on this machine, and stays loaded.
    confidence, nms, classes:
        As the choices of docs/settings.md#choices; None is the default, and no classes mean all.
    precision, isolation, report:
        As for `process`. `isolation` and `report` concern files only.

    Returns
    -------
    The detections in the picture. Of several pictures: an iterator over the detections in each. It reads a few
    pictures ahead. Those of a video come when the whole video has been read, rounded as in `….detections.jsonl`.

    Raises
    ------
    TypeError, ValueError
        Something is no picture. The message says what it is, and how to make a picture of it.
    SourceMissing, InvalidMedia, ModelUnknown, ModelUnavailable, SettingInvalid, IsolationUnavailable
        All are `avflow.errors.AvflowError`, and say what to do.
    """
    choices = checked(confidence=confidence, nms=nms, classes=classes)

    def wanted() -> LoadDetector:
        return checked_detector(model, choices, precision, report)

    if isinstance(source, str | os.PathLike):
        path = readable(source)
        asked = wanted()
        if _is_picture_file(path):
            return _in_picture(_read(path, isolation, report), _detector(asked))
        return _in_video(path, asked, isolation, report)
    if is_picture(source):
        return _in_picture(picture(source), _detector(wanted()))
    if isinstance(source, bytes) or not isinstance(source, Iterable):
        picture(source, "The source")  # raises
    frames: Iterator[Any] = iter(source)
    return _in_frames(frames, _detector(wanted()))


def _detector(wanted: LoadDetector) -> Detector:
    """The detector, which stays loaded for the next call."""
    return _loaded(wanted, str(ModelStore().root))


@lru_cache(maxsize=2)
def _loaded(wanted: LoadDetector, root: str) -> Detector:
    found: dict[str, Any] = {"threshold": wanted.confidence, "overlap": wanted.nms, "classes": wanted.classes}
    return open_model(wanted.model, ModelStore(Path(root)), precision=wanted.precision, **found)


# ---------------------------------------------------------------- pictures
def _in_picture(frame: Frame, detector: Detector) -> Detections:
    return Detections.of(detector.detect(frame), (frame.shape[1], frame.shape[0]))


def _is_picture_file(path: Path) -> bool:
    if path.suffix.lower() in _STREAMS:
        return False
    with path.open("rb") as file:
        begin = file.read(12)
    return begin.startswith(_SIGNATURES) or (begin[:4] == b"RIFF" and begin[8:] == b"WEBP")


def _read(path: Path, isolation: Isolation, report: Report) -> Frame:
    """The picture in a file, decoded by a media process."""
    with working_on(path, isolation, report) as work:
        with work.worker("pictures") as worker:
            worker.do(ReadPicture(str(work.source), str(work.place.work / "picture.npy")), work.report)
        made = work.place.take("picture.npy")
        try:
            return picture(np.load(made, allow_pickle=False))
        except (TypeError, ValueError):
            raise MediaAnswerInvalid("The media process made no picture") from None


@dataclass(frozen=True)
class _Pending:
    """Pictures on which inference runs, the size of each, and the number of the first one."""

    heads: Future[list[Any]]
    sizes: list[tuple[int, int]]
    first: int


def _in_frames(frames: Iterator[Any], detector: Detector) -> Iterator[Detections]:
    """The detections in each frame. The engine works on the next ones meanwhile."""
    pending: deque[_Pending] = deque()
    number = 0
    while batch := [picture(each, f"Picture {number + at}") for at, each in enumerate(_next(frames, detector))]:
        blobs = [detector.preprocess(each) for each in batch]
        pending.append(_Pending(detector.start(blobs), [(each.shape[1], each.shape[0]) for each in batch], number))
        number += len(batch)
        if len(pending) > detector.in_flight:
            yield from _done(pending.popleft(), detector)
    while pending:
        yield from _done(pending.popleft(), detector)


def _next(frames: Iterator[Any], detector: Detector) -> Iterator[Any]:
    return islice(frames, detector.batch_size)


def _done(pending: _Pending, detector: Detector) -> Iterator[Detections]:
    for at, (heads, size) in enumerate(zip(pending.heads.result(), pending.sizes, strict=True)):
        yield Detections.of(detector.postprocess(heads, size), size, pending.first + at)


# ---------------------------------------------------------------- videos
def _in_video(path: Path, wanted: LoadDetector, isolation: Isolation, report: Report) -> Iterator[Detections]:
    """The detections in each frame of a video, which a media process decodes."""
    with working_on(path, isolation, report) as work:
        with work.worker("ffmpeg") as worker:
            media = work.described(worker, "", refuse_cut=False)
            media, found = converted(work, worker, media)
        if found.stream is None:
            why = " ".join(notice.message for notice in media.notices)
            raise InvalidMediaNoStreams(f"{printable(path.name)} has no video. {why}".rstrip())
        size = (found.stream.width, found.stream.height)
        annotated(work, wanted, found, Drawing(color_space=media.drawn_color_space))
        lines = work.place.take("detections.jsonl").read_text(encoding="utf-8").splitlines()
    numbers = {name: number for number, name in enumerate(_detector(wanted).names)}
    return (_of_line(json.loads(line), numbers, size) for line in lines)


def _of_line(line: dict[str, Any], numbers: dict[str, int], size: tuple[int, int]) -> Detections:
    found = [
        Detection(numbers[each["class"]], each["class"], each["confidence"], tuple(each["box"]))
        for each in line["objects"]
    ]
    return Detections.of(found, size, line["frame"], line["time"])
