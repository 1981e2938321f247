"""The detections of all segments as one file with tracks: a part of the Merge step."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path

from avflow.page import Presence
from avflow.tracking import Tracked, track_file
from avflow.workflow.context import StepContext, paced
from avflow.workflow.layout import VideoRef
from avflow.workflow.reports import SegmentReport

#: bytes of the file with tracks for each without
_GROWTH = 1.25


def joined_detections(
    video: VideoRef, context: StepContext, reports: Mapping[int, SegmentReport], folder: Path
) -> tuple[Path, Tracked, Presence]:
    """Download the detections of all segments into `folder`, and write one file with the tracks of their objects.

    `reports` are by the number of the segment. Returns the file, the tracks, and when each class is seen.

    Their frame numbers and times already count in the whole video, so an object keeps its track at a seam.

    Raises
    ------
    LambdaBudgetExceeded
        Lambda's time or scratch space does not suffice.
    MediaAnswerInvalid
        A media process has left something else than detections.
    """
    store, budget, name = context.store, context.budget, video.shown_name
    keys = [video.detections(part) for part in reports]
    budget.require_disk(round((1 + _GROWTH) * sum(map(store.size, keys))), f"{name} and its detections")
    target = folder / "detections.jsonl"
    parts = [folder / f"detections-{part:04}.jsonl" for part in reports]
    with store.transfers() as transfers:
        for key, path in zip(keys, parts, strict=True):
            transfers.download(key, path)
    frames, first = sum(report.frames for report in reports.values()), next(iter(reports.values()))
    seconds, presence = frames / Fraction(first.frame_rate), Presence(frames)
    in_time = paced(context.report, budget, f"the tracking of the objects in {name}")
    tracked = track_file(parts, target, seconds=float(seconds), see=presence.add, report=in_time)
    for path in parts:
        path.unlink()
    return target, tracked, presence
