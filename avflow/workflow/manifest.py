"""`result/….json`: what went in, what came out, and who did what, where and for how long."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from avflow.models.store import Model
from avflow.workflow import cost
from avflow.workflow.layout import VideoRef

#: raised when a reader of the former version would misread a manifest
SCHEMA_VERSION = 1


def build(
    video: VideoRef,
    *,
    media: dict[str, Any],
    speech: Sequence[dict[str, Any]],
    said: dict[str, Any] | None,
    boxes: Sequence[dict[str, Any]],
    merge_step: dict[str, Any],
    results: list[str],
    on_aws: bool,
) -> dict[str, Any]:
    """The manifest of a finished run.

    Parameters
    ----------
    media:
        The report of the FFmpeg step.
    speech, boxes:
        The reports of the audio2srt and yolov3 steps, one a span or segment; none for a step that was skipped.
    said:
        What all spans together say: `language`, `cues`, `words`; None without sound.
    merge_step:
        The record of the merge step itself.
    results:
        Keys of the objects published so far; the manifest itself is always the last.
    on_aws:
        False where AWS is embedded: the cost is then what AWS would ask for the same seconds.
    """
    steps = [media["step"], *_steps(speech), *_steps(boxes), merge_step]
    return {
        "schema": SCHEMA_VERSION,
        "execution": video.execution,
        "source": {"bucket": video.bucket, "key": video.key, "version_id": video.version_id},
        "input": media["input"],
        "converted_because": media["conversion_reasons"],
        "results": results,
        "models": {report["model"]["role"]: report["model"] for report in (*speech, *boxes)},
        "speech": said,
        "detections": _detections(boxes) if boxes else None,
        "steps": steps,
        "cost": cost.estimate(steps, media["input"], on_aws=on_aws, converted=bool(media["conversion_reasons"])),
    }


def _steps(reports: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The records of a step, numbered where it worked in several parts."""
    if len(reports) == 1:
        return [reports[0]["step"]]
    return [{**report["step"], "part": part} for part, report in enumerate(reports)]


def _detections(boxes: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """All segments together; several engines where Spot took some of the GPUs away."""
    sums = {key: sum((Counter(report[key]) for report in boxes), Counter()) for key in ("objects", "frames_with")}
    return {
        "frames": sum(report["frames"] for report in boxes),
        "damaged_frames": sum(report.get("damaged_frames", 0) for report in boxes),
        "frame_rate": boxes[0]["frame_rate"],
        "size": boxes[0]["size"],
        "engine": ", ".join(dict.fromkeys(report["engine"] for report in boxes)),
        **{key: dict(counted) for key, counted in sums.items()},
    }


def model_entry(role: str, model: Model) -> dict[str, Any]:
    """A model as the manifest names it: what it did, and the sums of its files."""
    files = [{"name": file.name, "bytes": file.bytes, "sha256": file.sha256} for file in model.files]
    return {"role": role, "name": model.name, "kind": model.kind, "files": files}
