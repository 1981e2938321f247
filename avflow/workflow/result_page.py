"""What the result page says of a run, from its manifest."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from avflow.page import ClassRow, PageContent, PageCue, PageFile, PageStep, Presence
from avflow.speech.subtitles import Cue
from avflow.speech.transcript import Word
from avflow.workflow import cost
from avflow.workflow.compute import Compute, Ec2Compute, FargateCompute, LambdaCompute
from avflow.workflow.layout import VideoRef
from avflow.workflow.reports import Manifest, StepRecord

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


def content(
    video: VideoRef,
    manifest: Manifest,
    spoken: Sequence[tuple[Cue, Sequence[Word]]],
    presence: Presence | None,
) -> PageContent:
    """What the page shows.

    Parameters
    ----------
    manifest:
        That of the run, as far as it is known before the page itself is published.
    spoken:
        The cues of the subtitles with their words.
    presence:
        When each class is seen. None without a picture.
    """
    found = manifest.detections
    names = {suffix: video.result(suffix) for suffix in WORDS}
    results = {*manifest.results, video.result(".json")}
    return PageContent(
        title=video.shown_name,
        video=_name(names[".mp4"]) if names[".mp4"] in results else None,
        duration=manifest.input.duration,
        size=found.size if found else None,
        frame_rate=float(Fraction(found.frame_rate)) if found else None,
        language=manifest.speech.subtitles_language if manifest.speech else None,
        presence=presence,
        classes=[ClassRow(name, objects, found.frames_with.get(name, 0)) for name, objects in found.objects.items()]
        if found
        else (),
        cues=[PageCue(cue.start, cue.end, cue.text, tuple(words)) for cue, words in spoken],
        steps=[_step(step) for step in manifest.steps],
        cost=manifest.cost.usd,
        cost_of=manifest.cost.seconds_of,
        warnings=[f"{notice.name}: {notice.message}" for notice in manifest.warnings],
        files=[PageFile(_name(key), WORDS[suffix]) for suffix, key in names.items() if key in results],
    )


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
