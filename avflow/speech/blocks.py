"""Blocks of sound: where they end depends on the sound around that place alone.

So a part of a sound that begins and ends with a block has the blocks of the whole. An engine that works block by
block, as ours for Whisper does, hears the same in both, whoever recognises what.
"""

from __future__ import annotations

from itertools import pairwise

from avflow.speech.pauses import place
from avflow.speech.wav import SAMPLE_RATE, Wav

#: from one ideal place of a cut to the next; what bounds the memory, at about 0.8 MB a second of it
BLOCK_SECONDS = 150.0
#: share of a block by which a cut may be off its ideal place: below a quarter, two cuts never look at the same sound
_REACH = 0.2


def edge(sound: Wav, number: int, origin: int = 0) -> int | None:
    """The sample of `sound` at which block `number` of the whole sound begins; None where none begins within it.

    `sound` begins at sample `origin` of the whole, which is where a block begins.
    """
    block, reach = round(BLOCK_SECONDS * SAMPLE_RATE), round(_REACH * BLOCK_SECONDS * SAMPLE_RATE)
    ideal = number * block - origin
    # the last block of a sound is longer rather than shorter than half
    if ideal <= reach or ideal + block // 2 > sound.samples:
        return None
    return place(sound, ideal, reach)


def blocks(sound: Wav, origin: int = 0) -> list[tuple[int, int]]:
    """First and last sample, the latter exclusive, of each block of `sound`, which begins at sample `origin`."""
    block = round(BLOCK_SECONDS * SAMPLE_RATE)
    numbers = range(origin // block, (origin + sound.samples) // block + 1)
    inner = [found for number in numbers if (found := edge(sound, number, origin)) is not None]
    return list(pairwise([0, *inner, sound.samples]))
