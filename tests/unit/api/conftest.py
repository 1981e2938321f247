"""A short film with speech, and a picture."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from scripts.record_darknet_boxes import RECORDINGS
from tests.media_samples import H264, ffmpeg
from tests.speech_samples import SAMPLE

PERSON = RECORDINGS / "person.jpg"


@pytest.fixture(scope="session")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The first 3 s of the sample with every sixth frame, in H.264, with its sound."""
    path = tmp_path_factory.mktemp("film") / "film.mp4"
    ffmpeg("-i", SAMPLE, "-t", "3", "-r", "4", *H264, "-c:a", "aac", path)
    return path


@pytest.fixture(scope="session")
def person() -> np.ndarray:
    """A picture of a person, a dog and a horse."""
    return cv2.imread(str(PERSON))
