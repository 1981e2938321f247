"""What an uploaded file is: its container, picture and sound, found without trusting a word of its header."""

from __future__ import annotations

from pathlib import Path

from avflow.media.model import AudioStream, Media, VideoStream
from avflow.media.reasons import conversion_reasons

__all__ = ["AudioStream", "Media", "VideoStream", "conversion_reasons", "probe"]


def probe(path: Path) -> Media:
    """`avflow.media.probing.probe`; FFmpeg's libraries are loaded with it, which one who has a `Media` doesn't need."""
    from avflow.media.probing import probe as read  # noqa: PLC0415

    return read(path)
