"""The transcript of all spans as results, in several formats: a part of the Merge step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from avflow.models.kinds import SpeechTask
from avflow.results import spoken
from avflow.results.names import OF_AUDIO
from avflow.speech.subtitles import Cue
from avflow.speech.transcript import Word
from avflow.workflow.layout import VideoRef
from avflow.workflow.publishing import Results
from avflow.workflow.reports import MediaReport, SpanReport, SpeechSummary


@dataclass(frozen=True)
class Spoken:
    """What `make` makes."""

    results: Results
    #: for the manifest
    summary: SpeechSummary
    #: the SubRip file, from which the MP4 gets its subtitle track
    subtitles: Path
    #: each cue with its words
    cues: Sequence[tuple[Cue, Sequence[Word]]]


def make(video: VideoRef, media: MediaReport, speech: Sequence[SpanReport], folder: Path) -> Spoken:
    """Write the files into `folder`. They are empty if nobody speaks."""
    task: SpeechTask = "translate" if any(report.task == "translate" for report in speech) else "transcribe"
    done = spoken.write([report.transcript for report in speech], task, folder)
    words = sum(len(cue.text.split()) for cue, _ in done.cues)
    wanted = {suffix for output in media.outputs for suffix in OF_AUDIO.get(output, {}).values()}
    return Spoken(
        {video.result(suffix): path for suffix, path in done.files.items() if suffix in wanted},
        SpeechSummary(done.transcript.language, len(done.cues), words, done.language),
        done.files[".srt"],
        done.cues,
    )
