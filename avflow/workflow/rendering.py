"""Draw the boxes when all segments and spans are done: a part of the Merge step, if the choices ask for it.

Labels with tracks and burnt subtitles are known only then (`avflow.choices.Choices.drawn_late`).
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from avflow.annotation.labels import LabelStyle
from avflow.errors import FrameCountMismatch, LambdaBudgetExceeded
from avflow.isolation.permissions import font_folders
from avflow.media import Notice
from avflow.media_work.merge_requests import Render
from avflow.progress import Report
from avflow.results.videos import font_notices
from avflow.workflow.isolating import Worker
from avflow.workflow.reports import DetectorInput

if TYPE_CHECKING:
    from avflow.workflow.videos import Boxes


@dataclass(frozen=True)
class Rendered:
    """The annotated video, whole."""

    #: `avi`, `mp4`, `pictures`: those that are wanted, in the media process's folder
    files: dict[str, Path]
    frames: int
    notices: tuple[Notice, ...]


def render(boxes: Boxes, worker: Worker, detections: Path, report: Report) -> Rendered:
    """Draw the objects of the file `detections`, which has their tracks, and the subtitles if they are burnt.

    The media process reads what the detector has read, once. So the upload is there afterwards if the detector read it.

    Raises
    ------
    LambdaBudgetExceeded
        On Lambda. The plan sends this work to AWS Batch directly.
    FrameCountMismatch
        The video has another number of frames than the detector has seen.
    MediaWorkFailed, MediaAnswerInvalid
        As `avflow.isolation.worker.MediaWorker`.
    """
    context, media, name = boxes.context, boxes.report, boxes.video.shown_name
    where = media.detector_input
    assert where is not None
    what = f"the drawing of the boxes on {name}"
    if context.ran_on == "lambda":
        raise LambdaBudgetExceeded(f"{what} needs OpenCV and fonts, which only the image of the job has")
    source = _downloaded(boxes, where)
    files = {"avi": boxes.place.work / "rendered.avi"}
    files |= {"mp4": boxes.place.work / "rendered.mp4"} if "mp4" in media.choices.outputs else {}
    files |= {"pictures": boxes.place.work / "pictures.zip"} if "jpg" in media.choices.outputs else {}
    paths = {key: str(path) for key, path in files.items()}
    subtitles = _subtitles(boxes)
    request = Render(
        str(source),
        where.stream,
        str(detections),
        {key: number for each in boxes.reports.values() for key, number in each.class_ids.items()},
        paths.get("avi"),
        paths.get("mp4"),
        paths.get("pictures"),
        LabelStyle(media.choices.labels, media.choices.label_size),
        boxes.media.drawn_color_space,
        str(subtitles) if subtitles else None,
        tuple(map(str, font_folders())) if subtitles else (),
    )
    done = worker.do(request, report)
    expected = sum(each.frames for each in boxes.reports.values())
    if done.frames != expected:
        raise FrameCountMismatch(f"{name} should have {expected} frames, but {done.frames} were drawn")
    return Rendered(files, done.frames, font_notices(done))


def _downloaded(boxes: Boxes, where: DetectorInput) -> Path:
    """What the detector has read, and the upload if it has audio, in the folder."""
    key, path, version = boxes.with_audio
    same = where.key == key
    source = path if same else boxes.input("converted")
    with boxes.context.store.transfers() as transfers:
        transfers.download(where.key, source, where.version_id)
        if boxes.media.audio and not same:
            transfers.download(key, path, version)
    return source


def _subtitles(boxes: Boxes) -> Path | None:
    """The subtitles to draw, where the media process can read them."""
    if boxes.report.choices.subtitles != "burnt" or boxes.said is None or not boxes.said.cues or not boxes.subtitles:
        return None
    copied = boxes.input("srt")
    shutil.copyfile(boxes.subtitles, copied)
    return copied
