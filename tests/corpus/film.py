"""Films whose frames show their number, with flashes and beeps at the same seconds, and how they are stored.

A frame is dark grey. Its upper part shows its number as ten black or white squares. A flash makes the lower three
quarters white for two frames. A beep is 0.08 s of a tone of 1 kHz.
"""

from __future__ import annotations

import subprocess
import wave
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from avflow.ffmpeg import binary
from tests.corpus.synthesiser import speech

Samples = NDArray[np.float32]

BITS = 10
GREY, BLACK, WHITE = 72, 16, 235
FLASH_FRAMES = 2
BEEP_SECONDS, BEEP_HERTZ = 0.08, 1000
SOUND_RATE = 48_000

#: how a picture or a sound is stored
H264 = ("-c:v", "libx264", "-preset", "ultrafast", "-crf", "20", "-g", "25", "-pix_fmt", "yuv420p")
MPEG2 = ("-c:v", "mpeg2video", "-b:v", "1500k", "-pix_fmt", "yuv420p")
VP8 = ("-c:v", "libvpx", "-deadline", "realtime", "-cpu-used", "8", "-b:v", "800k", "-pix_fmt", "yuv420p")
VP9 = ("-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8", "-b:v", "800k", "-pix_fmt", "yuv420p")
AV1 = ("-c:v", "libsvtav1", "-preset", "12", "-crf", "30", "-svtav1-params", "lp=1", "-pix_fmt", "yuv420p")
THEORA = ("-c:v", "libtheora", "-q:v", "8", "-pix_fmt", "yuv420p")
FLV1 = ("-c:v", "flv", "-b:v", "1500k", "-pix_fmt", "yuv420p")
MPEG4 = ("-c:v", "mpeg4", "-b:v", "1500k", "-pix_fmt", "yuv420p")
MJPEG = ("-c:v", "mjpeg", "-q:v", "3", "-pix_fmt", "yuvj420p")
AAC = ("-c:a", "aac", "-b:a", "128k")
MP3 = ("-c:a", "libmp3lame", "-b:a", "128k")
MP2 = ("-c:a", "mp2", "-b:a", "192k")
AC3 = ("-c:a", "ac3", "-b:a", "192k")
OPUS = ("-c:a", "libopus", "-b:a", "96k")
VORBIS = ("-c:a", "libvorbis", "-q:a", "5")
FLAC = ("-c:a", "flac", "-sample_fmt", "s16")
PCM = ("-c:a", "pcm_s16le")

#: no two intervals between marks are alike, so an offset after a joint can't be taken for another mark
MARKS = (0.52, 1.72, 3.2)


@dataclass(frozen=True)
class Film:
    """A film of `seconds`. Its first frame shows the number `first`. `flashes` and `beeps` are seconds."""

    seconds: float = 4.0
    first: int = 0
    rate: str = "25"
    size: tuple[int, int] = (160, 128)
    flashes: Sequence[float] = MARKS
    beeps: Sequence[float] = MARKS
    #: seconds of sound, if there are more or fewer than of picture
    sound_seconds: float | None = None
    #: sentences by the second of their beginning
    said: Mapping[float, str] = field(default_factory=dict)

    @property
    def frames(self) -> int:
        return round(self.seconds * Fraction(self.rate))


