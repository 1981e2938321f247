"""Measures the sound of all audio streams of a file in one pass, in constant memory.

It measures each channel's level over time and how the channels resemble each other. `avflow.media.tracks.rules` decides
by that which stream is heard, and `avflow.media.tracks.mixing` decides how its channels are mixed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import av
import numpy as np
import numpy.typing as npt
from av.stream import Discard

from avflow.media.patience import measured_enough
from avflow.media.tracks.late import demuxed

#: Samples per second at which channels are compared. The formants of speech lie below half of that.
_RATE = 8_000
#: levels are measured over this many parts of a second: longer than a period of the lowest voice
_PARTS = 20
#: Share of the sample before that is subtracted from each sample, so that hum does not decide how alike channels are
#: (pre-emphasis: Rabiner and Schafer, Digital Processing of Speech Signals).
_EMPHASIS = 0.95
#: seconds by which a frame may be early or late before its samples are placed by its timestamp
_MOVE = 0.05
#: packets that are measured even if the time for it is over
_LEAST_PACKETS = 1_000
#: most samples of what is left then, and packets of each
_MOST_SAMPLES, _SAMPLE_PACKETS = 1_000, 100
#: seconds of mono streams that wait for the other mono streams
_WAITING = 30
#: The lowest level in dB that is told apart from silence, and the highest one: 0 dB is full scale, and floating-point
#: samples may exceed it.
FLOOR, _TOP = -120, 100
_LEVELS = _TOP - FLOOR + 1
#: the level of a sound is what this share of the time does not exceed: that of its loudest 2 %
LOUDEST = 0.98
#: full scale of FFmpeg's sample formats with whole numbers
_FULL_SCALE = {"u8": 2.0**7, "s16": 2.0**15, "s32": 2.0**31, "s64": 2.0**63}

Samples = npt.NDArray[np.float32]
Matrix = npt.NDArray[np.float64]


@dataclass
class Sound:
    """What is heard in one audio stream. All arrays are empty, and `layouts` too, if nothing can be decoded."""

    #: names of the channels in each layout that occurs, such as ("FL", "FR"); NONE for a channel without a place
    layouts: list[tuple[str, ...]] = field(default_factory=list)
    rate: int = 0
    #: largest magnitude of a sample; 1 is full scale
    peak: float = 0.0
    #: levels of each channel, in parts of 50 ms: shape (channels, steps of 1 dB from `FLOOR`)
    histogram: npt.NDArray[np.int64] = field(default_factory=lambda: np.zeros((0, _LEVELS), np.int64))
    #: sums of x_i x_j over the seconds in which they are positive, and in which they are negative: (channels, channels)
    alike: Matrix = field(default_factory=lambda: np.zeros((0, 0)))
    opposite: Matrix = field(default_factory=lambda: np.zeros((0, 0)))
    #: sum of each channel's samples, and their number, at about 8 kHz
    total: Matrix = field(default_factory=lambda: np.zeros(0))
    count: int = 0

    @property
    def channels(self) -> int:
        """The number of channels, of the first layout."""
        return len(self.layouts[0]) if self.layouts else 0

    def level(self, share: float, channel: int | None = None) -> float:
        """The level in dB below full scale that this share of the time does not exceed; silent parts don't count.

        Of the loudest channel, unless `channel` is given.
        """
        rows = self.histogram if channel is None else self.histogram[channel : channel + 1]
        return max((_quantile(row, share) for row in rows), default=float(FLOOR))

    def steady(self, channel: int) -> bool:
        """Whether a channel has about the same level all the time: noise or hum, but not speech."""
        return _quantile(self.histogram[channel], LOUDEST) - _quantile(self.histogram[channel], 0.1) < _STEADY

    @property
    def offset(self) -> Matrix:
        """The mean of each channel's samples."""
        return self.total / max(1, self.count)

    @property
    def silent(self) -> bool:
        """Whether there is nothing to hear: silence, or the noise of a device without a microphone."""
        heard = [self.level(0.999, channel) for channel in range(self.channels)]
        loud = [c for c, level in enumerate(heard) if level > _SILENCE]
        return all(self.steady(channel) and heard[channel] < _NOISE for channel in loud)


#: dB by which the level of noise varies at most
_STEADY = 6.0
#: below this level in dB nothing is heard: less than the rounding of 16 bits of a coder and a decoder
_SILENCE = -85.0
#: below this level in dB a steady sound is the noise of a device
_NOISE = -50.0


def _quantile(row: npt.NDArray[np.int64], share: float) -> float:
    """The quantile of a histogram of levels in dB. Its first step, silence, does not count."""
    counts = np.cumsum(row[1:])
    if not counts[-1]:
        return float(FLOOR)
    return float(FLOOR + (1 + int(np.searchsorted(counts, share * counts[-1]))))


