"""The videos, detections and pictures of all segments as results: a part of the Merge step."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

from avflow.isolation.policy import Isolation
from avflow.isolation.workplace import Workplace
from avflow.media import Media, Notice
from avflow.media.formats import AAC_BYTES_PER_SECOND, AUDIO_BYTES_PER_SECOND
from avflow.media_work.merge_requests import BoxedFile
from avflow.page import Presence
from avflow.progress import Report, divided
from avflow.results import videos
from avflow.tracking import Tracked
from avflow.workflow import rendering, tracks
from avflow.workflow.context import StepContext, paced
from avflow.workflow.isolating import Worker
from avflow.workflow.layout import VideoRef
from avflow.workflow.publishing import Copied, Results
from avflow.workflow.rendering import Rendered
from avflow.workflow.reports import MediaReport, SegmentReport, SpeechSummary

#: shares of the time that tracking takes of joining the segments, and that drawing and joining take if Merge draws
_TRACKING, _DRAWING, _JOINING = 0.1, 0.8, 0.1


@dataclass(frozen=True)
class Made:
    """What `make` makes."""

    results: Results
    tracked: Tracked
    #: when each class is seen
    presence: Presence
    #: of the media process; None if there was nothing to do for one
    isolation: Isolation | None
    #: what the user should know about the videos
    notices: tuple[Notice, ...] = ()


@dataclass(frozen=True)
class Boxes:
    """The reports of a video's segments, and the folder in which to join the segments."""

    video: VideoRef
    context: StepContext
    report: MediaReport
    #: by the number of the segment
    reports: Mapping[int, SegmentReport]
    #: the subtitles, and the SubRip file with them; None without audio
    said: SpeechSummary | None
    subtitles: Path | None
    place: Workplace

    @property
    def media(self) -> Media:
        """The upload."""
        return self.report.input

    def whole(self, name: str) -> Copied | None:
        """The one segment's file of this name, which is the result; None if there are several, or it is not known."""
        (part, report), *others = self.reports.items()
        content = report.files.get(name)
        return Copied(self.video.segment_file(name, part), content) if content and not others else None

    def keys(self, name: str) -> list[str]:
        """The keys of a file of all segments."""
        return [self.video.segment_file(name, part) for part in self.reports]

    def input(self, name: str) -> Path:
        """A path in `inputs` that is not the upload's."""
        return self.place.inputs / f"{self.video.scratch_name}.{name}"

    @property
    def with_audio(self) -> tuple[str, Path, str | None]:
        """The object with the audio, the upload or its copy on one clock: key, path to download it to, and version."""
        joined = self.report.joined
        path = self.place.inputs / self.video.scratch_name
        return joined or self.video.key, path, None if joined else self.video.version_id


def make(boxes: Boxes) -> Made:
    """The videos, detections and pictures. A video that is one object already is copied in S3, without a process."""
    video, wanted, context = boxes.video, boxes.report.choices.outputs, boxes.context
    names = [name for name in ("avi", "mp4") if name in ("avi", *wanted)]
    made: Results = {}
    late = boxes.report.drawn_late
    for name in names if not (boxes.media.audio or late) else ():
        if copied := boxes.whole(name):
            made[video.result(f".{name}")] = copied
    left = [name for name in names if video.result(f".{name}") not in made]
    shares = (_TRACKING, _DRAWING, _JOINING) if late else (_TRACKING, 0, 1 - _TRACKING) if left else (1, 0, 0)
    tracking, drawing, joining = divided(context.report, *shares)
    # the media process reads what is in `inputs`, and can't write there
    folder = boxes.place.inputs if late else boxes.place.taken
    detections, tracked, presence = tracks.joined_detections(
        video, replace(context, report=tracking), boxes.reports, folder
    )
    made[video.result(".detections.jsonl")] = detections
    isolation, rendered = None, None
    if left or "jpg" in wanted:
        with context.media_process("merge", boxes.place) as worker:
            if late:
                rendered = rendering.render(boxes, worker, detections, drawing)
            made |= _joined(boxes, worker, left, joining, rendered)
            made |= _pictures(boxes, worker, rendered) if "jpg" in wanted else {}
            isolation = worker.isolation
    return Made(made, tracked, presence, isolation, rendered.notices if rendered else ())


