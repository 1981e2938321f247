"""Measure results: frames by decoding, flashes by brightness, beeps by their energy at 1 kHz, words by comparison."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from fractions import Fraction
from itertools import groupby
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

from tests.corpus.film import BEEP_HERTZ, BITS

RATE = 16_000
#: seconds of the moving mean; whole periods of the tone, so that no other multiple of 125 Hz counts
_WINDOW = 0.008


@dataclass(frozen=True)
class Shown:
    """What a player shows and plays of a file."""

    frames: int
    rate: Fraction | None
    size: tuple[int, int] | None
    #: seconds of picture and of sound, from the first frame or sample
    picture_seconds: float
    sound_seconds: float
    #: seconds at which flashes and beeps begin
    flashes: tuple[float, ...]
    beeps: tuple[float, ...]
    #: the numbers on the frames, without repetitions
    pictures: tuple[int, ...]
    #: width by height of the white area, at least and at most on all frames that have one; 0.0 if none has
    squares: tuple[float, float]


def shown(path: Path, squares: bool = True) -> Shown:
    """Decode a whole file, one frame at a time: minutes of 4K don't fit into memory. `squares` are slow to measure."""
    means, numbers, ratios = list[float](), list[int](), list[float]()
    size = None
    rate, lumas = _lumas(path)
    for luma in lumas:
        size = size or (luma.shape[1], luma.shape[0])
        means.append(float(_thinned(luma).mean()))
        numbers.append(number_on(luma))
        ratios += [ratio for ratio in (_square(luma) if squares else 0.0,) if ratio]
    sound = _sound(path)
    per_second = float(rate or 1)
    return Shown(
        frames=len(means),
        rate=rate,
        size=size,
        picture_seconds=len(means) / per_second,
        sound_seconds=sound.shape[1] / RATE,
        flashes=tuple(round(float(frame) / per_second, 4) for frame in _beginnings(_flashing(np.array(means)))),
        beeps=tuple(beep_times(sound)),
        pictures=tuple(number for number, _ in groupby(numbers)),
        squares=(min(ratios), max(ratios)) if ratios else (0.0, 0.0),
    )


def _lumas(path: Path) -> tuple[Fraction | None, Iterator[NDArray[np.uint8]]]:
    """The frames per second, and the brightness of all frames."""
    with av.open(str(path)) as container:
        rate = container.streams.video[0].average_rate if container.streams.video else None
    return Fraction(rate) if rate else None, _brightness(path)


def _brightness(path: Path) -> Iterator[NDArray[np.uint8]]:
    with av.open(str(path)) as container:
        for stream in container.streams.video[:1]:
            for frame in _decoded(container, stream):
                yield frame.to_ndarray(format="gray")


def _decoded(container: Any, stream: Any) -> Iterator[Any]:
    """All frames that can be decoded: damaged packets, and what follows a damage of the container, are left out."""
    with suppress(av.error.FFmpegError):
        for packet in container.demux(stream):
            with suppress(av.error.FFmpegError):
                yield from packet.decode()


