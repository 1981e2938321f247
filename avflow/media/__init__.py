"""Describes an uploaded file: its container, video stream and audio stream.

The header may be wrong or hostile, so the description comes from the packets and a decoded frame. Rotation (the
display matrix) is in `avflow.media.shapes.geometry`.
"""

from __future__ import annotations

from pathlib import Path

from avflow.media.key_frames import KeyScan
from avflow.media.model import AudioStream, Media, VideoStream
from avflow.media.notices import Notice
from avflow.media.reasons import conversion_reasons
from avflow.progress import Report, ignore

__all__ = ["AudioStream", "Media", "Notice", "VideoStream", "conversion_reasons", "on_one_clock", "probe"]


def probe(path: Path, *, measure: bool = True) -> Media:
    """Call `avflow.media.probing.probe`. The late import spares callers that only use `Media` FFmpeg's libraries."""
    from avflow.media.probing import probe as read  # noqa: PLC0415

    return read(path, measure=measure)


def on_one_clock(
    source: Path, copy: Path, *, audio_track: str = "", keys: KeyScan | None = None, report: Report = ignore
) -> tuple[Path, Media]:
    """Call `avflow.media.clock.joining.on_one_clock`, also imported late."""
    from avflow.media.clock.joining import on_one_clock as place  # noqa: PLC0415

    return place(source, copy, audio_track=audio_track, keys=keys, report=report)
