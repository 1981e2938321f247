"""Read and write WAV files of any length, also in part."""

from __future__ import annotations

import wave
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

from avflow.errors import InvalidMediaUnreadable
from avflow.media.formats import SPEECH_RATE

SAMPLE_RATE = SPEECH_RATE
BYTES_PER_SAMPLE = 2
_ADVICE = "Make it with `ffmpeg -i IN -vn -ac 1 -ar 16000 -c:a pcm_s16le OUT.wav`."
#: samples copied in one piece
_COPIED = 1 << 19
#: a cut lies in the middle of the quietest stretch of this many samples (0.2 s)
_QUIET = SAMPLE_RATE // 5

Samples = npt.NDArray[np.int16]


class Wav:
    """A 16 kHz mono pcm_s16le WAV file, as a context manager.

    Raises
    ------
    InvalidMediaUnreadable
        The file has another format.
    """

    def __init__(self, path: Path) -> None:
        try:
            self._reader = wave.open(str(path), "rb")  # noqa: SIM115 - closed by __exit__
        except (wave.Error, EOFError) as error:
            raise _not_wav(path.name, error) from error
        rate, channels, width = (
            self._reader.getframerate(),
            self._reader.getnchannels(),
            self._reader.getsampwidth(),
        )
        if (rate, channels, width) != (SAMPLE_RATE, 1, 2):
            self._reader.close()
            raise InvalidMediaUnreadable(
                f"{path.name} has {rate} Hz, {channels} channel(s) and {8 * width} bits. "
                f"Speech recognition reads {SAMPLE_RATE} Hz, 1 channel and 16 bits.",
                _ADVICE,
            )
        # A header that was written to a pipe announces more samples than the file has.
        self.samples = min(self._reader.getnframes(), path.stat().st_size // 2)

    def __enter__(self) -> Wav:
        return self

    def __exit__(self, *_: object) -> None:
        self._reader.close()

    @property
    def duration(self) -> float:
        """Duration in seconds."""
        return self.samples / SAMPLE_RATE

    def blocks(self, length: int) -> Iterator[Samples]:
        """The samples in order, in blocks of `length` samples. The last block may be shorter."""
        while data := self._reader.readframes(length):
            yield np.frombuffer(data[: len(data) // 2 * 2], dtype="<i2")

    def read(self, start: int, end: int) -> Samples:
        """Samples `start` to `end - 1`, as far as they exist. `blocks` then continues after them."""
        start = min(max(start, 0), self.samples)
        self._reader.setpos(start)
        data = self._reader.readframes(max(0, min(end, self.samples) - start))
        return np.frombuffer(data[: len(data) // 2 * 2], dtype="<i2")


def write_part(source: Path, start: float, end: float, target: Path) -> None:
    """Copy seconds `start` to `end` of a 16 kHz mono pcm_s16le WAV file, rounded to samples, into a file of its own.

    Raises
    ------
    InvalidMediaUnreadable
        `source` has another format.
    """
    first, last = round(start * SAMPLE_RATE), round(end * SAMPLE_RATE)
    with Wav(source) as audio, wave.open(str(target), "wb") as part:
        part.setparams((1, BYTES_PER_SAMPLE, SAMPLE_RATE, last - first, "NONE", ""))
        for begin in range(first, last, _COPIED):
            part.writeframesraw(audio.read(begin, min(begin + _COPIED, last)).tobytes())


def _not_wav(name: str, error: Exception) -> InvalidMediaUnreadable:
    return InvalidMediaUnreadable(f"{name} is not a PCM WAV file ({error}).", _ADVICE)


def quietest(samples: Samples, earliest: int) -> int:
    """Index of the middle of the 0.2 s with the least energy, not before `earliest`."""
    power = samples[earliest:].astype(np.float64) ** 2
    if len(power) <= _QUIET:
        return len(samples)
    energy = np.cumsum(np.concatenate([[0.0], power]))
    return earliest + int(np.argmin(energy[_QUIET:] - energy[:-_QUIET])) + _QUIET // 2
