"""Chunks of sound: where they end depends on the sound around that place alone.

So a part of a sound that begins and ends with a chunk has the chunks of the whole. An engine that works chunk by
chunk, as ours for Whisper does, hears the same in both, whoever recognises what.
"""

from __future__ import annotations

from itertools import pairwise

from avflow.speech.pauses import place
from avflow.speech.wav import SAMPLE_RATE, Wav

#: from one ideal place of a cut to the next; what bounds the memory, at about 0.8 MB a second of it
CHUNK_SECONDS = 150.0
#: share of a chunk by which a cut may be off its ideal place: below a quarter, two cuts never look at the same sound
_REACH = 0.2


def edge(sound: Wav, number: int, origin: int = 0) -> int | None:
    """The sample of `sound` at which chunk `number` of the whole sound begins; None where none begins within it.

    `sound` begins at sample `origin` of the whole, which is where a chunk begins.
    """
    chunk, reach = round(CHUNK_SECONDS * SAMPLE_RATE), round(_REACH * CHUNK_SECONDS * SAMPLE_RATE)
    ideal = number * chunk - origin
    # the last chunk of a sound is longer rather than shorter than half
    if ideal <= reach or ideal + chunk // 2 > sound.samples:
        return None
    return place(sound, ideal, reach)


def chunks(sound: Wav, origin: int = 0) -> list[tuple[int, int]]:
    """First and last sample, the latter exclusive, of each chunk of `sound`, which begins at sample `origin`."""
    chunk = round(CHUNK_SECONDS * SAMPLE_RATE)
    numbers = range(origin // chunk, (origin + sound.samples) // chunk + 1)
    inner = [found for number in numbers if (found := edge(sound, number, origin)) is not None]
    return list(pairwise([0, *inner, sound.samples]))
