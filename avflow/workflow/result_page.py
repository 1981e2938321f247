"""What the result page says of a run, from its manifest."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

from avflow.page import PageContent, PageFile, PageStep, Presence, write
from avflow.results import page
from avflow.results.names import WORDS
from avflow.speech.subtitles import Cue
from avflow.speech.transcript import Word
from avflow.workflow import cost
from avflow.workflow.compute import Compute, Ec2Compute, FargateCompute, LambdaCompute
from avflow.workflow.layout import VideoRef
from avflow.workflow.reports import DetectionSummary, Manifest, StepRecord
from avflow.workflow.spoken import Spoken
from avflow.workflow.videos import Made


def make(video: VideoRef, manifest: Manifest, said: Spoken | None, seen: Made | None, folder: Path) -> Path:
    """Write the page into `folder`.

    Parameters
    ----------
    manifest:
        That of the run, as far as it is known before the page itself is published.
    said, seen:
        The results of the audio and of the video, if there are any.
    """
    target = folder / "page.html"
    write(_content(video, manifest, said.cues if said else (), seen.presence if seen else None), target)
    return target


def _content(
    video: VideoRef,
    manifest: Manifest,
    spoken: Sequence[tuple[Cue, Sequence[Word]]],
    presence: Presence | None,
) -> PageContent:
    found = manifest.detections
    names = {suffix: video.result(suffix) for suffix in WORDS}
    names = {suffix: key for suffix, key in names.items() if key in {*manifest.results, names[".json"]}}
    sizes = {file.key: file.bytes for file in manifest.files}
    return page.content(
        video.shown_name,
        manifest.input.duration,
        {suffix: PageFile(_name(key), WORDS[suffix], sizes.get(key)) for suffix, key in names.items()},
        seen=_seen(found, presence) if found else None,
        burnt=_is_burnt(manifest, video.result(".mp4")),
        said=page.Said(spoken, manifest.speech.subtitles_language) if manifest.speech else None,
        notices=manifest.warnings,
        done=page.Done([_step(step) for step in manifest.steps], manifest.cost.usd, manifest.cost.seconds_of),
    )


def _seen(found: DetectionSummary, presence: Presence | None) -> page.Seen:
    rate = Fraction(found.frame_rate)
    return page.Seen(found.size, rate, found.objects, found.frames_with, found.unique, presence)


def _is_burnt(manifest: Manifest, video: str) -> bool:
    """Whether the video that the page plays has its subtitles drawn in: a file that a user chooses has not."""
    choice = manifest.choices.get("subtitles")
    return choice is not None and choice.value == "burnt" and video in manifest.results


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
