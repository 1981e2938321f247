"""Rotation: phones store frames as the sensor saw them, with a display matrix that tells players how to rotate them.

`avflow.media.probing` reads the rotation, `avflow.media.reasons` makes it a reason to convert the video, and FFmpeg
rotates the frames of a conversion; `avflow.ffmpeg.filters.upright` gives them the size that follows. The detector's
reader (`avflow.video.reader`) never rotates: it reads a converted video whenever there is a rotation.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:  # who reads a report needs no FFmpeg libraries
    import av


def clockwise_rotation(frame: av.VideoFrame) -> int:
    """Degrees by which a player rotates the frame clockwise: normally 0, 90, 180 or 270.

    The display matrix counts counterclockwise (FFmpeg, libavutil/display.h, av_display_rotation_get).
    """
    return -round(frame.rotation) % 360


def upright_size(width: int, height: int, rotation: int) -> tuple[int, int]:
    """(width, height) after the rotation: a quarter turn swaps the two.

    >>> upright_size(1920, 1080, 90), upright_size(1920, 1080, 180)
    ((1080, 1920), (1920, 1080))
    """
    return (height, width) if rotation in (90, 270) else (width, height)
