"""Divide audio into chunks. The end of a chunk depends only on the audio around it.

So a span that begins and ends with a chunk has the same chunks as the whole audio. An engine that works chunk by chunk,
like the one for Whisper, gives the same words for the spans as for the whole, on any machine.
"""

from __future__ import annotations

from itertools import pairwise

from avflow.speech.pauses import place
from avflow.speech.wav import SAMPLE_RATE, Wav

#: distance of the ideal cuts. It bounds the memory: about 0.8 MB per second of a chunk
CHUNK_SECONDS = 150.0
#: distance of a cut from its ideal place, at most, as a share of a chunk. Below 1/4 no two cuts see the same audio
_REACH = 0.2


def edge(audio: Wav, number: int, origin: int = 0) -> int | None:
    """The sample of `audio` at which chunk `number` of the whole begins. None if it does not begin in `audio`.

    `audio` begins at sample `origin` of the whole, where a chunk begins.
    """
    chunk, reach = round(CHUNK_SECONDS * SAMPLE_RATE), round(_REACH * CHUNK_SECONDS * SAMPLE_RATE)
    ideal = number * chunk - origin
    # a last chunk of less than half the length is joined to the one before it
    if ideal <= reach or ideal + chunk // 2 > audio.samples:
        return None
    return place(audio, ideal, reach)


def chunks(audio: Wav, origin: int = 0) -> list[tuple[int, int]]:
    """The first sample of each chunk and the sample after its last. `audio` begins at sample `origin` of the whole."""
    chunk = round(CHUNK_SECONDS * SAMPLE_RATE)
    numbers = range(origin // chunk, (origin + audio.samples) // chunk + 1)
    inner = [found for number in numbers if (found := edge(audio, number, origin)) is not None]
    return list(pairwise([0, *inner, audio.samples]))
