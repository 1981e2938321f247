"""What is said, in files of several formats."""

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


@dataclass(frozen=True)
class Spoken:
    """What `write` wrote.

    Parameters
    ----------
    files:
        By suffix, such as `.srt`. They are empty if nobody speaks.
    transcript:
        Of the whole audio.
    cues:
        Each cue with its words.
    language:
        Of the text, ISO 639-1; None without a cue.
    """

    files: dict[str, Path]
    transcript: Transcript
    cues: Sequence[tuple[Cue, Sequence[Word]]]
    language: str | None


def write(spans: Sequence[Transcript], task: SpeechTask, folder: Path) -> Spoken:
    """Write all formats into `folder`, whether they are wanted or not: they are small."""
    transcript = Transcript.join(spans)
    spoken = subtitles.spoken(transcript)
    cues = [cue for cue, _ in spoken]
    made: dict[str, Path] = {".srt": folder / "subtitles.srt", ".vtt": folder / "subtitles.vtt"}
    made |= {".txt": folder / "transcript.txt", ".transcript.json": folder / "transcript.json"}
    subtitles.write(cues, made[".srt"])
    webvtt.write(cues, made[".vtt"])
    texts.write_text(transcript, made[".txt"])
    told = json.dumps(texts.transcript_file(spans, task).to_dict(), indent=2, ensure_ascii=False)
    made[".transcript.json"].write_text(printable_json(told) + "\n", encoding="utf-8")
    language = TRANSLATED_TO if task == "translate" else transcript.language
    return Spoken(made, transcript, spoken, language if cues else None)
