"""Where long sound is cut, so that its parts can be recognised side by side and nobody is cut short in a word."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path


@dataclass(frozen=True)
class Span:
    """Seconds `start` to `end` of a sound; part number `part`, from 0. Both lie exactly on samples."""

    part: int
    start: float
    end: float


def cut(wav: Path, *, seconds: float, most: int) -> tuple[Span, ...]:
    """Cut a sound into spans of about equal length, and of whole chunks: see `avflow.speech.chunks`.

    They follow each other from its start to its end without gap or overlap; sound without a sample is one empty span.
    A cut lies in the middle of a pause. Only the surroundings of the cuts are read, so it takes milliseconds, and
    memory for a minute of sound.

    Parameters
    ----------
    wav:
        16 kHz, mono, pcm_s16le.
    seconds:
        Length of a span, roughly, and no less than a chunk's; there are as many as it takes, ...
    most:
        ... but never more than this.

    Raises
    ------
    InvalidMediaUnreadable
        `wav` isn't in that form.
    """
    # with numpy, which who only reads spans has no use for
    from avflow.speech import chunks  # noqa: PLC0415
    from avflow.speech.wav import SAMPLE_RATE, Wav  # noqa: PLC0415

    with Wav(wav) as sound:
        count = max(1, min(most, math.ceil(sound.duration / seconds)))
        numbers = {round(index * sound.duration / count / chunks.CHUNK_SECONDS) for index in range(1, count)}
        inner = [edge for number in sorted(numbers) if (edge := chunks.edge(sound, number)) is not None]
        edges = [0, *inner, sound.samples]
    return tuple(
        Span(part, start / SAMPLE_RATE, end / SAMPLE_RATE) for part, (start, end) in enumerate(pairwise(edges))
    )
