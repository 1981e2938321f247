"""FFmpeg filters that mix the channels of the audio streams that are heard (`avflow.media.tracks.mixing`)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import ffmpeg  # type: ignore[import-untyped]

from avflow.media.model import AudioStream, MixedStream

_LAYOUTS = {1: "mono", 2: "stereo"}
#: the largest magnitude of a limited sample
_LIMIT = 0.95
#: Hz: no voice is lower
_LOWEST = 40


def mixed_streams(stream: AudioStream) -> tuple[MixedStream, ...]:
    """The streams that are heard."""
    return stream.mix or (MixedStream(stream.index),)


def channels(stream: AudioStream, *, speech: bool) -> int:
    """The number of channels of the mix: 1 for speech, and else 1 or 2."""
    rows = mixed_streams(stream)[0].sound
    return 1 if speech else len(rows) or min(2, stream.channels)


def weighted(track: Any, stream: AudioStream, mixed: MixedStream, *, speech: bool) -> Any:
    """One stream, mixed to the channels of the result and amplified, as floating-point samples."""
    # rounding to 16 bits first would leave little of quiet speech
    track = track.filter("aformat", sample_fmts="fltp")
    rows = ((mixed.speech,) if mixed.speech else ()) if speech else mixed.sound
    if rows:
        # the names of channels don't matter, so this also works for layouts that FFmpeg can't mix itself
        outputs = "|".join(f"c{number}={_sum(row)}" for number, row in enumerate(rows))
        track = track.filter("pan", args=f"{_LAYOUTS[len(rows)]}|{outputs}")
    gain = stream.speech_gain if speech else stream.sound_gain
    if speech and gain > 0:
        # Amplified as well, a constant offset would drive the limiter, which leaves nothing of the speech. A filter
        # alone would turn its beginning into a click.
        if mixed.offset:
            track = track.filter("dcshift", shift=-mixed.offset)
        track = track.filter("highpass", f=_LOWEST)
    return track.filter("volume", f"{gain}dB") if gain else track


def _sum(weights: Sequence[float]) -> str:
    terms = [f"{weight:+.4f}*c{channel}" for channel, weight in enumerate(weights) if weight]
    return "".join(terms).removeprefix("+") or "0*c0"


def summed(tracks: Sequence[Any]) -> Any:
    """The sum of aligned streams, whose weights already apply."""
    if len(tracks) == 1:
        return tracks[0]
    return ffmpeg.filter(tracks, "amix", inputs=len(tracks), duration="longest", normalize=0)


def limited(track: Any, stream: AudioStream, *, speech: bool) -> Any:
    """The samples with a limiter, if amplification could drive some beyond full scale."""
    gain = stream.speech_gain if speech else stream.sound_gain
    if not gain or stream.peak * 10 ** (gain / 20) <= _LIMIT:
        return track
    return track.filter("alimiter", limit=_LIMIT, level=0, latency=1)