def _joined(boxes: Boxes, worker: Worker, names: Sequence[str], report: Report, rendered: Rendered | None) -> Results:
    """The annotated video of all segments as AVI and as MP4, each with the upload's audio if it has any."""
    place, media, made = boxes.place, boxes.media, Results()
    if rendered and not media.audio:  # the whole video is one file already
        return {boxes.video.result(f".{name}"): place.take(rendered.files[name].name) for name in names}
    segments = _downloaded(boxes, names, rendered)
    source = place.inputs / boxes.video.scratch_name
    in_time = paced(report, boxes.context.budget, f"the merge of {source.name}")
    for name, part in zip(names, divided(in_time, *[1 / max(1, len(names))] * len(names)), strict=True):
        _join(boxes, worker, name, segments[name], part)
        made[boxes.video.result(f".{name}")] = place.take(f"result.{name}")
    return made


def _downloaded(boxes: Boxes, names: Sequence[str], rendered: Rendered | None) -> dict[str, list[BoxedFile]]:
    """What is joined, by the name of the format, and with it the upload if it has audio. Both lie in the folder."""
    store, media, place = boxes.context.store, boxes.media, boxes.place
    audio_rate = AUDIO_BYTES_PER_SECOND + AAC_BYTES_PER_SECOND
    audio_bytes = media.size + round(media.duration * audio_rate) if media.audio else 0
    if rendered:
        video_bytes = sum(rendered.files[name].stat().st_size for name in names)
    else:
        video_bytes = 2 * sum(store.size(key) for name in names for key in boxes.keys(name))
    kept = sum(path.stat().st_size for path in place.taken.iterdir())
    boxes.context.budget.require_disk(video_bytes + audio_bytes + kept, f"{boxes.video.shown_name} and its boxes")
    if rendered:
        return {name: [BoxedFile(str(rendered.files[name]), rendered.frames)] for name in names}
    # FFmpeg's list of segments lies beside them, so they are in the media process's folder, before it reads anything
    segments = {
        name: [
            BoxedFile(str(place.work / f"boxed-{part:04}.{name}"), report.frames)
            for part, report in boxes.reports.items()
        ]
        for name in names
    }
    with store.transfers() as transfers:
        for name, files in segments.items():
            for key, segment in zip(boxes.keys(name), files, strict=True):
                transfers.download(key, Path(segment.path))
        if media.audio and names:
            transfers.download(*boxes.with_audio)
    return segments


def _join(boxes: Boxes, worker: Worker, name: str, segments: Sequence[BoxedFile], report: Report) -> None:
    """Join the segments to `result.avi` or `result.mp4`."""
    rate, target = Fraction(next(iter(boxes.reports.values())).frame_rate), boxes.place.work / f"result.{name}"
    sound = videos.Sound(boxes.place.inputs / boxes.video.scratch_name, boxes.media)
    said, track = boxes.said, None
    if name == "mp4" and boxes.subtitles and said and said.cues and boxes.report.choices.subtitles == "soft":
        track = videos.Track(boxes.input("srt"), said.subtitles_language)
        shutil.copyfile(boxes.subtitles, track.path)
    videos.join(worker, segments, rate, sound, target, subtitles=track, report=report)


def _pictures(boxes: Boxes, worker: Worker, rendered: Rendered | None) -> Results:
    """The thumbnail and the contact sheet."""
    paths = [rendered.files["pictures"]] if rendered else []
    if not rendered:
        paths = [boxes.input(f"pictures-{part:04}") for part in boxes.reports]
        with boxes.context.store.transfers() as transfers:
            for key, path in zip(boxes.keys("pictures"), paths, strict=True):
                transfers.download(key, path)
    made = videos.pictures(worker, paths, boxes.place.work)
    if made is None:
        return {}
    return {
        boxes.video.result(".jpg"): boxes.place.take(made.thumbnail.name),
        boxes.video.result(".contact.jpg"): boxes.place.take(made.contact_sheet.name),
    }
