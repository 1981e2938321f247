"""Publish the results: annotated video with the original audio, subtitles, detections, and last the manifest."""

from __future__ import annotations

from collections.abc import Sequence

from avflow.errors import SourceMissing
from avflow.isolation.workplace import workplace
from avflow.workflow import manifest, plan, result_page, spoken, videos
from avflow.workflow.context import StepContext, StepTimer
from avflow.workflow.layout import RESULT_SUFFIXES, VideoRef
from avflow.workflow.publishing import publish
from avflow.workflow.reports import Manifest, MediaReport, MergeReport, ResultFile, SegmentReport, SpanReport
from avflow.workflow.storage import ObjectStore


class _Superseded(Exception):
    """The bucket has a newer version of the upload. The execution of that version publishes the results."""


class _Reported(Exception):
    """While this step published, an error was reported: somebody stopped the run, or a newer version failed."""


def run(video: VideoRef, context: StepContext) -> MergeReport:
    """Write all results under `result/`. The manifest comes last: its presence means that the rest is complete.

    A newer version of the same upload stops this run from publishing (more). The step looks for one three times: at its
    start, before it publishes the first result, and before it publishes the manifest. If an error was reported
    meanwhile, it takes back what it has published: see lambdas/failed/results.py.

    Raises
    ------
    LambdaBudgetExceeded
        Lambda's time or scratch space does not suffice.
    FrameCountMismatch
        The segments do not hold all frames. Nothing is published.
    """
    timer = StepTimer("merge", context)
    media = context.store.read(video.media_json, MediaReport)
    context = context.within(media.choices.lambda_seconds, video)
    try:
        complete = _run(video, context, media, timer)
    except (_Superseded, _Reported):
        return MergeReport(media.input, timer.record(), None)
    return MergeReport(media.input, complete.steps[-1], complete)


def _run(video: VideoRef, context: StepContext, media: MediaReport, timer: StepTimer) -> Manifest:
    store = context.store
    _require_newest(video, store)
    segments = _segments(video, media, store) if media.has_video else {}
    boxes = list(segments.values())
    speech = [store.read(video.part_json("audio2srt", span.part), SpanReport) for span in media.plan.spans]
    with workplace() as place:
        said = spoken.make(video, media, speech, place.taken) if speech else None
        seen = None
        if boxes:
            summary, srt = (said.summary, said.subtitles) if said else (None, None)
            seen = videos.make(videos.Boxes(video, context, media, segments, summary, srt, place))
        made = {**(seen.results if seen else {}), **(said.results if said else {})}
        made = {key: made[key] for key in map(video.result, RESULT_SUFFIXES) if key in made}
        _require_newest(video, store)
        # Of an earlier version or try. The results are incomplete until the new manifest
        store.delete(video.result(".json"))
        store.delete(video.result(".error.json"))
        files = publish(made, store)

        def report() -> Manifest:
            return manifest.build(
                video,
                media=media,
                speech=speech,
                said=said.summary if said else None,
                boxes=boxes,
                unique=seen.tracked.unique if seen else {},
                merge_step=timer.record(seen.isolation if seen else None),
                results=files,
                on_aws=context.settings.on_aws,
                notices=seen.notices if seen else (),
            )

        if "html" in media.choices.outputs:  # it shows what the manifest says
            page = result_page.make(video, report(), said, seen, place.taken)
            files += publish({video.result(".html"): page}, store)
    try:
        _require_newest(video, store)
    except _Superseded:
        _withdraw_if_reported(video, store)
        raise
    _delete_others(video, store, files)
    complete = report()
    store.write(video.result(".json"), complete)
    _withdraw_if_reported(video, store)
    return complete


def _segments(video: VideoRef, media: MediaReport, store: ObjectStore) -> dict[int, SegmentReport]:
    """The reports of a video's segments by their numbers: of functions, or of jobs if these had to do it."""

    def reports(parts: range) -> dict[int, SegmentReport]:
        return {part: store.read(video.part_json("yolov3", part), SegmentReport) for part in parts}

    if media.plan.functions is not None:
        try:
            return reports(plan.parts_on_lambda(media.plan))
        except SourceMissing:  # a segment did not get done there, so a job did the whole video
            pass
    return reports(plan.parts_on_batch(media.plan))


def _delete_others(video: VideoRef, store: ObjectStore, files: Sequence[ResultFile]) -> None:
    """Delete the results of an earlier version of the upload that this one lacks."""
    kept = {video.result(".error.json"), *(file.key for file in files)}
    for key in map(video.result, RESULT_SUFFIXES):
        if key not in kept:
            store.delete(key)


def _withdraw_if_reported(video: VideoRef, store: ObjectStore) -> None:
    """Delete all results, the manifest first, and raise _Reported if there is an error report."""
    try:
        store.size(video.result(".error.json"))
    except SourceMissing:
        return
    for suffix in (".json", *RESULT_SUFFIXES):
        if suffix != ".error.json":
            store.delete(video.result(suffix))
    raise _Reported


def _require_newest(video: VideoRef, store: ObjectStore) -> None:
    if is_superseded(video, store):
        raise _Superseded


def is_superseded(video: VideoRef, store: ObjectStore) -> bool:
    """Whether the same key was uploaded again. A slow run of the old version must not replace the new results."""
    if video.version_id is None:
        return False
    try:
        return store.version(video.key) not in (video.version_id, None)
    except SourceMissing:  # the user deleted the upload, and still gets its results
        return False
