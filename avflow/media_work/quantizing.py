"""The media work of `avflow models quantize`: read frames, and make a network from them, in two processes."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from avflow.detection.named import quantize_with
from avflow.detection.quantization import CALIBRATION_FRAMES, calibration_frames
from avflow.errors import MediaAnswerInvalid
from avflow.media_work import requests
from avflow.models.store import ModelStore
from avflow.progress import Report


class Tasks:
    """What the command asks for."""

    REQUESTS = requests.REQUESTS

    def read_frames(self, asked: requests.ReadFrames, report: Report) -> requests.FramesRead:
        """Raises InvalidMediaNoStreams."""
        frames = calibration_frames(Path(asked.source), 2 * CALIBRATION_FRAMES)
        for number, frame in enumerate(frames):
            np.save(Path(asked.folder, f"{number:02}.npy"), frame, allow_pickle=False)
        return requests.FramesRead(len(frames))

    def quantize(self, asked: requests.Quantize, report: Report) -> requests.Quantized:
        """Raises ModelUnavailable, PrecisionUnsuitable, MediaAnswerInvalid."""
        frames = [np.load(path, allow_pickle=False) for path in sorted(Path(asked.folder).glob("*.npy"))]
        if not all(frame.ndim == 3 and frame.shape[2] == 3 and frame.dtype == np.uint8 for frame in frames):
            raise MediaAnswerInvalid("A frame for the quantization is no picture")
        path, agreement = quantize_with(asked.model, ModelStore(), frames)
        return requests.Quantized(str(path), agreement.recall, agreement.precision, agreement.boxes)
