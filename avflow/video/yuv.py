"""Frames in YCbCr, as codecs store them: 8 bits, limited range, 4:2:0 (one chroma sample per 2x2 pixels).

The constants come from Recommendations ITU-R BT.601, BT.709 and BT.2020, "Derivation of luminance and colour-difference
signals" and their quantisation.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

Plane = NDArray[np.uint8]
#: (blue, green, red), 0 to 255
Colour = tuple[int, int, int]

#: weights of red and blue in luma (Kr, Kb), by FFmpeg's names of the colour matrices
_SHARES = {"bt709": (0.2126, 0.0722), "bt2020nc": (0.2627, 0.0593), "bt2020c": (0.2627, 0.0593)} | {
    "fcc": (0.30, 0.11),
    "smpte240m": (0.212, 0.087),
}
#: weights for all other matrices; FFmpeg's scaler uses the same default
_BT601 = (0.299, 0.114)

#: the luma of black and the distance to white; the chroma of grey and the distance between its extremes
BLACK_LEVEL, LUMA_RANGE = 16, 219
NO_CHROMA, CHROMA_RANGE = 128, 224


@dataclass(frozen=True)
class YuvFrame:
    """A frame of any width and height.

    Parameters
    ----------
    luma:
        (height, width): Y.
    blue, red:
        (height / 2, width / 2), rounded up: Cb and Cr.
    matrix:
        FFmpeg's name of the colour matrix. Unknown names mean BT.601.
    """

    luma: Plane
    blue: Plane
    red: Plane
    matrix: str

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) in pixels."""
        height, width = self.luma.shape
        return width, height


@dataclass(frozen=True)
class Weights:
    """The coefficients that convert a limited-range YCbCr pixel to red, green and blue from 0 to 1.

    `red = luma Y + red_by_red Cr + red_offset`. Green and blue are computed in the same way.
    """

    luma: float
    red_by_red: float
    green_by_red: float
    green_by_blue: float
    blue_by_blue: float
    red_offset: float
    green_offset: float
    blue_offset: float


@cache
def weights(matrix: str) -> Weights:
    """The coefficients of a colour matrix."""
    red, blue = _SHARES.get(matrix, _BT601)
    green = 1 - red - blue
    luma, chroma = 1 / LUMA_RANGE, 1 / CHROMA_RANGE
    red_by_red, blue_by_blue = 2 * (1 - red) * chroma, 2 * (1 - blue) * chroma
    green_by_red, green_by_blue = -red_by_red * red / green, -blue_by_blue * blue / green
    black = -luma * BLACK_LEVEL
    return Weights(
        luma,
        red_by_red,
        green_by_red,
        green_by_blue,
        blue_by_blue,
        black - red_by_red * NO_CHROMA,
        black - (green_by_red + green_by_blue) * NO_CHROMA,
        black - blue_by_blue * NO_CHROMA,
    )


@cache
def yuv_of(colour: Colour, matrix: str) -> tuple[int, int, int]:
    """The limited-range Y, Cb and Cr of a colour."""
    red_share, blue_share = _SHARES.get(matrix, _BT601)
    blue, green, red = (part / 255 for part in colour)
    luma = red_share * red + (1 - red_share - blue_share) * green + blue_share * blue
    return (
        round(BLACK_LEVEL + LUMA_RANGE * luma),
        round(NO_CHROMA + CHROMA_RANGE * (blue - luma) / (2 * (1 - blue_share))),
        round(NO_CHROMA + CHROMA_RANGE * (red - luma) / (2 * (1 - red_share))),
    )
