"""`result/….json`: what went in, what came out, and who did what, where and for how long."""

from __future__ import annotations

from typing import Any

from avflow.layout import VideoRef
from avflow.models import Model

#: raised when a reader of the former version would misread a manifest
SCHEMA_VERSION = 1


def build(
    video: VideoRef,
    *,
    media: dict[str, Any],
    speech: dict[str, Any] | None,
    boxes: dict[str, Any] | None,
    merge_step: dict[str, Any],
    results: list[str],
) -> dict[str, Any]:
    """The manifest of a finished run.

    Parameters
    ----------
    media, speech, boxes:
        The reports of the FFmpeg, audio2srt and yolov3 steps; None for one that was skipped.
    merge_step:
        The record of the merge step itself.
    results:
        Keys of the objects published so far; the manifest itself is always the last.
    """
    reports = [report for report in (media, speech, boxes) if report is not None]
    return {
        "schema": SCHEMA_VERSION,
        "execution": video.execution,
        "source": {"bucket": video.bucket, "key": video.key, "version_id": video.version_id},
        "input": media["input"],
        "converted_because": media["conversion_reasons"],
        "results": results,
        "models": {report["model"]["role"]: report["model"] for report in reports if "model" in report},
        "speech": speech and {key: speech[key] for key in ("language", "cues", "words")},
        "detections": boxes
        and {key: boxes[key] for key in ("frames", "frame_rate", "size", "engine", "objects", "frames_with")},
        "steps": [*(report["step"] for report in reports), merge_step],
    }


def model_entry(role: str, model: Model) -> dict[str, Any]:
    """A model as the manifest names it: what it did, and the sums of its files."""
    files = [{"name": file.name, "bytes": file.bytes, "sha256": file.sha256} for file in model.files]
    return {"role": role, "name": model.name, "kind": model.kind, "files": files}
