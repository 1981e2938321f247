"""Pack the speech of a chunk into windows of Whisper's length, and map times in a window back to the audio.

Whisper pads its input to 30 s, so a short window takes as long as a full one. It invents text on silence and noise. So
Silero's voice activity detector (Silero Team, "Silero VAD", 2021) finds the speech, once, and the windows leave out the
rest.
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
#: a silence of this many seconds ends a stretch of speech. A shorter silence is part of a word
_PAUSE_SECONDS = 0.16
#: audio kept before and after a stretch of speech: the detector misses the breath of an "h" or the end of an "s"
_PAD_SECONDS = 0.4
#: speech without a pause is cut after this many seconds, so that it fits into a window with its padding
_LONGEST_SECONDS = WINDOW_SECONDS - 2.0
#: seconds by which a word may reach into what the detector takes for silence
_EDGE_SECONDS = 0.1
#: longest duration of a word in seconds
_WORD_SECONDS = 2.0


@dataclass(frozen=True)
class Stretch:
    """Samples `start` to `end` of a chunk, the end exclusive."""

    start: int
    end: int


@dataclass(frozen=True)
class Window:
    """Stretches of speech with some silence around them, joined without what lies between.

    `samples` are float32 from -1 to 1, of 30 s at most. `pieces` are the parts of the chunk that they come from, and
    `speech` the stretches of speech in these. Both count samples from the start of the chunk, which begins at second
    `offset` of the audio.
    """

    samples: npt.NDArray[np.float32]
    pieces: tuple[Stretch, ...]
    speech: tuple[Stretch, ...]
    offset: float

    @property
    def start(self) -> float:
        """Start of the window in the whole audio, in seconds."""
        return self.offset + self.pieces[0].start / SAMPLE_RATE

    @property
    def end(self) -> float:
        """End of the window in the whole audio, in seconds."""
        return self.offset + self.pieces[-1].end / SAMPLE_RATE

    @property
    def spoken(self) -> float:
        """Seconds of speech in the window."""
        return sum(stretch.end - stretch.start for stretch in self.speech) / SAMPLE_RATE

    def times(self, start: float, end: float) -> tuple[float, float]:
        """The times in the whole audio of a word that Whisper places from second `start` to `end` of the window.

        Whisper counts a pause as part of the word before or after it, unless punctuation separates them. So a word is
        cut back to the stretch of speech that it covers most.
        """
        first, last = self._placed(start * SAMPLE_RATE, end * SAMPLE_RATE)
        said = max(self.speech, key=lambda stretch: min(last, stretch.end) - max(first, stretch.start))
        if min(last, said.end) > max(first, said.start):
            edge = _EDGE_SECONDS * SAMPLE_RATE
            first, last = max(first, said.start - edge), min(last, said.end + edge)
        return self.offset + first / SAMPLE_RATE, self.offset + last / SAMPLE_RATE

    def unheard(self, words: Sequence[tuple[float, float]]) -> float:
        """Seconds of speech without a word, in the stretch that has the most of them.

        `words` are the starts and ends from Whisper, in seconds of the window. A word of more than 2 s counts as 2 s.
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
        """Map samples of the window to samples of the chunk. Both belong to the piece that holds their middle."""
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
    """The windows with the speech of a chunk that begins at second `offset`. None if nobody speaks."""
    audio = chunk.astype(np.float32) / np.float32(32768)
    speech = _speech(audio)
    pieces = _padded(speech, len(audio))
    first, length = 0, 0
    for index, piece in enumerate(pieces):
        if length and length + piece.end - piece.start > WINDOW_SECONDS * SAMPLE_RATE:
            yield _window(audio, pieces[first:index], speech[first:index], offset)
            first, length = index, 0
        length += piece.end - piece.start
    if length:
        yield _window(audio, pieces[first:], speech[first:], offset)


def _window(
    audio: npt.NDArray[np.float32], pieces: Sequence[Stretch], speech: Sequence[Stretch], offset: float
) -> Window:
    samples = np.concatenate([audio[piece.start : piece.end] for piece in pieces])
    return Window(samples, tuple(pieces), tuple(speech), offset)


def _speech(audio: npt.NDArray[np.float32]) -> list[Stretch]:
    options = VadOptions(
        min_silence_duration_ms=round(1000 * _PAUSE_SECONDS), speech_pad_ms=0, max_speech_duration_s=_LONGEST_SECONDS
    )
    return [Stretch(found["start"], found["end"]) for found in get_speech_timestamps(audio, options)]


def _padded(speech: Sequence[Stretch], length: int) -> list[Stretch]:
    """Each stretch with its padding, at most half of the silence between two stretches."""
    pad = round(_PAD_SECONDS * SAMPLE_RATE)
    middles = [0, *((one.end + other.start) // 2 for one, other in pairwise(speech)), length]
    return [
        Stretch(max(stretch.start - pad, before), min(stretch.end + pad, after))
        for stretch, (before, after) in zip(speech, pairwise(middles), strict=False)
    ]
