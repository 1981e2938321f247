"""Fixtures that several unit tests share."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from avflow.speech.wav import Wav
from tests.media_samples import ffmpeg
from tests.speech_samples import PCM, SAMPLE


@pytest.fixture(scope="session")
def speech(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The audio of the sample, 11 s, as a WAV file that speech engines read."""
    path = tmp_path_factory.mktemp("speech") / "speech.wav"
    ffmpeg("-i", SAMPLE, *PCM, path)
    return path


@pytest.fixture(scope="session")
def said(speech: Path) -> np.ndarray:
    """The samples of that WAV file: int16, 16 kHz."""
    with Wav(speech) as wav:
        return wav.read(0, wav.samples)
