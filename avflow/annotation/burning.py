"""Draws subtitles into frames, each while it is said."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from avflow.errors import FFmpegFailed
from avflow.ffmpeg.text_pictures import TextPicture
from avflow.speech.subtitles import Cue
from avflow.video.yuv import BLACK_LEVEL, NO_CHROMA, Plane, YuvFrame

#: seconds; times of cues are whole milliseconds, and those of frames are not
_ROUNDING = 0.0005


class BurntSubtitles:
    """The subtitle of each frame (`avflow.annotation.pipeline.Overlay`).

    Parameters
    ----------
    cues:
        In order, without overlap.
    pictures:
        The picture of each cue, in the same order.
    rate:
        Frames per second.
    """

    def __init__(self, cues: Sequence[Cue], pictures: Iterator[TextPicture], rate: Fraction) -> None:
        self._cues, self._pictures, self._rate = cues, pictures, rate
        self._next = 0
        self._shown: Burnt | None = None

    def at(self, number: int) -> Burnt | None:
        """The subtitle on the frame of this number. The numbers come in order.

        Raises
        ------
        FFmpegFailed
            There are fewer pictures than cues.
        """
        time = float(number / self._rate) + _ROUNDING
        while self._next < len(self._cues) and self._cues[self._next].start <= time:
            picture = next(self._pictures, None)
            if picture is None:
                raise FFmpegFailed(f"FFmpeg has drawn {self._next} of {len(self._cues)} subtitles")
            self._shown = Burnt.of(picture)
            self._next += 1
        if self._shown and time >= self._cues[self._next - 1].end:
            self._shown = None
        return self._shown


@dataclass(frozen=True)
class Burnt:
    """One subtitle, ready to be drawn into frames: what it adds, and the share of the frame that stays, of each plane.

    Text and outline are white and black, so they have no chroma, and look the same with each colour matrix.
    """

    left: int
    top: int
    luma: NDArray[np.float32]
    luma_stays: NDArray[np.float32]
    chroma_stays: NDArray[np.float32]

    @classmethod
    def of(cls, picture: TextPicture) -> Burnt | None:
        """The subtitle of a picture; None of an empty one."""
        if not picture.cover.size:
            return None
        stays = 1 - picture.cover.astype(np.float32) / np.float32(255)
        of_chroma = (stays[::2, ::2] + stays[::2, 1::2] + stays[1::2, ::2] + stays[1::2, 1::2]) / np.float32(4)
        return cls(picture.left, picture.top, picture.luma - BLACK_LEVEL * stays, stays, of_chroma)

    def draw_on(self, frame: YuvFrame) -> None:
        """Draw it into the frame, in place. What lies outside of the frame is cut off."""
        _blend(frame.luma, self.left, self.top, self.luma, self.luma_stays)
        added = NO_CHROMA * (1 - self.chroma_stays)
        for plane in (frame.blue, frame.red):
            _blend(plane, self.left // 2, self.top // 2, added, self.chroma_stays)


def _blend(plane: Plane, left: int, top: int, added: NDArray[np.float32], stays: NDArray[np.float32]) -> None:
    part = plane[top : top + added.shape[0], left : left + added.shape[1]]
    height, width = part.shape
    part[:] = np.rint(added[:height, :width] + stays[:height, :width] * part).astype(np.uint8)
