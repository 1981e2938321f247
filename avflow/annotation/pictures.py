"""Still pictures of the annotated film: a frame that shows something, and frames over the whole film.

`PicturePicker` picks them while the segments are annotated, so that the film is decoded once. Each segment has a file
with its pictures. `avflow.annotation.gathering` takes them from the files of all segments.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from zipfile import ZipFile

import cv2
import numpy as np
from numpy.typing import NDArray

from avflow.annotation.drawing import ink
from avflow.annotation.gathering import COVER, INDEX, Score, tile_name
from avflow.media import VideoStream
from avflow.video.segments import Segment
from avflow.video.yuv import YuvFrame, weights

#: frames on the contact sheet, at equal distances
TILES = 20
#: the longer side in pixels at most: of the thumbnail, and of a frame on the contact sheet
_COVER_SIDE, _TILE_SIDE = 1280, 320
#: height in pixels from which a matrix that is not told is that of HD
_HD_HEIGHT = 720
#: the height in pixels of the time on a frame of the contact sheet
_TIME_HEIGHT = 14
_JPEG = (cv2.IMWRITE_JPEG_QUALITY, 90)
#: the luma of every so many-th pixel, in both directions, tells whether a frame shows something
_STEP = 16
#: Standard deviation and mean of that luma below which a frame is empty: black, or nearly; and a step in contrast that
#: makes a frame without objects better than another
_EMPTY_CONTRAST, _EMPTY_LUMA, _CONTRAST_STEP = 4.0, 24.0, 16.0


def wanted(frames: int) -> list[int]:
    """The numbers of the frames on the contact sheet of a film of so many frames, each once.

    >>> wanted(40)[:3], wanted(3)
    ([1, 3, 5], [0, 1, 2])
    """
    tiles = min(TILES, frames)
    return [(2 * tile + 1) * frames // (2 * tiles) for tile in range(tiles)]


class PicturePicker:
    """Picks the pictures of one segment. Its frames come in order, with their boxes."""

    def __init__(self, stream: VideoStream, segment: Segment, color_space: str) -> None:
        self._rate, size = stream.nominal_rate, (stream.width, stream.height)
        self._cover_size, self._tile_size = _within(size, _COVER_SIDE), _within(size, _TILE_SIDE)
        # players guess so too
        guess = "bt709" if stream.height >= _HD_HEIGHT else "smpte170m"
        self._matrix = guess if color_space == "unknown" else color_space
        self._wanted = {
            number for number in wanted(stream.total_frames) if 0 <= number - segment.first < segment.frames
        }
        self._tiles: dict[int, bytes] = {}
        self._best: Score = (-1, 0, 0)
        self._cover: NDArray[np.uint8] | None = None

    def see(self, number: int, frame: YuvFrame, objects: int) -> None:
        """Take a frame if it is wanted. `number` counts in the whole film; the frame has so many `objects`."""
        if number in self._wanted:
            tile = self._bgr(frame, self._tile_size)
            _write_time(tile, float(number / self._rate))
            self._tiles[number] = _jpeg(tile)
        sample = frame.luma[::_STEP, ::_STEP]
        contrast = float(sample.std())
        score = (
            int(contrast > _EMPTY_CONTRAST and float(sample.mean()) > _EMPTY_LUMA),
            objects,
            int(contrast / _CONTRAST_STEP),
        )
        if score > self._best:
            self._best, self._cover = score, self._bgr(frame, self._cover_size)

    def _bgr(self, frame: YuvFrame, size: tuple[int, int]) -> NDArray[np.uint8]:
        return _bgr(replace(frame, matrix=self._matrix), size)

    def write(self, target: Path) -> None:
        """Write the file of the segment."""
        with ZipFile(target, "w") as file:
            file.writestr(INDEX, json.dumps({"score": self._best, "tiles": sorted(self._tiles)}))
            if self._cover is not None:
                file.writestr(COVER, _jpeg(self._cover))
            for number, tile in self._tiles.items():
                file.writestr(tile_name(number), tile)


def _within(size: tuple[int, int], side: int) -> tuple[int, int]:
    """A size with the longer side of at most `side` pixels, and the same shape."""
    scale = min(1.0, side / max(size))
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def _bgr(frame: YuvFrame, size: tuple[int, int]) -> NDArray[np.uint8]:
    """The frame with `size` (width, height) in pixels: (height, width, 3), BGR, 0 to 255."""
    luma, blue, red = (
        cv2.resize(plane, size, interpolation=cv2.INTER_AREA).astype(np.float32)
        for plane in (frame.luma, frame.blue, frame.red)
    )
    by = weights(frame.matrix)
    channels = (
        by.luma * luma + by.blue_by_blue * blue + by.blue_offset,
        by.luma * luma + by.green_by_red * red + by.green_by_blue * blue + by.green_offset,
        by.luma * luma + by.red_by_red * red + by.red_offset,
    )
    picture: NDArray[np.uint8] = np.rint(np.clip(np.stack(channels, axis=-1), 0, 1) * 255).astype(np.uint8)
    return picture


def _write_time(tile: NDArray[np.uint8], seconds: float) -> None:
    """Write the time, white on black, into the lower left corner, if it fits there."""
    hours, left = divmod(int(seconds), 3600)
    time = ink(f"{hours}:{left // 60:02}:{left % 60:02}", _TIME_HEIGHT)
    height, width = time.shape
    if height < tile.shape[0] and width < tile.shape[1]:
        tile[-height:, :width] = time[:, :, np.newaxis]


def _jpeg(picture: NDArray[np.uint8]) -> bytes:
    return cv2.imencode(".jpg", picture, _JPEG)[1].tobytes()
