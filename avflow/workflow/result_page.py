"""What the result page says of a run, from its manifest."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

from avflow.page import ClassRow, PageContent, PageCue, PageFile, PageStep, Presence, write
from avflow.speech.subtitles import Cue
from avflow.speech.transcript import Word
from avflow.workflow import cost
from avflow.workflow.compute import Compute, Ec2Compute, FargateCompute, LambdaCompute
from avflow.workflow.layout import VideoRef
from avflow.workflow.reports import DetectionSummary, Manifest, StepRecord
from avflow.workflow.spoken import Spoken
from avflow.workflow.videos import Made

#: what each result is, by its suffix
WORDS = {
    ".mp4": "the video with its boxes, to play anywhere",
    ".avi": "the video with its boxes, as the original workflow wrote it",
    ".srt": "subtitles",
    ".vtt": "subtitles for web pages",
    ".txt": "the transcript as text",
    ".transcript.json": "the transcript with the time of each word",
    ".detections.jsonl": "the objects on each frame",
    ".jpg": "a picture of the video",
    ".contact.jpg": "pictures of the whole video on one sheet",
    ".json": "the manifest: what was done, where and with what",
}


def make(video: VideoRef, manifest: Manifest, said: Spoken | None, seen: Made | None, folder: Path) -> Path:
    """Write the page into `folder`.

    Parameters
    ----------
    manifest:
        That of the run, as far as it is known before the page itself is published.
    said, seen:
        The results of the audio and of the video, if there are any.
    """
    page = folder / "page.html"
    write(_content(video, manifest, said.cues if said else (), seen.presence if seen else None), page)
    return page


def _content(
    video: VideoRef,
    manifest: Manifest,
    spoken: Sequence[tuple[Cue, Sequence[Word]]],
    presence: Presence | None,
) -> PageContent:
    found = manifest.detections
    names = {suffix: video.result(suffix) for suffix in WORDS}
    sizes = {file.key: file.bytes for file in manifest.files}
    results = {*manifest.results, video.result(".json")}
    return PageContent(
        title=video.shown_name,
        video=_name(names[".mp4"]) if names[".mp4"] in results else None,
        duration=manifest.input.duration,
        size=found.size if found else None,
        frame_rate=float(Fraction(found.frame_rate)) if found else None,
        language=manifest.speech.subtitles_language if manifest.speech else None,
        presence=presence,
        classes=_classes(found) if found else (),
        cues=[PageCue(cue.start, cue.end, cue.text, tuple(words)) for cue, words in spoken],
        burnt=_is_burnt(manifest, names[".mp4"]),
        steps=[_step(step) for step in manifest.steps],
        cost=manifest.cost.usd,
        cost_of=manifest.cost.seconds_of,
        warnings=[f"{notice.name}: {notice.message}" for notice in manifest.warnings],
        files=[PageFile(_name(key), WORDS[suffix], sizes.get(key)) for suffix, key in names.items() if key in results],
    )


def _is_burnt(manifest: Manifest, video: str) -> bool:
    """Whether the video that the page plays has its subtitles drawn in: a file that a user chooses has not."""
    choice = manifest.choices.get("subtitles")
    return choice is not None and choice.value == "burnt" and video in manifest.results


def _classes(found: DetectionSummary) -> list[ClassRow]:
    return [
        ClassRow(name, objects, found.frames_with.get(name, 0), found.unique.get(name))
        for name, objects in found.objects.items()
    ]


def _name(key: str) -> str:
    return key.rpartition("/")[2]


def _step(step: StepRecord) -> PageStep:
    usd = cost.step_usd(step.compute, step.seconds) if step.compute else None
    return PageStep(step.name, step.part, _where(step.compute) or step.ran_on, step.seconds, usd)


def _where(compute: Compute | None) -> str:
    match compute:
        case LambdaCompute():
            return f"Lambda, {compute.memory_mb} MB"
        case FargateCompute():
            return f"Batch on Fargate, {compute.vcpus:g} vCPUs"
        case Ec2Compute():
            return f"Batch on {compute.instance}, {compute.market}"
    return ""
