"""Publish the results: annotated video with the original audio, subtitles, detections, and last the manifest."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from avflow.errors import SourceMissing
from avflow.filenames import printable_json
from avflow.isolation.policy import Isolation
from avflow.isolation.workplace import Workplace, workplace
from avflow.media import Media
from avflow.media.formats import AAC_BYTES_PER_SECOND, AUDIO_BYTES_PER_SECOND
from avflow.media_work.requests import BoxedFile, JoinMp4, JoinSegments, MakePictures
from avflow.models.kinds import TRANSLATED_TO, SpeechTask
from avflow.progress import Report, divided
from avflow.speech import subtitles, texts, webvtt
from avflow.speech.transcript import Transcript
from avflow.workflow import manifest
from avflow.workflow.context import StepContext, StepTimer, paced
from avflow.workflow.isolating import Worker
from avflow.workflow.layout import OF_AUDIO, RESULT_SUFFIXES, VideoRef
from avflow.workflow.publishing import Copied, Results, publish
from avflow.workflow.reports import Manifest, MediaReport, MergeReport, SegmentReport, SpanReport, SpeechSummary
from avflow.workflow.storage import ObjectStore

#: the SubRip file, from which the MP4 gets its subtitle track
_SUBTITLES = "subtitles.srt"


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
    said = isolation = None
    with workplace() as place:
        spoken: Results = {}
        if speech:
            said, spoken = _subtitles(video, media, speech, place)
        if boxes:
            found, isolation = _boxed(_Boxes(video, context, media, boxes, said, place))
            made |= found
        made |= spoken
        made = {key: made[key] for key in map(video.result, RESULT_SUFFIXES) if key in made}
        _require_newest(video, store)
        # Of an earlier version or try. The results are incomplete until the new manifest
        store.delete(video.result(".json"))
        store.delete(video.result(".error.json"))
        files = publish(made, store)
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
        merge_step=timer.record(isolation),
        files=files,
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
    #: None without audio
    said: SpeechSummary | None
    place: Workplace

    @property
    def media(self) -> Media:
        """The upload."""
        return self.report.input

    def whole(self, name: str) -> Copied | None:
        """The one segment's file of this name, which is the result; None if there are several, or it is not known."""
        content = self.reports[0].files.get(name)
        return Copied(self.video.segment_file(name, 0), content) if len(self.reports) == 1 and content else None

    def keys(self, name: str) -> list[str]:
        """The keys of a file of all segments."""
        return [self.video.segment_file(name, part) for part in range(len(self.reports))]

    def input(self, name: str) -> Path:
        """A path in `inputs` that is not the upload's."""
        return self.place.inputs / f"{self.video.scratch_name}.{name}"


def _boxed(boxes: _Boxes) -> tuple[Results, Isolation | None]:
    """The videos, detections and pictures. What is already one object is copied inside S3, without a media process."""
    video, wanted = boxes.video, boxes.report.outputs
    made: Results = {}
    for name in ("avi", "mp4") if not boxes.media.audio else ():
        if name in ("avi", *wanted) and (copied := boxes.whole(name)):
            made[video.result(f".{name}")] = copied
    left = [name for name in ("avi", "mp4") if name in ("avi", *wanted) and video.result(f".{name}") not in made]
    isolation = None
    if left or "jpg" in wanted:
        with boxes.context.media_process("merge", boxes.place) as worker:
            made |= _joined(boxes, worker, left)
            made |= _pictures(boxes, worker) if "jpg" in wanted else {}
            isolation = worker.isolation
    made[video.result(".detections.jsonl")] = boxes.whole("detections") or _joined_detections(boxes)
    return made, isolation


def _joined(boxes: _Boxes, worker: Worker, names: Sequence[str]) -> Results:
    """The annotated video of all segments as AVI and as MP4, each with the upload's audio if it has any."""
    store, budget, media, place = boxes.context.store, boxes.context.budget, boxes.media, boxes.place
    source = place.inputs / boxes.video.scratch_name
    audio_rate = AUDIO_BYTES_PER_SECOND + AAC_BYTES_PER_SECOND
    audio_bytes = media.size + round(media.duration * audio_rate) if media.audio else 0
    video_bytes = sum(store.size(key) for name in names for key in boxes.keys(name))
    budget.require_disk(2 * video_bytes + audio_bytes, f"{boxes.video.shown_name} and its boxes")
    # FFmpeg's list of segments lies beside them, so they are in the media process's folder, before it reads anything
    segments = {
        name: [
            BoxedFile(str(place.work / f"boxed-{part:04}.{name}"), report.frames)
            for part, report in enumerate(boxes.reports)
        ]
        for name in names
    }
    with store.transfers() as transfers:
        for name, files in segments.items():
            for key, segment in zip(boxes.keys(name), files, strict=True):
                transfers.download(key, Path(segment.path))
        if media.audio and names:
            joined = boxes.report.joined
            transfers.download(joined or boxes.video.key, source, None if joined else boxes.video.version_id)
    in_time = paced(boxes.context.report, budget, f"the merge of {source.name}")
    made: Results = {}
    for name, report in zip(names, divided(in_time, *[1 / max(1, len(names))] * len(names)), strict=True):
        _join(boxes, worker, name, segments[name], report)
        made[boxes.video.result(f".{name}")] = place.take(f"result.{name}")
    return made