def _thinned(luma: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Every nth pixel of a large picture, in both directions: the mean of all takes as long as decoding it."""
    step = max(1, min(luma.shape) // 256)
    return luma[::step, ::step]


def _sound(path: Path) -> NDArray[np.float32]:
    """All samples at 16 kHz, (channels, samples)."""
    with av.open(str(path)) as container:
        if not container.streams.audio:
            return np.zeros((1, 0), np.float32)
        resampler = av.AudioResampler("fltp", rate=RATE)
        blocks = []
        for frame in _decoded(container, container.streams.audio[0]):
            frame.pts = None
            blocks += [each.to_ndarray() for each in resampler.resample(frame)]
        blocks += [each.to_ndarray() for each in resampler.resample(None)]
    return np.concatenate(blocks, axis=1) if blocks else np.zeros((1, 0), np.float32)


def _flashing(means: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Frames that are much brighter than most. A flash fills three quarters of the picture, or less beside bars."""
    return means > np.median(means) + 45 if len(means) else np.zeros(0, bool)


def _beginnings(there: NDArray[np.bool_]) -> NDArray[np.intp]:
    return np.flatnonzero(there & ~np.concatenate([[False], there[:-1]])) if len(there) else np.zeros(0, int)


def beep_times(sound: NDArray[np.float32], rate: int = RATE) -> list[float]:
    """Seconds at which tones of 1 kHz begin, in any channel. `sound` has the shape (channels, samples)."""
    length = round(_WINDOW * rate)
    if sound.shape[1] < length:
        return []
    wave = np.exp(-2j * np.pi * BEEP_HERTZ * np.arange(sound.shape[1]) / rate)
    sums = np.cumsum(np.pad(sound * wave, ((0, 0), (1, 0))), axis=1)
    level = np.abs(sums[:, length:] - sums[:, :-length]).max(axis=0) / length  # half of the tone's amplitude
    loud = level > max(0.02, level.max() / 2)  # half of it: the tone begins in the middle of the window
    starts = _beginnings(loud)
    ends = np.flatnonzero(loud & ~np.concatenate([loud[1:], [False]]))
    long = [start for start, end in zip(starts, ends, strict=True) if end - start > 0.03 * rate]
    return [round((float(start) + length / 2) / rate, 4) for start in long]


def number_on(luma: NDArray[np.uint8]) -> int:
    """The number that a frame of a `Film` shows."""
    height, width = luma.shape
    rows = luma[height * 3 // 32 : height * 5 // 32 + 1]
    columns = [((2 * bit + 1) * width) // (2 * BITS) for bit in range(BITS)]
    return sum(int(rows[:, column].mean() > 128) << bit for bit, column in enumerate(columns))


def _square(luma: NDArray[np.uint8]) -> float:
    """Width by height of the brightest area of a frame."""
    bright = luma > 200
    rows, columns = np.flatnonzero(bright.any(axis=1)), np.flatnonzero(bright.any(axis=0))
    return float((columns[-1] - columns[0] + 1) / (rows[-1] - rows[0] + 1)) if len(rows) else 0.0


# ---------------------------------------------------------------- subtitles
@dataclass(frozen=True)
class Cue:
    """One subtitle: seconds, and text on one line."""

    start: float
    end: float
    text: str


_TIMES = re.compile(r"(\d+):(\d\d):(\d\d),(\d{3}) --> (\d+):(\d\d):(\d\d),(\d{3})")


def cues(srt: str) -> list[Cue]:
    """The subtitles of an .srt file."""
    found = []
    for block in re.split(r"\n\s*\n", srt.strip()):
        _, _, rest = block.partition("\n")
        times, _, text = rest.partition("\n")
        if match := _TIMES.match(times):
            numbers = [int(each) for each in match.groups()]
            start, end = (h * 3600 + m * 60 + s + ms / 1000 for h, m, s, ms in (numbers[:4], numbers[4:]))
            found.append(Cue(start, end, " ".join(text.split())))
    return found


def words(text: str) -> list[str]:
    """The words of a text, in small letters and without punctuation."""
    return re.findall(r"[^\W_]+(?:'[^\W_]+)*", text.lower())


def recall(said: str, heard: str) -> float:
    """The share of the spoken words that are among those that were heard."""
    want, have = Counter(words(said)), Counter(words(heard))
    return sum((want & have).values()) / max(1, sum(want.values()))


def speech_faults(said: Mapping[float, str], within: float, found: Sequence[Cue]) -> list[str]:
    """What is wrong with subtitles: words that are missing, invented, or at the wrong time."""
    heard = " ".join(cue.text for cue in found)
    spoken = " ".join(said.values())
    faults = []
    if not said:
        return [f"subtitles {heard!r} where nothing is said"] if words(heard) else []
    if recall(spoken, heard) < 0.75:
        faults.append(f"{recall(spoken, heard):.0%} of the words heard: {heard!r}")
    invented = len(words(heard)) - len(words(spoken))
    if invented > 2 + len(words(spoken)) / 4:
        faults.append(f"{invented} words too many: {heard!r}")
    for second, sentence in said.items():
        near = [cue for cue in found if set(words(sentence)) & set(words(cue.text))]
        best = min((abs(cue.start - second) for cue in near), default=None)
        if best is None or best > within:
            starts = [cue.start for cue in found]
            faults.append(f"no subtitle begins at {second:.2f} s with {sentence!r}: they begin at {starts}")
    return faults
