"""Speech in some channels only, cancelled by a down-mix, very quiet, too loud, or in an unusual format."""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from tests.corpus.case import Case, Kind, Right
from tests.corpus.film import (
    AAC,
    AC3,
    FLAC,
    H264,
    OPUS,
    PCM,
    SOUND_RATE,
    VORBIS,
    Film,
    Samples,
    ffmpeg,
    record,
    spoken,
    stereo,
)
from tests.corpus.kinds.common import GARDEN, MILK, TRAIN

SECONDS = 9.0
SAID = {0.4: GARDEN, 5.0: TRAIN}
HEARD = Right(video=False, said=SAID)
FLOAT_FORMAT, EXTENSIBLE = 3, 0xFFFE


def speech(level: float = 0.7) -> Samples:
    """Two sentences."""
    return spoken(SAID, SECONDS, level=level)


def noise(level: float, seed: int = 1, seconds: float = SECONDS) -> Samples:
    """White noise of this standard deviation."""
    rng = np.random.default_rng(seed)
    return rng.normal(0, level, round(seconds * SOUND_RATE)).astype(np.float32)


def hum(level: float, hertz: float = 50) -> Samples:
    """A low tone, as in the channel for low frequencies."""
    return (level * np.sin(2 * np.pi * hertz * np.arange(round(SECONDS * SOUND_RATE)) / SOUND_RATE)).astype(np.float32)


def channels(count: int, *filled: tuple[int, Samples]) -> Samples:
    """Silent channels but those that are given by their number from 0."""
    samples = np.zeros((round(SECONDS * SOUND_RATE), count), np.float32)
    for channel, content in filled:
        samples[:, channel] = content
    return samples


def _stored(suffix: str, samples: Callable[[], Samples], *encoder: str) -> Callable[[Path], Path]:
    """A recipe: 16-bit sound without picture."""
    return lambda folder: record(folder / f"sound.{suffix}", Film(), None, encoder, samples=samples())


def _float_wav(
    samples: Callable[[], Samples], *convert: str, suffix: str = "wav", mask: int | None = None
) -> Callable[[Path], Path]:
    """A recipe: 32-bit float samples, which may exceed 1, as they are or converted by FFmpeg."""

    def make(folder: Path) -> Path:
        target = folder / f"sound.{suffix}"
        exact = target if not convert else folder / "exact.wav"
        exact.write_bytes(_float_file(samples(), mask))
        if convert:
            ffmpeg("-i", exact, *convert, target)
            exact.unlink()
        return target

    return make


def _float_file(samples: Samples, mask: int | None) -> bytes:
    """A WAV file of 32-bit floats, with a channel mask if one is given (Microsoft, WAVEFORMATEXTENSIBLE)."""
    shaped = samples.reshape(len(samples), -1)
    count = shaped.shape[1]
    data = shaped.astype("<f4").tobytes()
    tag = FLOAT_FORMAT if mask is None else EXTENSIBLE
    form = struct.pack("<HHIIHH", tag, count, SOUND_RATE, SOUND_RATE * 4 * count, 4 * count, 32)
    if mask is not None:
        form += struct.pack("<HHIH14s", 22, 32, mask, FLOAT_FORMAT, bytes.fromhex("000000001000800000aa00389b71"))
    chunks = b"fmt " + struct.pack("<I", len(form)) + form + b"data" + struct.pack("<I", len(data)) + data
    return b"RIFF" + struct.pack("<I", 4 + len(chunks)) + b"WAVE" + chunks


def _with_picture(suffix: str, samples: Callable[[], Samples], audio: Sequence[str]) -> Callable[[Path], Path]:
    return lambda folder: record(
        folder / f"film.{suffix}", Film(seconds=SECONDS, flashes=()), H264, audio, samples=samples()
    )


def _inverted() -> Samples:
    return np.stack([speech(), -speech()], axis=1)


def _nearly_inverted() -> Samples:
    return np.stack([speech(), -0.9 * speech() + noise(0.002)], axis=1)


#: FFmpeg's order of 5.1: left, right, centre, low frequencies, left and right behind
CENTRE, LOW = 2, 3


def _centre_only() -> Samples:
    return channels(6, (CENTRE, speech()), (LOW, hum(0.5)))


def _case(id: str, what: str, make: Callable[[Path], Path], right: Right = HEARD, quick: bool = False) -> Case:
    return Case(f"channel-{id}", what, make, right, quick)


