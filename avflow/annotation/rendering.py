"""Draws a video whose objects are detected already: what labels and subtitles need may be known only at the end.

It is the pipeline of `avflow.annotation.pipeline` with the file of detections in place of the detector. So frames,
times, boxes and encoders are the same as if the detector's own boxes were drawn.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Any

from avflow.annotation.detections import read_line
from avflow.annotation.labels import LabelStyle
from avflow.annotation.pipeline import AnnotatedVideo, Extras, Overlay, annotate_video
from avflow.detection import Detection
from avflow.errors import MediaAnswerInvalid
from avflow.media import VideoStream
from avflow.progress import Report, ignore

#: longest line of a file of detections in bytes, as in avflow/tracking/lines.py
_LINE_BYTES = 16 << 20


def render_video(
    source: Path,
    stream: VideoStream,
    detections: Path,
    target: Path | None,
    *,
    class_ids: Mapping[str, int],
    extras: Extras,
    labels: LabelStyle,
    overlay: Overlay | None = None,
    report: Report = ignore,
) -> AnnotatedVideo:
    """Draw the objects of the file `detections` on all frames of a video.

    Parameters
    ----------
    source, stream, target, extras, labels, overlay, report:
        As for `annotate_video`.
    class_ids:
        The number of each class in the model (`AnnotatedVideo.class_ids`).

    Raises
    ------
    MediaAnswerInvalid
        The file is not one of detections on each frame of this video.
    FFmpegFailed, ScratchFull, InvalidMediaDamaged, FrameCountMismatch
        As for `annotate_video`. After an error, none of the files exists.
    """
    with detections.open("rb") as lines:
        written = WrittenDetections(iter(lambda: lines.readline(_LINE_BYTES), b""), class_ids)
        return annotate_video(
            source,
            stream,
            written,
            target,
            None,
            extras=extras,
            labels=labels,
            overlay=overlay,
            step="render",
            report=report,
        )


class WrittenDetections:
    """A `Detector` that finds on each frame what a file of detections says. The frames come in order, from the first.

    Parameters
    ----------
    lines:
        The lines of the file.
    class_ids:
        The number of each class in the model.
    """

    input_size = (0, 0)
    engine = "written detections"
    batch_size = in_flight = 1

    def __init__(self, lines: Iterable[bytes], class_ids: Mapping[str, int]) -> None:
        self._found, self.names = self._read(lines, class_ids), tuple(class_ids)

    def preprocess(self, frame: object) -> Any:
        """The detections on the next frame."""
        return next(self._found)

    def start(self, blobs: Sequence[Any]) -> Future[list[Any]]:
        """The same: there is nothing to wait for."""
        done: Future[list[Any]] = Future()
        done.set_result(list(blobs))
        return done

    def postprocess(self, heads: Any, frame_size: tuple[int, int]) -> list[Detection]:
        """The same as a list."""
        return list(heads)

    def detect(self, frames: object) -> Any:
        """It knows no other pictures than the frames of its video."""
        raise NotImplementedError

    def close(self) -> None:
        """Nothing is open."""

    @staticmethod
    def _read(lines: Iterable[bytes], class_ids: Mapping[str, int]) -> Iterator[list[Detection]]:
        number = -1
        for number, text in enumerate(lines):
            try:
                line = read_line(text)
                found = [
                    Detection(class_ids[each.class_name], each.class_name, each.confidence, each.box, each.track)
                    for each in line.objects
                ]
            except (KeyError, ValueError) as error:
                raise MediaAnswerInvalid(f"The detections on frame {number} can't be drawn: {error}") from error
            if line.frame != number:
                raise MediaAnswerInvalid(f"The detections on frame {number} are missing")
            yield found
        raise MediaAnswerInvalid(f"The detections on frame {number + 1} are missing")
