"""What is said, in files of several formats."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

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
    texts.write_json(spans, task, made[".transcript.json"])
    language = TRANSLATED_TO if task == "translate" else transcript.language
    return Spoken(made, transcript, spoken, language if cues else None)
