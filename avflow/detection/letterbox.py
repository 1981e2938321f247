"""From a picture to the network's input, and from the network's boxes back to the picture.

Does what Darknet does (`letterbox_image`, `resize_image` and `correct_yolo_boxes` in its source):
the picture is scaled to fit, aspect kept, by bilinear interpolation with *corners* aligned,
and lies in the middle of a grey input. cv2.resize aligns pixel edges instead, which moves
confidences by 0.02 to 0.03.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

#: (height, width, 3), BGR
Frame = NDArray[np.uint8]
#: (3, height, width), RGB, 0 to 1: one picture as the network takes it
Blob = NDArray[np.float32]

GREY = 0.5


@dataclass(frozen=True)
class Letterbox:
    """Where a picture lies in the network's input. All sizes are (width, height) in pixels."""

    frame_size: tuple[int, int]
    input_size: tuple[int, int]
    #: of the scaled picture within the input
    scaled_size: tuple[int, int]

    @classmethod
    def fit(cls, frame_size: tuple[int, int], input_size: tuple[int, int], keep_aspect: bool = True) -> Letterbox:
        """Fit a picture into the input: aspect kept as pjreddie's Darknet does, or stretched as AlexeyAB's."""
        (width, height), (input_width, input_height) = frame_size, input_size
        if not keep_aspect:
            return cls(frame_size, input_size, input_size)
        if input_width * height < input_height * width:
            scaled = (input_width, max(1, height * input_width // width))
        else:
            scaled = (max(1, width * input_height // height), input_height)
        return cls(frame_size, input_size, scaled)

    def blob(self, frame: Frame) -> Blob:
        """The network's input for a frame of `frame_size`."""
        (width, height), (input_width, input_height) = self.scaled_size, self.input_size
        rows, map_x, map_y = _sampling(self.frame_size, self.scaled_size)
        # in float: rounding the scaled picture to 8 bits alone moves confidences by up to 0.02
        scaled = cv2.remap(frame[rows].astype(np.float32), map_x, map_y, cv2.INTER_LINEAR, None, cv2.BORDER_REPLICATE)
        blob = np.full((3, input_height, input_width), GREY, np.float32)
        left, top = (input_width - width) // 2, (input_height - height) // 2
        inside = blob[:, top : top + height, left : left + width]
        np.multiply(scaled[..., ::-1].transpose(2, 0, 1), np.float32(1 / 255), out=inside)
        return blob

    def to_frame(self, boxes: NDArray[np.float64]) -> NDArray[np.float64]:
        """Boxes (n, 4) of centre x, y, width, height, in shares of the input, in pixels of the frame."""
        frame, whole, scaled = (np.array(size, float) for size in (self.frame_size, self.input_size, self.scaled_size))
        centre = (boxes[:, :2] * whole - (whole - scaled) / 2) / scaled * frame
        return np.hstack([centre, boxes[:, 2:] * whole / scaled * frame])


@lru_cache(maxsize=16)
def _sampling(
    source: tuple[int, int], target: tuple[int, int]
) -> tuple[NDArray[np.intp], NDArray[np.float32], NDArray[np.float32]]:
    """Where each pixel of the scaled picture lies: the two rows around each of its rows, and x and y among these.

    Only these rows need to become float, which of a large picture are few.
    """
    x, y = (
        np.arange(new) * ((old - 1) / (new - 1) if new > 1 else 0.0) for old, new in zip(source, target, strict=True)
    )
    above = np.floor(y).astype(np.intp)
    rows = np.stack([above, np.minimum(above + 1, source[1] - 1)], axis=1).ravel()
    map_x, map_y = np.meshgrid(x, 2 * np.arange(target[1]) + y - above)
    return rows, map_x.astype(np.float32), map_y.astype(np.float32)
