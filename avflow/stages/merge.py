"""Publish: boxes and the original sound, subtitles, detections, and the manifest last."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from avflow import ffmpeg, manifest
from avflow.errors import SourceMissing
from avflow.layout import VideoRef
from avflow.media import Media
from avflow.stages.context import StageContext, StepTimer, scratch, source_path
from avflow.storage import Store

#: all that can stand under `result/` besides the manifest
SUFFIXES = (".avi", ".detections.jsonl", ".srt", ".error.json")


def run(video: VideoRef, context: StageContext) -> dict[str, Any]:
    """Write everything under `result/`; the manifest's presence means that the rest is complete.

    Writes nothing where a newer version of the same upload has come meanwhile.

    Raises
    ------
    LambdaBudgetExceeded
        Time or scratch space don't suffice here.
    """
    timer = StepTimer("merge", context.ran_on)
    store = context.store
    media = store.read_json(video.media_json)
    speech = store.read_json(video.step_json("audio2srt")) if media["has_sound"] else None
    boxes = store.read_json(video.step_json("yolov3")) if media["has_picture"] else None
    if is_superseded(video, store):  # the newer upload's own execution publishes
        return {"input": media["input"], "superseded": True, "step": timer.record()}
    store.delete(video.result(".json"))  # an earlier version's: from here to the end this video is not complete
    results = []
    if boxes:
        with scratch() as folder:
            store.upload(
                _boxes_and_sound(video, context, Media.from_dict(media["input"]), folder), video.result(".avi")
            )
        store.copy(video.detections, video.result(".detections.jsonl"))
        results += [video.result(".avi"), video.result(".detections.jsonl")]
    if speech:
        store.copy(video.srt, video.result(".srt"))
        results.append(video.result(".srt"))
    for suffix in SUFFIXES:  # what an earlier version had and this one has not, its failure included
        if video.result(suffix) not in results:
            store.delete(video.result(suffix))
    report = manifest.build(video, media=media, speech=speech, boxes=boxes, merge_step=timer.record(), results=results)
    store.write_json(video.result(".json"), report)
    return {**report, "step": report["steps"][-1]}


def is_superseded(video: VideoRef, store: Store) -> bool:
    """Whether the same key was uploaded again meanwhile: a slow old version must not replace a quick new one."""
    if video.version_id is None:
        return False
    try:
        return store.version(video.key) not in (video.version_id, None)
    except SourceMissing:  # the user took the upload away, and still gets what it was uploaded for
        return False


def _boxes_and_sound(video: VideoRef, context: StageContext, media: Media, folder: Path) -> Path:
    store, budget = context.store, context.budget
    boxed, source, target = folder / "boxed.avi", source_path(folder, video), folder / "result.avi"
    boxed_size = store.size(video.boxed)
    sound_size = round(media.duration * 40_000)  # mp3 320k
    source_size = media.size if media.sound else 0
    budget.require_disk(2 * boxed_size + sound_size + source_size, f"{video.filename} and its boxes")
    store.download(video.boxed, boxed)
    if media.sound is None:
        return boxed
    store.download(video.key, source, video.version_id)
    ffmpeg.mux(boxed, source, media, target, report=context.report, budget=budget)
    return target
