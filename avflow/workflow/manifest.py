"""Make the manifest, `result/….json`, from the reports of all steps."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace

from avflow.choices import CHOICES
from avflow.media.notices import Notice
from avflow.workflow import cost, elsewhere
from avflow.workflow.choosing import Chosen, origin_of
from avflow.workflow.layout import VideoRef
from avflow.workflow.reports import (
    ChoiceInForce,
    DetectionSummary,
    Manifest,
    MediaReport,
    ResultFile,
    SegmentReport,
    Source,
    SpanReport,
    SpeechSummary,
    StepRecord,
)

#: increased when a reader of the former version would misread a manifest
SCHEMA_VERSION = 1


def build(
    video: VideoRef,
    *,
    media: MediaReport,
    speech: Sequence[SpanReport],
    said: SpeechSummary | None,
    boxes: Sequence[SegmentReport],
    unique: Mapping[str, int],
    merge_step: StepRecord,
    results: Sequence[ResultFile],
    on_aws: bool,
    notices: Sequence[Notice] = (),
) -> Manifest:
    """The manifest of a finished run.

    Parameters
    ----------
    media:
        The report of the FFmpeg step.
    speech, boxes:
        The reports of the audio2srt and yolov3 steps, one per span or segment. Empty for a step that was skipped.
    said:
        The summary of the subtitles of all spans. None without audio.
    unique:
        The number of different objects of each class.
    merge_step:
        The record of the merge step itself.
    results:
        The objects published so far. The manifest itself is always the last.
    on_aws:
        False with the embedded AWS. The cost is then what AWS would charge for the same seconds.
    notices:
        Those of the merge step.
    """
    yolov3_usd = elsewhere.yolov3_usd(boxes)
    steps = (media.step, *_numbered([r.step for r in speech]), *_numbered([r.step for r in boxes]), merge_step)
    return Manifest(
        schema=SCHEMA_VERSION,
        execution=video.execution,
        source=Source(video.bucket, video.key, video.version_id),
        input=media.input,
        converted_because=media.conversion_reasons,
        results=tuple(file.key for file in results),
        models={model.role: model for model in (*(r.model for r in speech), *(r.model for r in boxes))},
        speech=said,
        detections=_detections(boxes, unique) if boxes else None,
        steps=steps,
        cost=replace(
            cost.estimate(
                steps,
                media.input,
                on_aws=on_aws,
                converted=bool(media.conversion_reasons),
                outputs=media.choices.outputs,
                drawn_late=media.drawn_late,
            ),
            yolov3=yolov3_usd,
        ),
        warnings=tuple(dict.fromkeys((*_warnings(media, boxes, speech), *notices))),
        files=tuple(results),
        choices=choices_of(media),
    )


def choices_of(media: MediaReport) -> dict[str, ChoiceInForce]:
    """What was in force. A choice of uploads only is left out if this one had it not."""
    chosen = Chosen(media.choices, media.chosen_by_upload)
    found = {choice.field: (getattr(media.choices, choice.field), origin_of(choice, chosen)) for choice in CHOICES}
    return {name: ChoiceInForce(value, origin) for name, (value, origin) in found.items() if value is not None}


def _warnings(media: MediaReport, boxes: Sequence[SegmentReport], speech: Sequence[SpanReport]) -> tuple[Notice, ...]:
    """The notices of all steps. Neighbouring parts may notice the same."""
    parts = (*(notice for r in boxes for notice in r.notices), *(notice for r in speech for notice in r.notices))
    return tuple(dict.fromkeys((*media.input.notices, *parts)))


def _numbered(steps: Sequence[StepRecord]) -> Sequence[StepRecord]:
    """The records of one step, numbered if it worked on several parts."""
    return steps if len(steps) == 1 else [replace(step, part=part) for part, step in enumerate(steps)]


def _detections(boxes: Sequence[SegmentReport], unique: Mapping[str, int]) -> DetectionSummary:
    """All segments together. Several engines if Spot interrupted some of the GPU jobs."""
    return DetectionSummary(
        frames=sum(report.frames for report in boxes),
        damaged_frames=sum(report.damaged_frames for report in boxes),
        frame_rate=boxes[0].frame_rate,
        size=boxes[0].size,
        engine=", ".join(dict.fromkeys(report.engine for report in boxes)),
        objects=dict(sum((Counter(report.objects) for report in boxes), Counter[str]())),
        frames_with=dict(sum((Counter(report.frames_with) for report in boxes), Counter[str]())),
        unique=dict(unique),
    )