def pictures(film: Film) -> bytes:
    """All frames of a film as planes of YUV 4:2:0."""
    width, height = film.size
    rate = Fraction(film.rate)
    flashing = {round(at * rate) + more for at in film.flashes for more in range(FLASH_FRAMES)}
    grey = np.full((height // 2 * 2 // 2, width // 2), 128, np.uint8).tobytes() * 2
    planes = []
    for number in range(film.frames):
        luma = np.full((height, width), GREY, np.uint8)
        if number in flashing:
            luma[height // 4 :] = WHITE
        else:  # something that moves
            left = number * 2 % max(1, width - 8)
            luma[height * 3 // 4 : height * 3 // 4 + 8, left : left + 8] = 140
        top, bottom = height // 16, height * 3 // 16
        for bit in range(BITS):
            shown = WHITE if (film.first + number) >> bit & 1 else BLACK
            luma[top:bottom, bit * width // BITS : (bit + 1) * width // BITS] = shown
        planes.append(luma.tobytes() + grey)
    return b"".join(planes)


def tones(at: Sequence[float], seconds: float, level: float = 0.5) -> Samples:
    """Silence with beeps that begin at these seconds. Shape (samples,)."""
    samples = np.zeros(round(seconds * SOUND_RATE), np.float32)
    length = round(BEEP_SECONDS * SOUND_RATE)
    edge = np.minimum(1, np.minimum(np.arange(length), np.arange(length)[::-1]) / 96)  # 2 ms, without a click
    beep = level * edge * np.sin(2 * np.pi * BEEP_HERTZ * np.arange(length) / SOUND_RATE)
    for second in at:
        start = round(second * SOUND_RATE)
        part = samples[start : start + length]
        part += beep[: len(part)]
    return samples


def spoken(sentences: Mapping[float, str], seconds: float, voice: str = "en-us", level: float = 0.7) -> Samples:
    """Sentences that begin at these seconds. Shape (samples,)."""
    samples = np.zeros(round(seconds * SOUND_RATE), np.float32)
    for second, text in sentences.items():
        said, rate = speech(text, voice)
        places = np.arange(round(len(said) * SOUND_RATE / rate)) * rate / SOUND_RATE
        there = np.interp(places, np.arange(len(said)), said)
        part = samples[round(second * SOUND_RATE) :][: len(there)]
        assert len(part) == len(there), f"{text!r} does not fit into {seconds} s"
        part += level * there / np.abs(there).max()
    return samples


def sound_of(film: Film) -> Samples:
    """The beeps and sentences of a film. Shape (samples,)."""
    seconds = film.seconds if film.sound_seconds is None else film.sound_seconds
    return tones(film.beeps, seconds) + spoken(film.said, seconds)


def stereo(mono: Samples) -> Samples:
    """Two channels that are alike. Shape (samples, 2)."""
    return np.stack([mono, mono], axis=1)


def wav(path: Path, samples: Samples, rate: int = SOUND_RATE) -> Path:
    """Write samples of shape (samples,) or (samples, channels) as 16-bit PCM."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1 if samples.ndim == 1 else samples.shape[1])
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes((np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes())
    return path


def ffmpeg(*arguments: str | Path, feed: bytes | None = None) -> bytes:
    """Run FFmpeg with one thread, and return its standard output."""
    command = [binary(), "-hide_banner", "-loglevel", "error", "-y", *map(str, arguments)]
    if feed is None:
        command.insert(1, "-nostdin")
    done = subprocess.run(command, input=feed, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode(errors="replace")
    return done.stdout


def record(
    target: Path,
    film: Film | None = None,
    video: Sequence[str] | None = H264,
    audio: Sequence[str] | None = AAC,
    *options: str,
    samples: Samples | None = None,
) -> Path:
    """Store a film in the container that the target's suffix names.

    Parameters
    ----------
    video, audio:
        FFmpeg's options for the encoders; None leaves the picture or the sound out.
    options:
        More options for the muxer.
    samples:
        The sound in place of the film's beeps, (samples,) or (samples, channels) at 48 kHz.
    """
    film = film or Film()
    inputs: list[str | Path] = []
    if video is not None:
        width, height = film.size
        inputs += ["-f", "rawvideo", "-pix_fmt", "yuv420p", "-s", f"{width}x{height}", "-r", film.rate, "-i", "pipe:0"]
    if audio is not None:
        if samples is None:
            samples = stereo(sound_of(film))
        inputs += ["-i", wav(target.with_name(f"{target.name}.source.wav"), samples)]
    encoders = [*(video or ()), *(audio or ())]
    ffmpeg(*inputs, *encoders, *options, target, feed=pictures(film) if video is not None else None)
    target.with_name(f"{target.name}.source.wav").unlink(missing_ok=True)
    return target


def appended(target: Path, *parts: Path) -> Path:
    """One file behind the other, as `cat` does."""
    target.write_bytes(b"".join(part.read_bytes() for part in parts))
    for part in parts:
        part.unlink()
    return target


def joined(
    suffix: str,
    films: Sequence[Film],
    video: Sequence[str] | None = H264,
    audio: Sequence[str] | None = AAC,
    *options: str,
) -> Callable[[Path], Path]:
    """A recipe: recordings with one encoder, appended byte by byte."""

    def make(folder: Path) -> Path:
        parts = [record(folder / f"part{n}.{suffix}", film, video, audio, *options) for n, film in enumerate(films)]
        return appended(folder / f"film.{suffix}", *parts)

    return make


def after(films: Sequence[Film]) -> tuple[Film, ...]:
    """The same films with numbers that go on from one to the next."""
    placed: list[Film] = []
    for film in films:
        placed.append(replace(film, first=placed[-1].first + placed[-1].frames if placed else 0))
    return tuple(placed)
