"""From the raw values of the detection heads to boxes ("YOLOv3: An Incremental Improvement", Redmon and Farhadi, 2018).

numpy computes in float64, whatever the precision of the engine, and only the cells whose objectness exceeds the
threshold: no other cell can give a box.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from avflow.darknet.cfg import Yolo

#: the raw heads of one image, each of shape (anchors * (5 + classes), rows, columns)
Heads = Sequence[NDArray[np.float32]]


def decode(
    heads: Heads, layers: Sequence[Yolo], input_size: tuple[int, int], threshold: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The boxes that may contain an object.

    Returns
    -------
    boxes:
        (n, 4): centre x, y, width, height, as shares of the network's input.
    scores:
        (n, classes): objectness times class probability; 0 where that does not exceed `threshold`.
    """
    parts = [_decode_head(head, layer, input_size, threshold) for head, layer in zip(heads, layers, strict=True)]
    boxes, scores = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
    return boxes, scores


def _decode_head(
    head: NDArray[np.float32], layer: Yolo, input_size: tuple[int, int], threshold: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    _, rows, columns = layer.shape
    values = head.reshape(len(layer.anchors), 5 + layer.classes, rows * columns)
    # the sigmoid is monotonic, so comparing its argument saves computing it for every cell
    anchor, cell = np.nonzero(values[:, 4] > math.log(threshold / (1 - threshold)))
    if not anchor.size:
        return np.empty((0, 4)), np.empty((0, layer.classes))
    chosen = values[anchor, :, cell].astype(np.float64)
    shares = _sigmoid(chosen)
    boxes, stretch = chosen[:, :4], layer.scale_x_y
    boxes[:, :2] = shares[:, :2] * stretch - (stretch - 1) / 2
    boxes[:, 0] += cell % columns
    boxes[:, 1] += cell // columns
    boxes[:, :2] /= columns, rows
    boxes[:, 2:] = np.exp(boxes[:, 2:]) * np.array(layer.anchors)[anchor] / input_size
    scores = shares[:, 4:5] * shares[:, 5:]
    scores[scores <= threshold] = 0.0
    return boxes, scores


def _sigmoid(values: NDArray[np.float64]) -> NDArray[np.float64]:
    # tanh does not overflow
    return 0.5 * (1 + np.tanh(values / 2))


def suppress(
    boxes: NDArray[np.float64], scores: NDArray[np.float64], overlap: float
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Greedy non-maximum suppression within each class (Darknet's `do_nms_sort`).

    Parameters
    ----------
    boxes:
        (n, 4): centre x, y, width, height.
    scores:
        (n, classes); 0 if a box is not of a class. A box may have several classes.
    overlap:
        A box is removed if its intersection over union with a better box of its class is greater. OpenCV rounds
        this limit to float32.

    Returns
    -------
    The indices and the classes of the boxes that stay, the best first.
    """
    rows, classes = np.nonzero(scores)
    if not rows.size:
        return rows, classes
    best_first = np.argsort(-scores[rows, classes], kind="stable")
    rows, classes = rows[best_first], classes[best_first]
    rectangles = np.hstack([boxes[:, :2] - boxes[:, 2:] / 2, boxes[:, 2:]])[rows]
    # OpenCV separates classes by an offset as large as the largest coordinate, and so needs coordinates from 0
    rectangles[:, :2] -= rectangles[:, :2].min(axis=0)
    # OpenCV compares scores in float32, where two different scores can be equal; their ranks never are
    ranks = range(rows.size, 0, -1)
    kept = np.array(cv2.dnn.NMSBoxesBatched(rectangles.tolist(), ranks, classes.tolist(), 0.0, overlap), np.intp)
    return rows[kept], classes[kept]


def corners(boxes: NDArray[np.float64]) -> NDArray[np.float64]:
    """Convert boxes (n, 4) from centre x, y, width, height to left, top, right, bottom, in the same unit."""
    half = boxes[:, 2:] / 2
    return np.hstack([boxes[:, :2] - half, boxes[:, :2] + half])
