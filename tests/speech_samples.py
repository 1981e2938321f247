"""Speech for tests: what is said in the sample video, and sound made of it."""

from __future__ import annotations

import wave
from pathlib import Path

import numpy as np

from avflow.speech.wav import SAMPLE_RATE

SAMPLE = Path(__file__).parents[1] / "samples" / "my_video.mkv"
#: FFmpeg's options for sound in the form that speech engines read
PCM = ("-vn", "-ac", "1", "-ar", "16000", "-c:a", "pcm_s16le")


def write(path: Path, samples: np.ndarray, rate: int = SAMPLE_RATE, channels: int = 1) -> Path:
    """A WAV file of these samples, 16 bits each."""
    with wave.open(str(path), "wb") as out:
        out.setnchannels(channels)
        out.setsampwidth(2)
        out.setframerate(rate)
        out.writeframes(samples.astype("<i2").tobytes())
    return path