FILM = Right(frames=225, seconds=9, pictures=range(225), said=SAID)
MIXED = (
    _case(
        "inverted-flac",
        "FLAC, the right channel is the left one inverted",
        _stored("flac", _inverted, *FLAC),
        quick=True,
    ),
    _case("inverted-wav", "WAV, inverted", _stored("wav", _inverted, *PCM)),
    _case(
        "inverted-mp3",
        "MP3, nearly inverted",
        _stored("mp3", _nearly_inverted, "-c:a", "libmp3lame", "-joint_stereo", "0", "-b:a", "192k"),
    ),
    _case("inverted-mp4", "MP4, inverted", _with_picture("mp4", _inverted, AAC), FILM),
    _case("inverted-webm", "Opus, inverted", _stored("webm", _inverted, *OPUS)),
    _case(
        "inverted-5.1",
        "5.1, front channels inverted",
        _stored("flac", lambda: channels(6, (0, speech()), (1, -speech())), *FLAC, "-channel_layout", "5.1"),
    ),
    _case("left-only", "stereo, speech on the left only", _stored("flac", lambda: channels(2, (0, speech())), *FLAC)),
    _case(
        "right-only",
        "stereo, speech on the right, hum on the left",
        _stored("flac", lambda: channels(2, (0, hum(0.3)), (1, speech(0.3))), *FLAC),
    ),
    _case(
        "right-under-noise",
        "stereo, speech on the right, noise on the left",
        _stored("flac", lambda: channels(2, (0, noise(0.03)), (1, speech(0.4))), *FLAC),
    ),
    _case(
        "two-speakers",
        "stereo, one speaker on each side",
        _stored(
            "flac", lambda: channels(2, (0, spoken({0.4: GARDEN}, SECONDS)), (1, spoken({5.0: TRAIN}, SECONDS))), *FLAC
        ),
        quick=True,
    ),
    _case("centre-ac3", "5.1 AC-3, speech in the centre, a hum below", _stored("ac3", _centre_only, *AC3)),
    _case(
        "centre-aac",
        "5.1 AAC in MP4, speech in the centre, a hum below",
        _with_picture("mp4", _centre_only, ("-c:a", "aac", "-b:a", "320k")),
        FILM,
    ),
    _case(
        "centre-flac",
        "5.1 FLAC, speech in the centre, a hum below",
        _stored("flac", _centre_only, *FLAC, "-channel_layout", "5.1"),
    ),
    _case(
        "behind-7.1",
        "7.1, speech behind on the left",
        _stored("flac", lambda: channels(8, (4, speech())), *FLAC, "-channel_layout", "7.1"),
    ),
    _case(
        "low-noise",
        "5.1, a loud rumble in the channel for low frequencies",
        _stored(
            "flac", lambda: channels(6, (CENTRE, speech(0.1)), (LOW, hum(0.9, 30))), *FLAC, "-channel_layout", "5.1"
        ),
    ),
)

MANY = (
    _case("8-wav", "WAV of 8 microphones, speech in the last", _float_wav(lambda: channels(8, (7, speech())), mask=0)),
    _case(
        "16-wav", "WAV of 16 microphones, speech in number 12", _float_wav(lambda: channels(16, (11, speech())), mask=0)
    ),
    _case(
        "32-wav",
        "WAV of 32 microphones, speech in number 20",
        _float_wav(lambda: channels(32, (19, speech())), mask=0),
        quick=True,
    ),
    _case(
        "32-caf",
        "CAF of 32 channels",
        _float_wav(lambda: channels(32, (0, speech())), "-c:a", "pcm_s16le", suffix="caf", mask=0),
    ),
    _case(
        "24-mov",
        "QuickTime of 24 channels",
        _float_wav(lambda: channels(24, (3, speech()), (5, noise(0.01))), "-c:a", "pcm_s16le", suffix="mov", mask=0),
    ),
    _case(
        "ambisonic",
        "first-order ambisonic Opus, speech in W",
        _float_wav(
            lambda: channels(4, (0, speech())),
            "-af",
            "channelmap=0|1|2|3:ambisonic 1",
            "-c:a",
            "libopus",
            "-mapping_family",
            "2",
            suffix="opus",
            mask=0,
        ),
    ),
    _case(
        "ambisonic-flac",
        "four ambisonic channels as WAV",
        _float_wav(lambda: channels(4, (0, speech()), (1, -0.9 * speech()), (3, 0.5 * speech())), mask=0),
    ),
    _case(
        "5-wav",
        "WAV of 5 discrete channels, two inverted",
        _float_wav(lambda: channels(5, (1, speech()), (3, -speech())), mask=0),
    ),
    _case(
        "three-mask",
        "WAV of 3 channels with an unusual mask",
        _float_wav(lambda: channels(3, (2, speech())), mask=0x701),
    ),
)


def _clicked() -> Samples:
    samples = speech(0.005)
    samples[4 * SOUND_RATE : 4 * SOUND_RATE + 40] = 0.95
    return samples


