"""The picture of a file: converted if necessary, and annotated by a media process."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from avflow.annotation.labels import USUAL, LabelStyle
from avflow.api.work import Work
from avflow.isolation.worker import MediaWorker
from avflow.media import Media, VideoStream, conversion_reasons
from avflow.media_work.loading import load_detector
from avflow.media_work.requests import Annotate, Annotated, ConvertPicture, LoadDetector


@dataclass(frozen=True)
class Picture:
    """The video that the detector reads: of the file, or of its conversion. No `stream` without video."""

    source: Path
    stream: VideoStream | None
    converted_because: tuple[str, ...] = ()


@dataclass(frozen=True)
class Drawing:
    """What to write besides the detections, and how.

    Parameters
    ----------
    mp4, pictures:
        Whether to write an MP4, and the still pictures.
    every:
        Detect on one frame in so many.
    late:
        Draw nothing yet: what is drawn is known later (`avflow.choices.Choices.drawn_late`).
    """

    mp4: bool = False
    pictures: bool = False
    labels: LabelStyle = USUAL
    every: int = 1
    color_space: str = "unknown"
    late: bool = False


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


def annotated(work: Work, finder: LoadDetector, picture: Picture, drawing: Drawing | None = None) -> Annotated:
    """Detect objects on all frames.

    Writes `boxed.avi`, `boxed.mp4`, `pictures.zip` and `detections.jsonl` into the folder `work` of the place.
    """
    assert picture.stream is not None
    drawing = drawing or Drawing()
    with work.worker("yolov3") as worker:
        load_detector(finder, worker, lambda folder: work.worker("yolov3", makes=[folder]), work.report)
        made = work.place.work
        request = Annotate(
            str(picture.source),
            picture.stream,
            0,
            picture.stream.total_frames,
            None if drawing.late else str(made / "boxed.avi"),
            str(made / "detections.jsonl"),
            hardware=False,
            mp4=str(made / "boxed.mp4") if drawing.mp4 and not drawing.late else None,
            pictures=str(made / "pictures.zip") if drawing.pictures and not drawing.late else None,
            labels=drawing.labels,
            color_space=drawing.color_space,
            every=drawing.every,
        )
        return worker.do(request, work.report)
