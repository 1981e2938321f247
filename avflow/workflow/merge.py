"""Publish the results: annotated video with the original audio, subtitles, detections, and last the manifest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

from avflow.errors import SourceMissing
from avflow.isolation.policy import Isolation
from avflow.isolation.workplace import Workplace, workplace
from avflow.media import Media
from avflow.media.formats import AUDIO_BYTES_PER_SECOND
from avflow.media_work.requests import BoxedFile, JoinSegments
from avflow.models.kinds import TRANSLATED_TO
from avflow.progress import divided
from avflow.speech import subtitles
from avflow.speech.transcript import Transcript
from avflow.workflow import manifest, tracks
from avflow.workflow.context import StepContext, StepTimer, paced
from avflow.workflow.layout import RESULT_SUFFIXES, VideoRef
from avflow.workflow.reports import Manifest, MediaReport, MergeReport, SegmentReport, SpanReport, SpeechSummary
from avflow.workflow.storage import ObjectStore

#: by key under `result/`: the file to upload, or the key of the object to copy
Results = dict[str, Path | str]
#: share of the time that tracking takes of joining the segments
_TRACKING = 0.1


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
    context = context.within(media.lambda_seconds, video)
    try:
        manifest = _run(video, context, media, timer)
    except (_Superseded, _Reported):
        return MergeReport(media.input, timer.record(), None)
    return MergeReport(media.input, manifest.steps[-1], manifest)


def _run(video: VideoRef, context: StepContext, media: MediaReport, timer: StepTimer) -> Manifest:
    store = context.store
    _require_newest(video, store)
    segments = range(media.plan.segments.count if media.has_video else 0)
    boxes = [store.read(video.part_json("yolov3", part), SegmentReport) for part in segments]
    speech = [store.read(video.part_json("audio2srt", span.part), SpanReport) for span in media.plan.spans]
    made: Results = {}
    said = isolation = unique = None
    with workplace() as place:
        if boxes:
            found, unique, isolation = _boxed(_Boxes(video, context, media, boxes, place))
            made |= found
        if speech:
            said, made[video.result(".srt")] = _subtitles(speech, place.taken)
        _require_newest(video, store)
        # Of an earlier version or try. The results are incomplete until the new manifest
        store.delete(video.result(".json"))
        store.delete(video.result(".error.json"))
        _publish(made, store)
    try:
        _require_newest(video, store)
    except _Superseded:
        _withdraw_if_reported(video, store)
        raise
    for suffix in RESULT_SUFFIXES:  # delete results of an earlier version that this one lacks
        if suffix != ".error.json" and video.result(suffix) not in made:
            store.delete(video.result(suffix))
    report = manifest.build(
        video,
        media=media,
        speech=speech,
        said=said,
        boxes=boxes,
        unique=unique or {},
        merge_step=timer.record(isolation),
        results=tuple(made),
        on_aws=context.settings.on_aws,
    )
    store.write(video.result(".json"), report)
    _withdraw_if_reported(video, store)
    return report


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


def _publish(made: Results, store: ObjectStore) -> None:
    with store.transfers() as transfers:
        for key, source in made.items():
            if isinstance(source, Path):
                transfers.upload(source, key)
            else:
                store.copy(source, key)


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


# ---------------------------------------------------------------- video
@dataclass(frozen=True)
class _Boxes:
    """The reports of a video's segments, and the folder in which to join the segments."""

    video: VideoRef
    context: StepContext
    report: MediaReport
    reports: Sequence[SegmentReport]
    place: Workplace

    @property
    def media(self) -> Media:
        """The upload."""
        return self.report.input


def _boxed(boxes: _Boxes) -> tuple[Results, dict[str, int], Isolation | None]:
    """The AVI, the detections with their tracks, and the number of tracks of each class.

    An AVI that is already one object is copied inside S3, without a media process.
    """
    video, context, copied = boxes.video, boxes.context, len(boxes.reports) == 1 and not boxes.media.audio
    tracking, joining = divided(context.report, *((1, 0) if copied else (_TRACKING, 1 - _TRACKING)))
    detections, tracked = tracks.joined_detections(
        video, replace(context, report=tracking), boxes.reports, boxes.place.taken
    )
    avi: Path | str = video.boxed(0)
    isolation = None
    if not copied:
        avi, isolation = _boxes_and_audio(replace(boxes, context=replace(context, report=joining)), detections)
    return {video.result(".avi"): avi, video.result(".detections.jsonl"): detections}, tracked.unique, isolation


def _boxes_and_audio(boxes: _Boxes, detections: Path) -> tuple[Path, Isolation]:
    """One AVI with the annotated video of all segments, and the upload's audio if it has any.

    `detections` lie on the same disk.
    """
    store, budget, media = boxes.context.store, boxes.context.budget, boxes.media
    place, target = boxes.place, boxes.place.work / "result.avi"
    source = place.inputs / boxes.video.scratch_name
    keys = [boxes.video.boxed(part) for part in range(len(boxes.reports))]
    audio_bytes = media.size + round(media.duration * AUDIO_BYTES_PER_SECOND) if media.audio else 0
    needed = 2 * sum(map(store.size, keys)) + audio_bytes + detections.stat().st_size
    budget.require_disk(needed, f"{boxes.video.shown_name} and its boxes")
    # FFmpeg's list of segments lies beside them, so they are in the media process's folder, before it reads anything
    segments = [
        BoxedFile(str(place.work / f"boxed-{part:04}.avi"), report.frames) for part, report in enumerate(boxes.reports)
    ]
    with boxes.context.media_process("merge", place) as worker:
        with store.transfers() as transfers:
            for key, segment in zip(keys, segments, strict=True):
                transfers.download(key, Path(segment.path))
            if media.audio:
                joined = boxes.report.joined
                transfers.download(joined or boxes.video.key, source, None if joined else boxes.video.version_id)
        rate = Fraction(boxes.reports[0].frame_rate)
        in_time = paced(boxes.context.report, budget, f"the merge of {source.name}")
        worker.do(JoinSegments(tuple(segments), rate, str(source), media, str(target)), in_time)
        return place.take(target.name), worker.isolation


# ---------------------------------------------------------------- subtitles
def _subtitles(speech: Sequence[SpanReport], folder: Path) -> tuple[SpeechSummary, Path]:
    """The manifest's summary of the subtitles of all spans, and the .srt file. It is empty if nobody speaks."""
    transcript = Transcript.join([report.transcript for report in speech])
    cues = subtitles.cues(transcript)
    path = folder / "subtitles.srt"
    subtitles.write(cues, path)
    words = sum(len(cue.text.split()) for cue in cues)
    translated = any(report.task == "translate" for report in speech)
    written = (TRANSLATED_TO if translated else transcript.language) if cues else None
    return SpeechSummary(transcript.language, len(cues), words, written), path
