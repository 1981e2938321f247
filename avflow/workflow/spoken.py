"""The transcript of all spans as results, in several formats: a part of the Merge step."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from avflow.filenames import printable_json
from avflow.models.kinds import TRANSLATED_TO, SpeechTask
from avflow.speech import subtitles, texts, webvtt
from avflow.speech.subtitles import Cue
from avflow.speech.transcript import Transcript, Word
from avflow.workflow.layout import OF_AUDIO, VideoRef
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
    #: each cue with its words, or with none if their times are not wanted
    cues: Sequence[tuple[Cue, Sequence[Word]]]


def make(video: VideoRef, media: MediaReport, speech: Sequence[SpanReport], folder: Path) -> Spoken:
    """Write the files into `folder`. They are empty if nobody speaks."""
    spans = [report.transcript for report in speech]
    transcript = Transcript.join(spans)
    spoken = subtitles.spoken(transcript)
    cues = [cue for cue, _ in spoken]
    translated = any(report.task == "translate" for report in speech)
    task: SpeechTask = "translate" if translated else "transcribe"
    made: dict[str, Path] = {".srt": folder / "subtitles.srt", ".vtt": folder / "subtitles.vtt"}
    made |= {".txt": folder / "transcript.txt", ".transcript.json": folder / "transcript.json"}
    subtitles.write(cues, made[".srt"])
    webvtt.write(cues, made[".vtt"])
    texts.write_text(transcript, made[".txt"])
    told = json.dumps(
        texts.transcript_file(spans, task, word_times=media.choices.word_times).to_dict(), indent=2, ensure_ascii=False
    )
    made[".transcript.json"].write_text(printable_json(told) + "\n", encoding="utf-8")
    words = sum(len(cue.text.split()) for cue in cues)
    written = (TRANSLATED_TO if translated else transcript.language) if cues else None
    wanted = {suffix for output in media.choices.outputs for suffix in OF_AUDIO.get(output, {}).values()}
    return Spoken(
        {video.result(suffix): path for suffix, path in made.items() if suffix in wanted},
        SpeechSummary(transcript.language, len(cues), words, written),
        made[".srt"],
        spoken if media.choices.word_times else [(cue, ()) for cue in cues],
    )
