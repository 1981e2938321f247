"""The media work of the Merge step: join the annotated segments with the audio."""

from __future__ import annotations

from pathlib import Path

from avflow import ffmpeg
from avflow.media_work import requests
from avflow.progress import Report


def prepare() -> None:
    """Load what the tasks load late, before there is an upload: nothing."""


class Tasks:
    """What the step asks for."""

    REQUESTS = requests.REQUESTS

    def join_segments(self, asked: requests.JoinSegments, report: Report) -> requests.Joined:
        """Raises FFmpegFailed, FrameCountMismatch, ScratchFull, MemoryExhausted."""
        segments = [ffmpeg.Boxed(Path(each.path), each.frames) for each in asked.segments]
        ffmpeg.mux(segments, asked.rate, Path(asked.source), asked.media, Path(asked.target), report=report)
        return requests.Joined()