LEVELS = (
    _case(
        "quiet-24",
        "FLAC, 24 bit, speech at -55 dB",
        _float_wav(lambda: speech(0.0018), "-c:a", "flac", "-sample_fmt", "s32", suffix="flac"),
        quick=True,
    ),
    _case("quiet-float", "WAV, float, speech at -70 dB", _float_wav(lambda: speech(0.0003))),
    _case("quiet-16", "WAV, 16 bit, speech at -40 dB", _stored("wav", lambda: speech(0.01), *PCM)),
    _case(
        "quiet-then-loud",
        "a quiet sentence, then a loud one",
        _float_wav(
            lambda: spoken({0.4: GARDEN}, SECONDS, level=0.01) + spoken({5.0: TRAIN}, SECONDS, level=0.8),
            "-c:a",
            "flac",
            "-sample_fmt",
            "s32",
            suffix="flac",
        ),
    ),
    _case(
        "click",
        "a click at full level, speech at -45 dB",
        _float_wav(_clicked, "-c:a", "flac", "-sample_fmt", "s32", suffix="flac"),
    ),
    _case("float-8", "WAV, float samples up to 8.0", _float_wav(lambda: speech(8.0)), quick=True),
    _case("float-1000", "WAV, floats in the range of 16-bit numbers", _float_wav(lambda: speech(20_000.0))),
    _case("offset", "WAV with a constant offset of 0.4", _float_wav(lambda: speech(0.3) + 0.4)),
    _case(
        "offset-quiet", "WAV with a constant offset of 0.5, speech at -45 dB", _float_wav(lambda: speech(0.006) + 0.5)
    ),
    _case("u8", "WAV, 8 bit", _stored("wav", speech, "-c:a", "pcm_u8")),
    _case(
        "mulaw", "telephone, mu-law at 8 kHz", _stored("wav", speech, "-c:a", "pcm_mulaw", "-ar", "8000", "-ac", "1")
    ),
    _case(
        "gsm",
        "telephone, AMR at 8 kHz",
        _stored("amr", speech, "-c:a", "libopencore_amrnb", "-ar", "8000", "-ac", "1", "-b:a", "12.2k"),
    ),
    _case("192k", "WAV at 192 kHz", _stored("wav", speech, "-c:a", "pcm_s24le", "-ar", "192000")),
    _case("f64", "WAV, 64-bit float", _stored("wav", speech, "-c:a", "pcm_f64le")),
    _case("big-endian", "AIFF, big-endian", _stored("aiff", speech, "-c:a", "pcm_s16be")),
    _case("alac", "Apple Lossless", _stored("m4a", speech, "-c:a", "alac")),
    _case("vorbis-mono", "Ogg Vorbis, mono", _stored("ogg", speech, *VORBIS)),
    _case("stereo", "WAV, both channels alike", _stored("wav", lambda: stereo(speech()), *PCM)),
)


QUIET = Right(video=False, said={})


def _chords() -> Samples:
    seconds = np.arange(round(SECONDS * SOUND_RATE)) / SOUND_RATE
    roots = np.array([220.0, 261.6, 196.0, 174.6])[(seconds // 1).astype(int) % 4]
    fade = np.exp(-2 * (seconds % 1))
    parts = [np.sin(2 * np.pi * np.cumsum(roots * ratio) / SOUND_RATE) for ratio in (1, 1.25, 1.5, 2)]
    return (0.15 * fade * np.sum(parts, axis=0)).astype(np.float32)


def _beats() -> Samples:
    seconds = np.arange(round(SECONDS * SOUND_RATE)) / SOUND_RATE
    return (noise(0.3) * np.exp(-30 * (seconds % 0.5))).astype(np.float32)


NOBODY = (
    _case("silence", "WAV without a sound", _stored("wav", lambda: channels(2), *PCM), QUIET),
    _case("noise", "white noise", _stored("flac", lambda: noise(0.1), *FLAC), QUIET),
    _case(
        "quiet-noise",
        "noise at -80 dB",
        _float_wav(lambda: noise(0.0001), "-c:a", "flac", "-sample_fmt", "s32", suffix="flac"),
        QUIET,
    ),
    _case("hum", "a hum of 50 Hz", _stored("flac", lambda: hum(0.5), *FLAC), QUIET),
    _case("music", "chords", _stored("flac", _chords, *FLAC), QUIET),
    _case("beats", "a drum every half second", _stored("flac", _beats, *FLAC), QUIET),
    _case(
        "speech-after-noise",
        "noise, then a sentence",
        _stored("flac", lambda: np.concatenate([noise(0.03)[: 5 * SOUND_RATE], spoken({0.2: MILK}, 4.5)]), *FLAC),
        Right(video=False, said={5.2: MILK}),
    ),
)


KIND = Kind(
    "Channels, levels and sample formats",
    "Speech that a person hears in any channel is subtitled; nothing is invented over noise, music or silence.",
    (*MIXED, *MANY, *LEVELS, *NOBODY),
)
