"""Find pauses in speech by the energy of the audio. This is fast, and precise enough to place cuts."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from avflow.speech.wav import SAMPLE_RATE, Samples, Wav, quietest

#: seconds over which the energy is measured: longer than a period of the lowest voice
_FRAME_SECONDS = 0.02
_FRAME = int(_FRAME_SECONDS * SAMPLE_RATE)
#: shortest pause, also in frames. A shorter silence can be part of a word: a "p" closes the lips for up to 0.15 s
_SHORTEST_SECONDS = 0.2
_SHORTEST = round(_SHORTEST_SECONDS / _FRAME_SECONDS)
#: seconds: a longer pause is no better place for a cut
_LONG_SECONDS = 1.0
#: seconds by which a pause must be longer for each second that it is farther from the ideal place
_DETOUR = 0.01
#: upper limit of silence between the levels of noise (0) and speech (1), in dB; and the variation of noise, in dB
_SILENCE_SHARE, _NOISE_DECIBELS = 0.3, 3.0


def place(audio: Wav, ideal: int, reach: int) -> int:
    """The sample nearest to sample `ideal` at which a cut does no harm.

    It lies in the middle of the longest pause in the `reach` samples before and after `ideal`. A pause counts 0.01 s
    less for each second of distance from `ideal`, and 1 s at most. The audio itself defines silence: its quietest 0.2 s
    give the level of noise, and its loudest tenth the level of speech. Silence is nearer to the noise. Without a pause
    (music, a crowd) the cut lies in the quietest 0.2 s.
    """
    samples = audio.read(ideal - reach, ideal + reach)
    pauses = _pauses(samples)
    if not len(pauses):
        return ideal - reach + quietest(samples, 0)
    middles = pauses.mean(axis=1)
    length = np.minimum((pauses[:, 1] - pauses[:, 0]) / SAMPLE_RATE, _LONG_SECONDS)
    best = np.argmax(length - _DETOUR * np.abs(middles - reach) / SAMPLE_RATE)
    # in a pause longer than necessary, as near to the ideal place as possible
    first, last = pauses[best]
    margin = min((last - first) // 2, int(_LONG_SECONDS * SAMPLE_RATE) // 2)
    return ideal - reach + int(np.clip(reach, first + margin, last - margin))


def _pauses(samples: Samples) -> npt.NDArray[np.int64]:
    """The first sample of each silence of 0.2 s or more, and the sample after its last: shape (pauses, 2)."""
    frames = samples[: len(samples) // _FRAME * _FRAME].reshape(-1, _FRAME).astype(np.float32)
    if len(frames) < _SHORTEST:
        return np.empty((0, 2), np.int64)
    level = 10 * np.log10(np.square(frames - frames.mean(axis=1, keepdims=True)).mean(axis=1) + 1)
    noise = np.convolve(level, np.ones(_SHORTEST) / _SHORTEST, "valid").min()
    speech = np.percentile(level, 90)
    silent = level < noise + max(_NOISE_DECIBELS, _SILENCE_SHARE * (speech - noise))
    edges = np.flatnonzero(np.diff(silent.astype(np.int8), prepend=0, append=0)).reshape(-1, 2)
    return edges[edges[:, 1] - edges[:, 0] >= _SHORTEST] * _FRAME
