"""The geometry of a picture: what a container crops, how it is turned, and how frames of several sizes become one.

A player shows a stored frame after four steps: it crops what the container tells it to crop (Matroska PixelCrop, RFC
9559 section 5.1.4.1.28; the MP4 box `clap`, ISO/IEC 14496-12 section 12.1.4), makes the pixels square, mirrors and
turns the picture (display matrix). `avflow.ffmpeg.filters` does the same in a conversion.

If the size changes in the middle, every frame is scaled into the size of the longest section. Its shape is kept, and
the rest is black.
"""

from __future__ import annotations

import math
import struct
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from avflow.media.model import Crop

if TYPE_CHECKING:  # who builds commands needs no FFmpeg libraries
    import av

#: degrees within which FFmpeg takes an angle for a quarter turn
_QUARTER_TOLERANCE = 1


def cropped_size(width: int, height: int, crop: Crop | None) -> tuple[int, int]:
    """(width, height) after cropping.

    >>> cropped_size(320, 240, Crop(left=0, top=30, right=0, bottom=30))
    (320, 180)
    """
    if crop is None:
        return width, height
    return width - crop.left - crop.right, height - crop.top - crop.bottom


def orientation(frame: av.VideoFrame) -> tuple[bool, int]:
    """How a player turns a frame: whether it first mirrors it left to right, and then the degrees clockwise.

    The display matrix maps a point (x, y) to (a x + c y, b x + d y), with y downward (FFmpeg, libavutil/display.h).
    """
    matrix: Any = frame.side_data.get("DISPLAYMATRIX")
    if matrix is None:
        return False, 0
    a, b, _, c, d, *_ = struct.unpack("=9i", bytes(matrix))
    degrees = math.degrees(math.atan2(-c, d)) % 360
    quarter = round(degrees / 90) * 90
    return a * d < b * c, (quarter if abs(degrees - quarter) < _QUARTER_TOLERANCE else round(degrees)) % 360


def upright_size(width: int, height: int, rotation: int) -> tuple[int, int]:
    """(width, height) after the rotation: a quarter turn swaps the two.

    >>> upright_size(1920, 1080, 90), upright_size(1920, 1080, 180)
    ((1080, 1920), (1920, 1080))
    """
    return (height, width) if rotation in (90, 270) else (width, height)


def fitted_size(size: tuple[int, int], canvas: tuple[int, int], shape: Fraction = Fraction(1)) -> tuple[int, int]:
    """(width, height) of a frame that fills `canvas` as far as possible without being stretched.

    The side that doesn't fill it is even, so that the planes of `yuv420p` fit.

    Parameters
    ----------
    shape:
        The sample aspect ratio of the frame divided by that of the canvas.

    >>> fitted_size((180, 320), (320, 180)), fitted_size((640, 360), (320, 180)), fitted_size((3, 3), (161, 121))
    ((102, 180), (320, 180), (122, 121))
    """
    aspect = Fraction(size[0], size[1]) * shape
    width, height = min(Fraction(canvas[0]), canvas[1] * aspect), min(Fraction(canvas[1]), canvas[0] / aspect)
    return min(canvas[0], max(2, _even(width))), min(canvas[1], max(2, _even(height)))


def _even(length: Fraction) -> int:
    """The closest even number, or the higher one of two."""
    return 2 * math.floor(length / 2 + Fraction(1, 2))
