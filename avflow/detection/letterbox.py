"""From a frame to the network's input, and from the network's boxes back to the frame.

This does what Darknet does (`letterbox_image`, `resize_image` and `correct_yolo_boxes` in its source). It scales the
frame to fit the input, keeps the aspect ratio, interpolates bilinearly with *corners* aligned, and centres the result
on grey. cv2.resize aligns pixel edges instead, which changes confidences by 0.02 to 0.03.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from avflow.cores import MOST_CODEC_THREADS, usable_cores
from avflow.video.yuv import YuvFrame, weights

#: (height, width, 3), BGR
Frame = NDArray[np.uint8]
#: (3, height, width), RGB, 0 to 1: one image as the network reads it
Blob = NDArray[np.float32]

GREY = 0.5

# OpenCV would use all visible cores, and one image is too little work for many cores
cv2.setNumThreads(min(usable_cores(), MOST_CODEC_THREADS))
_INVERSE_LINEAR = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP


@dataclass(frozen=True)
class Letterbox:
    """The place of a frame in the network's input. All sizes are (width, height) in pixels."""

    frame_size: tuple[int, int]
    input_size: tuple[int, int]
    #: of the scaled frame within the input
    scaled_size: tuple[int, int]

    @classmethod
    def fit(cls, frame_size: tuple[int, int], input_size: tuple[int, int], keep_aspect: bool = True) -> Letterbox:
        """Fit a frame into the input: with its aspect ratio, as pjreddie's Darknet, or stretched, as AlexeyAB's."""
        (width, height), (input_width, input_height) = frame_size, input_size
        if not keep_aspect:
            return cls(frame_size, input_size, input_size)
        if input_width * height < input_height * width:
            scaled = (input_width, max(1, height * input_width // width))
        else:
            scaled = (max(1, width * input_height // height), input_height)
        return cls(frame_size, input_size, scaled)

    def blob(self, picture: Frame | YuvFrame) -> Blob:
        """The network's input for a frame of `frame_size`."""
        (width, height), (input_width, input_height) = self.scaled_size, self.input_size
        blob = np.empty((3, input_height, input_width), np.float32)
        left, top = (input_width - width) // 2, (input_height - height) // 2
        blob[:, :top], blob[:, top + height :] = GREY, GREY
        blob[:, :, :left], blob[:, :, left + width :] = GREY, GREY
        inside = blob[:, top : top + height, left : left + width]
        if isinstance(picture, YuvFrame):
            self._scale_yuv(picture, inside)
        else:
            # in float, because rounding the scaled frame to 8 bits changes confidences by up to 0.02
            scaled = self._resampled(np.ascontiguousarray(picture).astype(np.float32))
            np.multiply(scaled[..., ::-1].transpose(2, 0, 1), np.float32(1 / 255), out=inside)
        return blob

    def _scale_yuv(self, picture: YuvFrame, inside: NDArray[np.float32]) -> None:
        """Scale each plane separately, and convert to RGB afterwards, when there are fewer pixels."""
        luma = self._resampled(picture.luma.astype(np.float32))
        # cv2.resize is ten times faster; it shifts chroma at the edges by a pixel, which chroma's resolution hides
        blue, red = (
            cv2.resize(plane.astype(np.float32), self.scaled_size, interpolation=cv2.INTER_LINEAR)
            for plane in (picture.blue, picture.red)
        )
        of = weights(picture.matrix)
        cv2.addWeighted(luma, of.luma, red, of.red_by_red, of.red_offset, inside[0])
        cv2.addWeighted(luma, of.luma, red, of.green_by_red, of.green_offset, inside[1])
        cv2.scaleAdd(blue, of.green_by_blue, inside[1], inside[1])
        cv2.addWeighted(luma, of.luma, blue, of.blue_by_blue, of.blue_offset, inside[2])
        np.clip(inside, 0, 1, out=inside)

    def _resampled(self, plane: NDArray[np.float32]) -> NDArray[np.float32]:
        """`plane`, one or three channels, at the scaled size."""
        across, down = (
            (old - 1) / (new - 1) if new > 1 else 0.0
            for old, new in zip(self.frame_size, self.scaled_size, strict=True)
        )
        matrix = np.array([[across, 0, 0], [0, down, 0]])
        scaled = cv2.warpAffine(plane, matrix, self.scaled_size, flags=_INVERSE_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        return scaled.astype(np.float32, copy=False)

    def to_frame(self, boxes: NDArray[np.float64]) -> NDArray[np.float64]:
        """Convert boxes (n, 4) of centre x, y, width, height from shares of the input to pixels of the frame."""
        frame, whole, scaled = (np.array(size, float) for size in (self.frame_size, self.input_size, self.scaled_size))
        centre = (boxes[:, :2] * whole - (whole - scaled) / 2) / scaled * frame
        return np.hstack([centre, boxes[:, 2:] * whole / scaled * frame])