def _join(boxes: _Boxes, worker: Worker, name: str, segments: Sequence[BoxedFile], report: Report) -> None:
    """Join the segments to `result.avi` or `result.mp4`."""
    rate, target = Fraction(boxes.reports[0].frame_rate), str(boxes.place.work / f"result.{name}")
    source = boxes.place.inputs / boxes.video.scratch_name
    if name == "avi":
        worker.do(JoinSegments(tuple(segments), rate, str(source), boxes.media, target), report)
        return
    said, track = boxes.said, boxes.input("srt")
    has_cues = said is not None and said.cues > 0
    if has_cues:
        shutil.copyfile(boxes.place.taken / _SUBTITLES, track)
    request = JoinMp4(
        tuple(segments),
        rate,
        str(source),
        boxes.media,
        target,
        str(track) if has_cues else None,
        said.subtitles_language if said else None,
    )
    worker.do(request, report)


def _pictures(boxes: _Boxes, worker: Worker) -> Results:
    """The thumbnail and the contact sheet."""
    paths = [boxes.input(f"pictures-{part:04}") for part in range(len(boxes.reports))]
    with boxes.context.store.transfers() as transfers:
        for key, path in zip(boxes.keys("pictures"), paths, strict=True):
            transfers.download(key, path)
    thumbnail, sheet = "thumbnail.jpg", "contact.jpg"
    folder = boxes.place.work
    asked = MakePictures(tuple(map(str, paths)), str(folder / thumbnail), str(folder / sheet))
    if not worker.do(asked).done:
        return {}
    return {
        boxes.video.result(".jpg"): boxes.place.take(thumbnail),
        boxes.video.result(".contact.jpg"): boxes.place.take(sheet),
    }


def _joined_detections(boxes: _Boxes) -> Path:
    """The detections of all segments in one file. Their frame numbers and times already count in the whole video."""
    folder = boxes.place.taken
    target = folder / "detections.jsonl"
    parts = [folder / f"detections-{part:04}.jsonl" for part in range(len(boxes.reports))]
    with boxes.context.store.transfers() as transfers:
        for part, path in enumerate(parts):
            transfers.download(boxes.video.detections(part), path)
    with target.open("wb") as lines:
        for path in parts:
            with path.open("rb") as file:
                shutil.copyfileobj(file, lines)
    return target


# ---------------------------------------------------------------- subtitles
def _subtitles(
    video: VideoRef, media: MediaReport, speech: Sequence[SpanReport], place: Workplace
) -> tuple[SpeechSummary, Results]:
    """The manifest's summary of the speech of all spans, and its files. They are empty if nobody speaks."""
    spans, folder = [report.transcript for report in speech], place.taken
    transcript = Transcript.join(spans)
    cues = subtitles.cues(transcript)
    translated = any(report.task == "translate" for report in speech)
    task: SpeechTask = "translate" if translated else "transcribe"
    made: dict[str, Path] = {".srt": folder / _SUBTITLES, ".vtt": folder / "subtitles.vtt"}
    made |= {".txt": folder / "transcript.txt", ".transcript.json": folder / "transcript.json"}
    subtitles.write(cues, made[".srt"])
    webvtt.write(cues, made[".vtt"])
    texts.write_text(transcript, made[".txt"])
    told = json.dumps(texts.transcript_file(spans, task).to_dict(), indent=2, ensure_ascii=False)
    made[".transcript.json"].write_text(printable_json(told) + "\n", encoding="utf-8")
    words = sum(len(cue.text.split()) for cue in cues)
    written = (TRANSLATED_TO if translated else transcript.language) if cues else None
    wanted = {suffix for output in media.outputs for suffix in OF_AUDIO.get(output, {}).values()}
    return (
        SpeechSummary(transcript.language, len(cues), words, written),
        {video.result(suffix): path for suffix, path in made.items() if suffix in wanted},
    )
