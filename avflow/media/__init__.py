"""Describes an uploaded file: its container, video stream and audio stream.

The header may be wrong or hostile, so the description comes from the packets and a decoded frame. Rotation (the
display matrix) is in `avflow.media.geometry`.
"""

from __future__ import annotations

from pathlib import Path

from avflow.media.model import AudioStream, Media, VideoStream
from avflow.media.notices import Notice
from avflow.media.reasons import conversion_reasons

__all__ = ["AudioStream", "Media", "Notice", "VideoStream", "conversion_reasons", "probe"]


def probe(path: Path) -> Media:
    """Call `avflow.media.probing.probe`. The late import spares callers that only use `Media` FFmpeg's libraries."""
    from avflow.media.probing import probe as read  # noqa: PLC0415

    return read(path)
