"""Draw boxes on every frame, and write down what was detected where."""

from __future__ import annotations

from typing import Any

from avflow import boxed_video, detection
from avflow.errors import InvalidMediaNoStreams
from avflow.layout import VideoRef
from avflow.media import probe
from avflow.media.model import fraction_text
from avflow.models import ModelStore
from avflow.stages.context import StageContext, StepTimer, paced, scratch

DEFAULT_MODEL = "yolov3"


def run(video: VideoRef, context: StageContext) -> dict[str, Any]:
    """Write the boxed AVI (no sound), the detections and the step's report.

    Raises
    ------
    ModelUnavailable
        The detector's model is not on this machine.
    FrameCountMismatch
        Not every frame came out; nothing is uploaded.
    """
    timer = StepTimer("yolov3", context.ran_on)
    store = context.store
    models = ModelStore()
    name = context.settings.get("YOLOV3_MODEL", DEFAULT_MODEL)
    where = store.read_json(video.media_json)["picture"]
    with scratch() as folder:
        source, boxed, detections = folder / "source", folder / "boxed.avi", folder / "detections.jsonl"
        store.download(where["key"], source, where["version_id"])
        picture = probe(source, name=video.filename).picture
        if picture is None:
            raise InvalidMediaNoStreams(f"{video.filename} has no picture.")
        detector = detection.open_detector(name, models)
        done = boxed_video.box_video(source, picture, detector, boxed, detections, report=paced(context, "detection"))
        store.upload(boxed, video.boxed)
        store.upload(detections, video.detections)
    report = {
        "frames": done.frames,
        "frame_rate": fraction_text(picture.nominal_rate),
        "size": [picture.width, picture.height],
        "classes": done.classes,
        "model": {"role": "detector", **models.describe(name).to_dict()},
        "step": timer.record(),
    }
    store.write_json(video.step_json("yolov3"), report)
    return report
