"""Divide long audio into spans that can be recognised at once, with cuts in pauses of the speech."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path


@dataclass(frozen=True)
class Span:
    """Seconds `start` to `end` of the audio, both exactly on samples. `part` is the span's number, from 0."""

    part: int
    start: float
    end: float


def cut(wav: Path, *, seconds: float, most: int) -> tuple[Span, ...]:
    """Divide audio into spans of about equal length and of whole chunks (`avflow.speech.chunks`).

    The spans follow each other from start to end without a gap or an overlap. Audio without samples is one empty span.
    Each cut lies in the middle of a pause. The function reads only the audio around the cuts: it takes milliseconds,
    and memory for one minute of audio.

    Parameters
    ----------
    wav:
        16 kHz, mono, pcm_s16le.
    seconds:
        Approximate length of a span, at least the length of a chunk.
    most:
        Largest number of spans. They get longer if the audio would need more.

    Raises
    ------
    InvalidMediaUnreadable
        `wav` has another format.
    """
    # here, because they import numpy, which a caller that only needs `Span` does without
    from avflow.speech import chunks  # noqa: PLC0415
    from avflow.speech.wav import SAMPLE_RATE, Wav  # noqa: PLC0415

    with Wav(wav) as audio:
        count = max(1, min(most, math.ceil(audio.duration / seconds)))
        numbers = {round(index * audio.duration / count / chunks.CHUNK_SECONDS) for index in range(1, count)}
        inner = [edge for number in sorted(numbers) if (edge := chunks.edge(audio, number)) is not None]
        edges = [0, *inner, audio.samples]
    return tuple(
        Span(part, start / SAMPLE_RATE, end / SAMPLE_RATE) for part, (start, end) in enumerate(pairwise(edges))
    )


def pieces(wav: Path, spans: Sequence[Span]) -> Iterator[Path]:
    """A WAV file per span, next to `wav`, each written when it is asked for. Of a single span: `wav` itself.

    Raises
    ------
    InvalidMediaUnreadable
        `wav` has another format than `cut` takes.
    """
    if len(spans) == 1:
        yield wav
        return
    from avflow.speech.wav import write_part  # noqa: PLC0415 - as in `cut`

    for span in spans:
        piece = wav.with_name(piece_name(wav.name, span, len(spans)))
        write_part(wav, span.start, span.end, piece)
        yield piece


def piece_name(wav: str, span: Span, count: int) -> str:
    """The name of the file that `pieces` writes for one of `count` spans of the file `wav`."""
    return wav if count == 1 else f"span-{span.part:04}.wav"
