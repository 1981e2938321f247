"""Speech for tests: the sample video, and WAV files."""

from __future__ import annotations

import json
import wave
from pathlib import Path

import numpy as np

from avflow.speech.wav import SAMPLE_RATE

SAMPLE = Path(__file__).parents[1] / "samples" / "my_video.mkv"
#: FFmpeg's options for audio in the format that speech engines read
PCM = ("-vn", "-ac", "1", "-ar", "16000", "-c:a", "pcm_s16le")


def write(path: Path, samples: np.ndarray, rate: int = SAMPLE_RATE, channels: int = 1) -> Path:
    """Write samples to a WAV file with 16 bits per sample."""
    with wave.open(str(path), "wb") as out:
        out.setnchannels(channels)
        out.setsampwidth(2)
        out.setframerate(rate)
        out.writeframes(samples.astype("<i2").tobytes())
    return path


#: real speech in five languages, and synthetic speech: DATA/NOTICE says where they come from
DATA = Path(__file__).parent / "unit" / "data" / "speech"
#: what is said in each clip, by the ISO 639-1 code of its language
SAID_IN: dict[str, str] = json.loads((DATA / "said.json").read_text(encoding="utf-8"))
