"""Decides how the channels of one or several audio streams are mixed, so that no speech is lost.

The rules use the measured sound (`avflow.media.tracks.loudness`):

- Dead channels and the subwoofer are left out. So are channels with a steady sound, such as hum or a test tone, if
  another channel has none: from the result only if they hold the noise of a device, and from speech recognition always.
- A channel that is the inverse of those before it is subtracted instead of added, so that it never cancels them.
- A channel that is alike at some times and inverse at others is left out: it holds the same sound.
- For speech recognition, a centre channel that is heard counts most, because films have their dialogue there.
- Mono and stereo sound is not mixed for the result. It keeps its channels as they are.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from avflow.media.model import MixedStream
from avflow.media.tracks.loudness import LOUDEST, Matrix, Measured, Sound

#: a channel with less than this share of the loudest channel's energy is dead: 50 dB
_DEAD = 1e-5
#: correlation below which a channel is the inverse of the others
_INVERSE = -0.1
#: share of two channels' energy which, both alike and inverse, shows that they change between both
_CHANGING = 0.25
#: FFmpeg's names of channels: libavutil/channel_layout.c
_LOW = {"LFE", "LFE2"}
_FRONT_LEFT = {"FL", "FLC", "DL", "BIL", "WL"}
_FRONT_RIGHT = {"FR", "FRC", "DR", "BIR", "WR"}
_LEFT = _FRONT_LEFT | {"BL", "SL", "TFL", "TBL", "TSL", "SDL", "BFL", "SSL", "TTL"}
_RIGHT = _FRONT_RIGHT | {"BR", "SR", "TFR", "TBR", "TSR", "SDR", "BFR", "SSR", "TTR"}
#: weights for speech next to a centre channel: that of front channels, and of all others
_BESIDE_CENTRE, _AROUND = 0.5, 0.35
#: weights in a stereo mix of channels that belong to both sides, and of surround channels (ITU-R BS.775)
_SHARED = _SURROUND = math.sqrt(0.5)

#: dB: speech whose loudest 2 % are below the first level is amplified to the second one
_QUIET, _TARGET = -30.0, -15.0
#: dB by which a microphone is raised at most to the level of the loudest one, and how far its loudest 2 % must be
#: above its quietest 10 %: speech close to it is, but not noise, or speech at the other end of the room
_MOST_LEVELLING, _SPEECH_SPREAD = 20.0, 20.0
#: the largest amplification in dB
_MOST = 70.0
#: a smaller constant offset is not worth a mention: -80 dB
_LEAST_OFFSET = 1e-4
#: samples up to this magnitude are clipped: codecs exceed full scale by that much
_OVERSHOOT = 1.12
#: below this level in dB a steady sound is the noise of a device, which the result doesn't need
_NOISE = -50.0
#: dB from the level of the loudest 50 ms to their peak
_CREST = 12.0


@dataclass(frozen=True)
class Mix:
    """The weights of all streams, and the amplification in dB for speech recognition and in the result."""

    streams: tuple[MixedStream, ...]
    speech_gain: float
    sound_gain: float
    peak: float


def mix(measured: Measured, indexes: Sequence[int]) -> Mix:
    """The mix of one audio stream, or of several mono streams.

    Parameters
    ----------
    indexes:
        Indexes of the streams. Several must all be mono.
    """
    sounds = [measured.sounds[index] for index in indexes]
    if not all(sound.layouts for sound in sounds):
        return Mix(tuple(MixedStream(index) for index in indexes), 0.0, 0.0, 0.0)
    joint = sounds[0] if len(sounds) == 1 else _joined(measured, indexes)
    peak = round(joint.peak, 4)
    if len(joint.layouts) > 1:  # a broadcast that changes its channels: FFmpeg adapts to each
        weights = np.full(joint.channels, 1 / joint.channels)
        return Mix((MixedStream(indexes[0]),), _speech_gain(joint, weights), _sound_gain(joint), peak)
    names = joint.layouts[0]
    channels = _Channels(joint)
    wanted = _speech_weights(names, channels)
    speech = _normalised(channels.mixed(wanted, channels.active))
    together = _normalised(channels.mixed(_equal_weights(names), channels.audible))
    if len(sounds) > 1:
        speech = _normalised(
            channels.mixed([a * b for a, b in zip(wanted, _levelled(joint), strict=True)], channels.active)
        )
    rows: list[list[float]] = []
    if len(sounds) > 1 or (joint.channels > 2 and not set(names) & (_LEFT | _RIGHT)):
        rows = [together]
    elif joint.channels > 2:
        sides = [
            channels.mixed(_side_weights(names, side), channels.audible, in_order=True) for side in (_LEFT, _RIGHT)
        ]
        largest = max(sum(map(abs, row)) for row in sides)
        rows = [[weight / largest for weight in row] for row in sides] if largest else [together]
    gain = _speech_gain(joint, np.array(speech))
    if len(sounds) == 1:
        offset = _offset(joint, speech)
        streams = [MixedStream(indexes[0], _rounded(speech), tuple(_rounded(row) for row in rows), offset)]
    else:
        streams = [
            MixedStream(index, _rounded([one]), (_rounded([other]),), _offset(sound, [one]))
            for index, sound, one, other in zip(indexes, sounds, speech, together, strict=True)
        ]
    return Mix(tuple(streams), gain, _sound_gain(joint), peak)


class _Channels:
    """The channels of a sound and their correlation."""

    def __init__(self, sound: Sound) -> None:
        self._alike, self._opposite = sound.alike, sound.opposite
        self._covariance = sound.alike - sound.opposite
        self.energy = np.diag(self._covariance)
        heard = self.energy > _DEAD * self.energy.max(initial=0.0)
        steady = np.array([sound.steady(channel) for channel in range(sound.channels)])
        quiet = np.array([sound.level(0.999, channel) < _NOISE for channel in range(sound.channels)])
        #: whether a channel may hold speech, and whether it belongs into the result
        self.active = heard & ~steady if (heard & ~steady).any() else heard
        self.audible = heard & ~(steady & quiet) if (heard & ~(steady & quiet)).any() else heard

    def mixed(self, weights: Sequence[float], active: NDArray[np.bool_], *, in_order: bool = False) -> list[float]:
        """Weights of which no channel cancels another, from positive ones.

        Parameters
        ----------
        active:
            Whether a channel is mixed.
        in_order:
            The first channel with the largest weight keeps its sign, instead of the loudest one.
        """
        wanted = np.array(weights) * active
        if not active.any():
            return [float(weight) for weight in weights]
        importance = wanted if in_order else wanted**2 * self.energy
        result = np.zeros(len(wanted))
        for channel in sorted(np.flatnonzero(wanted).tolist(), key=lambda each: -float(importance[each])):
            if any(self._changes(channel, other) for other in np.flatnonzero(result).tolist()):
                continue
            with_mix = result @ self._covariance[:, channel]
            of_mix = result @ self._covariance @ result
            inverse = with_mix < _INVERSE * math.sqrt(max(0.0, of_mix) * self.energy[channel])
            result[channel] = -wanted[channel] if inverse else wanted[channel]
        return [float(weight) for weight in result]

    def _changes(self, one: int, other: int) -> bool:
        """Whether a channel is the inverse of another one only at some times."""
        both = min(self._alike[one, other], self._opposite[one, other])
        return bool(both > _CHANGING * math.sqrt(self.energy[one] * self.energy[other]))


def _speech_weights(names: Sequence[str], channels: _Channels) -> list[float]:
    """Weights by the places of the channels."""
    heard = {name for name, active in zip(names, channels.active, strict=True) if active}
    centre, front = "FC" in heard, bool(heard & (_FRONT_LEFT | _FRONT_RIGHT))

    def weight(name: str) -> float:
        if name in _LOW:
            return 0.0
        if name.startswith("AMBI"):  # channel 0 holds the sound from all directions
            return float(name == "AMBI0")
        if name in _FRONT_LEFT | _FRONT_RIGHT:
            return _BESIDE_CENTRE if centre else 1.0
        if name in ("FC", "NONE"):
            return 1.0
        return _AROUND if centre or front else 1.0

    weights = [weight(name) for name in names]
    matters = any(weight and active for weight, active in zip(weights, channels.active, strict=True))
    return weights if matters or not channels.active.any() else [1.0] * len(names)


def _equal_weights(names: Sequence[str]) -> list[float]:
    """Weights of channels without places. Of an ambisonic sound, channel 0 holds all directions."""
    return [float(not name.startswith("AMBI") or name == "AMBI0") for name in names]


def _levelled(sound: Sound) -> list[float]:
    """Factors that make each microphone as loud as the loudest one, as far as its pauses are quiet.

    A microphone that only hears its own noise, or others from afar, has little between pauses and loudest parts.
    """
    levels = [sound.level(LOUDEST, channel) for channel in range(sound.channels)]
    most = [sound.level(LOUDEST, channel) - sound.level(0.1, channel) for channel in range(sound.channels)]
    gains = [
        min(max(levels) - level, _MOST_LEVELLING) if spread > _SPEECH_SPREAD else 0.0
        for level, spread in zip(levels, most, strict=True)
    ]
    return [10 ** (gain / 20) for gain in gains]


def _side_weights(names: Sequence[str], side: set[str]) -> list[float]:
    """Weights of the channels in the left or right channel of a stereo mix."""

    def weight(name: str) -> float:
        if name in _LOW:
            return 0.0
        if name in _LEFT | _RIGHT:
            return 0.0 if name not in side else 1.0 if name in _FRONT_LEFT | _FRONT_RIGHT else _SURROUND
        return _SHARED

    return [weight(name) for name in names]


def _joined(measured: Measured, indexes: Sequence[int]) -> Sound:
    """Mono streams as the channels of one sound."""
    sounds = [measured.sounds[index] for index in indexes]

    def matrix(own: list[float], pairs: dict[tuple[int, int], float]) -> Matrix:
        result = np.diag(own)
        for row, one in enumerate(indexes):
            for column, other in enumerate(indexes):
                if row != column:
                    result[row, column] = pairs.get((min(one, other), max(one, other)), 0.0)
        return result

    return Sound(
        layouts=[("NONE",) * len(sounds)],
        rate=sounds[0].rate,
        peak=max(sound.peak for sound in sounds),
        histogram=np.concatenate([sound.histogram[:1] for sound in sounds]),
        alike=matrix([float(sound.alike[0, 0]) for sound in sounds], measured.alike),
        opposite=matrix([0.0] * len(sounds), measured.opposite),
    )


def _speech_gain(sound: Sound, weights: Matrix) -> float:
    """dB by which quiet speech is amplified; 0 for a silent track, whose noise must not sound like speech."""
    covariance = sound.alike - sound.opposite
    energy = np.diag(covariance)
    loudest = int(np.argmax(weights**2 * energy))
    loss = _sound_gain(sound)
    if sound.silent or sound.steady(loudest) or loss < 0:
        return loss
    change = 10 * math.log10(max(float(weights @ covariance @ weights) / energy[loudest], 1e-12))
    level = sound.level(LOUDEST, loudest) + change
    return round(min(_TARGET - level, _MOST), 1) if level < _QUIET else 0.0


def _sound_gain(sound: Sound) -> float:
    """dB by which floating-point sound above full scale is attenuated. A single wild sample does not decide that."""
    if sound.peak <= _OVERSHOOT:
        return 0.0
    return round(-max(0.0, min(20 * math.log10(sound.peak), sound.level(0.999) + _CREST)), 1)


def _offset(sound: Sound, weights: Sequence[float]) -> float:
    """The mean of the mixed samples; 0 if a filter removes it without a click."""
    offset = float(sound.offset @ np.array(weights))
    return round(min(max(offset, -1.0), 1.0), 6) if abs(offset) > _LEAST_OFFSET else 0.0


def _normalised(weights: Sequence[float]) -> list[float]:
    """Weights whose magnitudes add up to 1, so that the mix is never louder than its loudest channel."""
    total = sum(map(abs, weights))
    return [weight / total for weight in weights] if total else [1 / len(weights)] * len(weights)


def _rounded(weights: Sequence[float]) -> tuple[float, ...]:
    return tuple(round(weight, 4) for weight in weights)