@dataclass
class Measured:
    """The sound of each audio stream by its index, and how the mono streams resemble each other."""

    sounds: dict[int, Sound]
    #: as in `Sound`, by the indexes of two mono streams of equal rate, the lower one first
    alike: dict[tuple[int, int], float] = field(default_factory=dict)
    opposite: dict[tuple[int, int], float] = field(default_factory=dict)
    #: seconds from which on only samples were measured, because the time was over; None if all is measured
    sampled_from: float | None = None


def measure(container: Any, streams: Sequence[Any], tick: Callable[[], None]) -> Measured:
    """Decode audio streams from start to end and measure them.

    Damaged packets count as absent. If the time for it is over, samples of the rest are measured, as far as the
    container can seek. Of what lies between them, the peak counts as full scale.

    Parameters
    ----------
    container:
        Just opened. Nothing else is read from it.
    tick:
        Called often. Whatever it raises ends the measurement.
    """
    meters = {stream.index: _StreamMeter(stream) for stream in streams if stream.codec_context is not None}
    for stream in container.streams:
        if stream.index not in meters:
            stream.discard = Discard.all
    pairs = _Pairs(set(meters))
    sampled_from = None
    for packet in _packets(container, [stream for stream in streams if stream.index in meters], tick):
        if packet is None:
            sampled_from = max((meter.seconds for meter in meters.values()), default=0.0)
            continue
        index = packet.stream.index  # the empty packet at the end, too, has it
        pairs.add(index, meters[index].add(packet))
    for index, meter in meters.items():
        pairs.add(index, meter.finish())
        if sampled_from is not None:
            meter.sound.peak = max(meter.sound.peak, 1.0)
    pairs.finish()
    sounds = {index: meter.sound for index, meter in meters.items()}
    return Measured(sounds, pairs.alike, pairs.opposite, sampled_from)


def _packets(container: Any, streams: Sequence[Any], tick: Callable[[], None]) -> Iterator[Any]:
    """All packets. If that takes too long, None, and then packets all over the rest, more and more densely."""
    reached = 0
    with suppress(av.error.FFmpegError):  # the scan of the packets reports damage
        for count, packet in enumerate(demuxed(container, streams)):
            tick()
            if packet.dts is not None:
                reached = max(reached, int(packet.dts * packet.time_base * av.time_base))
            if count > _LEAST_PACKETS and measured_enough(samples=True):
                break
            yield packet
        else:
            return
    yield None
    end = (container.start_time or 0) + (container.duration or 0)
    for number in range(1, _MOST_SAMPLES):
        if end <= reached or measured_enough():
            return
        # 1/2, 1/4, 3/4, 1/8, 3/8, …
        share = (2 * number + 1) / (1 << number.bit_length()) - 1
        with suppress(av.error.FFmpegError):
            container.seek(reached + int((end - reached) * share), any_frame=True)
            for stream in streams:
                stream.codec_context.flush_buffers()
            for _, packet in zip(range(_SAMPLE_PACKETS), demuxed(container, streams), strict=False):
                tick()
                if packet.size:
                    yield packet


#: a second of a mono stream: its number and its samples at about 8 kHz, pre-emphasised
_Second = tuple[int, int, Samples]


