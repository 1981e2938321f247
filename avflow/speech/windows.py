"""Speech, put together into windows as long as Whisper takes at once, and the way back to the sound's own times.

Whisper pads whatever it gets to 30 s and needs as long for a short window as for a full one. On silence and noise it
invents text. So Silero's voice activity detector (Silero Team, "Silero VAD", 2021) finds the speech, once, and what is
between is left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt
from faster_whisper.vad import VadOptions, get_speech_timestamps  # type: ignore[import-untyped]

from avflow.speech.wav import SAMPLE_RATE, Samples

#: Whisper's window (Radford et al. 2022, section 2.2)
WINDOW_SECONDS = 30.0
#: a silence of so many seconds ends a stretch of speech: shorter ones are part of a word
_PAUSE_SECONDS = 0.16
#: sound kept on either side of a stretch of speech, where the detector misses the breath of an "h" or the end of an "s"
_PAD_SECONDS = 0.4
#: speech without any pause is cut after so many seconds, to fit in a window with its padding
_LONGEST_SECONDS = WINDOW_SECONDS - 2.0
#: how far a word may reach into what the detector takes for silence
_EDGE_SECONDS = 0.1
#: no word takes longer
_WORD_SECONDS = 2.0


@dataclass(frozen=True)
class Stretch:
    """Samples `start` to `end` of a chunk of sound."""

    start: int
    end: int


@dataclass(frozen=True)
class Window:
    """Stretches of speech with a little of the silence around them, one after another, without what lies between.

    `samples` are float32, -1 to 1, of 30 s at most; `pieces` are what they were cut from, and `speech` what of it was
    found to be speech. Both count samples from the start of the chunk, which begins at second `offset`.
    """

    samples: npt.NDArray[np.float32]
    pieces: tuple[Stretch, ...]
    speech: tuple[Stretch, ...]
    offset: float

    @property
    def end(self) -> float:
        """Second of the whole sound at which it ends."""
        return self.offset + self.pieces[-1].end / SAMPLE_RATE

    def times(self, start: float, end: float) -> tuple[float, float]:
        """When a word is said in the whole sound that Whisper places from `start` to `end` in the window.

        Whisper counts a pause as a part of the word after it or before it, unless there is punctuation between. So a
        word is cut back to the one stretch of speech that it covers most of.
        """
        first, last = self._placed(start * SAMPLE_RATE, end * SAMPLE_RATE)
        said = max(self.speech, key=lambda stretch: min(last, stretch.end) - max(first, stretch.start))
        if min(last, said.end) > max(first, said.start):
            edge = _EDGE_SECONDS * SAMPLE_RATE
            first, last = max(first, said.start - edge), min(last, said.end + edge)
        return self.offset + first / SAMPLE_RATE, self.offset + last / SAMPLE_RATE

    def unheard(self, words: Sequence[tuple[float, float]]) -> float:
        """Seconds of speech without a word in the stretch that has most of them.

        `words` are the starts and ends that Whisper gives them. One that lasts longer than any word is taken to end
        after 2 s.
        """
        longest = _WORD_SECONDS * SAMPLE_RATE
        placed = [self._placed(start * SAMPLE_RATE, end * SAMPLE_RATE) for start, end in words]
        said = [(first, min(last, first + longest)) for first, last in placed]
        return (
            max(
                stretch.end
                - stretch.start
                - sum(max(0.0, min(last, stretch.end) - max(first, stretch.start)) for first, last in said)
                for stretch in self.speech
            )
            / SAMPLE_RATE
        )

    def _placed(self, start: float, end: float) -> tuple[float, float]:
        """Both in samples of the chunk; they are taken to lie in one piece, in which their middle lies."""
        before = 0
        for piece in self.pieces:
            after = before + piece.end - piece.start
            if (start + end) / 2 < after:
                break
            before = after
        else:
            before -= piece.end - piece.start
        shift = piece.start - before
        return min(max(start + shift, piece.start), piece.end), min(max(end + shift, piece.start), piece.end)


def windows(chunk: Samples, offset: float) -> Iterator[Window]:
    """The speech of a chunk of sound that begins at second `offset`; none where nobody speaks."""
    sound = chunk.astype(np.float32) / np.float32(32768)
    speech = _speech(sound)
    pieces = _padded(speech, len(sound))
    first, length = 0, 0
    for index, piece in enumerate(pieces):
        if length and length + piece.end - piece.start > WINDOW_SECONDS * SAMPLE_RATE:
            yield _window(sound, pieces[first:index], speech[first:index], offset)
            first, length = index, 0
        length += piece.end - piece.start
    if length:
        yield _window(sound, pieces[first:], speech[first:], offset)


def _window(
    sound: npt.NDArray[np.float32], pieces: Sequence[Stretch], speech: Sequence[Stretch], offset: float
) -> Window:
    samples = np.concatenate([sound[piece.start : piece.end] for piece in pieces])
    return Window(samples, tuple(pieces), tuple(speech), offset)


def _speech(sound: npt.NDArray[np.float32]) -> list[Stretch]:
    options = VadOptions(
        min_silence_duration_ms=round(1000 * _PAUSE_SECONDS), speech_pad_ms=0, max_speech_duration_s=_LONGEST_SECONDS
    )
    return [Stretch(found["start"], found["end"]) for found in get_speech_timestamps(sound, options)]


def _padded(speech: Sequence[Stretch], length: int) -> list[Stretch]:
    """Each with its padding, half of the silence between two at most."""
    pad = round(_PAD_SECONDS * SAMPLE_RATE)
    middles = [0, *((one.end + other.start) // 2 for one, other in pairwise(speech)), length]
    return [
        Stretch(max(stretch.start - pad, before), min(stretch.end + pad, after))
        for stretch, (before, after) in zip(speech, pairwise(middles), strict=False)
    ]