class _StreamMeter:
    """Measures one audio stream, second by second."""

    def __init__(self, stream: Any) -> None:
        self.sound = Sound()
        self._stream = stream
        self._blocks: list[Samples] = []
        #: position in samples of the first sample in `_blocks`, and the number of samples there
        self._start = self._held = 0

    @property
    def seconds(self) -> float:
        """The end of what was measured, on the container's clock."""
        return (self._start + self._held) / max(1, self.sound.rate)

    def add(self, packet: Any) -> Iterator[_Second]:
        """Decode one packet. Returns the seconds that are complete."""
        try:
            frames = packet.decode()
        except av.error.FFmpegError:
            return
        for frame in frames:
            yield from self._frame(frame)

    def _frame(self, frame: Any) -> Iterator[_Second]:
        names = tuple(channel.name for channel in frame.layout.channels)
        sound = self.sound
        if not sound.layouts:
            count = len(names)
            sound.rate, sound.histogram = frame.sample_rate, np.zeros((count, _LEVELS), np.int64)
            sound.alike, sound.opposite = np.zeros((count, count)), np.zeros((count, count))
            sound.total = np.zeros(count)
        if names not in sound.layouts:
            sound.layouts.append(names)
        samples = _as_float(frame, len(names))
        sound.peak = max(sound.peak, float(np.abs(samples).max(initial=0.0)))
        if len(names) != sound.channels or frame.sample_rate != sound.rate:
            samples = np.repeat(samples.mean(axis=0, keepdims=True), sound.channels, axis=0)
        place = self._start + self._held
        if frame.pts is not None:
            wanted = round(float(frame.pts * frame.time_base) * sound.rate)
            if abs(wanted - place) > _MOVE * sound.rate:
                yield from self.finish()
                self._start = place = wanted
        self._blocks.append(samples)
        self._held += samples.shape[1]
        if (place + samples.shape[1]) // sound.rate > self._start // sound.rate:
            yield from self._take()

    def _take(self) -> Iterator[_Second]:
        """Measure the complete seconds, counted on the container's clock."""
        rate, samples = self.sound.rate, np.concatenate(self._blocks, axis=1)
        while samples.shape[1] >= (length := rate - self._start % rate):
            yield from self._second(samples[:, :length])
            samples, self._start = samples[:, length:], self._start + length
        self._blocks, self._held = [samples], samples.shape[1]

    def finish(self) -> Iterator[_Second]:
        """Measure the samples that are left."""
        if self._held:
            yield from self._second(np.concatenate(self._blocks, axis=1))
        self._blocks, self._start, self._held = [], self._start + self._held, 0

    def _second(self, samples: Samples) -> Iterator[_Second]:
        sound = self.sound
        step = max(1, sound.rate // _RATE)
        count = samples.shape[1] // step
        if not count:
            return
        low = samples[:, : count * step].reshape(len(samples), count, step).mean(axis=2)
        mean = low.mean(axis=1, keepdims=True)
        sound.total += mean[:, 0] * count
        sound.count += count
        low -= mean
        part = min(count, max(1, sound.rate // step // _PARTS))
        parts = low[:, : count // part * part].reshape(len(low), -1, part)
        with np.errstate(divide="ignore"):
            levels = 10 * np.log10(np.square(parts).mean(axis=2))
        bins = np.clip(np.ceil(levels - FLOOR), 0, _LEVELS - 1).astype(np.int64)
        for channel, row in enumerate(bins):
            sound.histogram[channel] += np.bincount(row, minlength=_LEVELS)
        voice = low.copy()
        voice[:, 1:] -= _EMPHASIS * low[:, :-1]
        products = (voice @ voice.T).astype(np.float64)
        sound.alike += np.maximum(products, 0)
        sound.opposite += np.maximum(-products, 0)
        if sound.channels == 1:
            first = self._start % sound.rate // step
            second = np.zeros(sound.rate // step + 1, np.float32)
            second[first : first + count] = voice[0, : len(second) - first]
            yield self._start // sound.rate, sound.rate, second


class _Pairs:
    """Compares mono streams with each other, second by second."""

    def __init__(self, streams: set[int]) -> None:
        self._waiting: dict[int, dict[int, tuple[int, Samples]]] = {}
        self._many = len(streams) > 1
        self.alike: dict[tuple[int, int], float] = {}
        self.opposite: dict[tuple[int, int], float] = {}

    def add(self, stream: int, seconds: Iterator[_Second]) -> None:
        """Take the seconds of one stream."""
        for number, rate, samples in seconds:
            if self._many:
                self._waiting.setdefault(number, {})[stream] = (rate, samples)
                while len(self._waiting) > _WAITING:
                    self._compare(self._waiting.pop(min(self._waiting)))

    def finish(self) -> None:
        """Compare the seconds that still wait."""
        for streams in self._waiting.values():
            self._compare(streams)
        self._waiting = {}

    def _compare(self, streams: dict[int, tuple[int, Samples]]) -> None:
        ordered = sorted(streams.items())
        for place, (one, (rate, samples)) in enumerate(ordered):
            for other, (other_rate, other_samples) in ordered[place + 1 :]:
                if rate == other_rate:
                    product = float(samples @ other_samples)
                    sums = self.alike if product > 0 else self.opposite
                    sums[one, other] = sums.get((one, other), 0.0) + abs(product)


def _as_float(frame: Any, channels: int) -> Samples:
    """The samples of a frame, full scale from -1 to 1, shape (channels, samples). Values that are no numbers are 0."""
    values = frame.to_ndarray()
    name = frame.format.name.removesuffix("p")
    if not frame.format.is_planar:
        values = values.reshape(-1, channels).T
    if name == "u8":
        values = values.astype(np.float32) - _FULL_SCALE["u8"]
    samples: Samples = values.astype(np.float32) / np.float32(_FULL_SCALE.get(name, 1.0))
    return np.nan_to_num(samples, nan=0.0, posinf=0.0, neginf=0.0) if name in ("flt", "dbl") else samples
