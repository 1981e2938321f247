"""From the raw values of the detection heads to boxes ("YOLOv3: An Incremental Improvement", Redmon and Farhadi, 2018).

In float64 numpy, whatever precision the engine works in, and only for the cells whose
objectness passes the threshold: the others can't give a box.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from avflow.darknet.cfg import Yolo

#: the raw heads of one picture, each of shape (anchors * (5 + classes), rows, columns)
Heads = Sequence[NDArray[np.float32]]


def decode(
    heads: Heads, layers: Sequence[Yolo], input_size: tuple[int, int], threshold: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Boxes that may be something.

    Returns
    -------
    boxes:
        (n, 4): centre x, y, width, height, in shares of the network's input.
    scores:
        (n, classes): objectness times class probability; 0 where that isn't above `threshold`.
    """
    parts = [_decode_head(head, layer, input_size, threshold) for head, layer in zip(heads, layers, strict=True)]
    boxes, scores = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
    return boxes, scores


def _decode_head(
    head: NDArray[np.float32], layer: Yolo, input_size: tuple[int, int], threshold: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    _, rows, columns = layer.shape
    values = head.reshape(len(layer.anchors), 5 + layer.classes, rows * columns)
    # the sigmoid is monotonic: comparing before it spares taking it of every cell
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
    # by tanh, which doesn't overflow
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
        (n, classes); 0 where a box is not of a class. A box may be of several.
    overlap:
        A box goes if its intersection over union with a better one of its class is greater.

    Returns
    -------
    The indices and the classes of the boxes that stay, best first.
    """
    rows, classes = np.nonzero(scores)
    best_first = np.argsort(-scores[rows, classes], kind="stable")
    rows, classes = rows[best_first], classes[best_first]
    edges = corners(boxes)[rows]
    of_class: dict[int, list[int]] = {}
    for place, class_id in enumerate(classes.tolist()):
        of_class.setdefault(class_id, []).append(place)
    kept: list[int] = []
    for places in of_class.values():
        kept.append(places[0])
        rest = np.array(places[1:], np.intp)
        while rest.size:  # most classes have one box, and numpy's calls cost more than their work here
            rest = rest[intersection_over_union(edges[kept[-1]], edges[rest]) <= overlap]
            kept.extend(rest[:1].tolist())
            rest = rest[1:]
    kept.sort()
    return rows[kept], classes[kept]


def corners(boxes: NDArray[np.float64]) -> NDArray[np.float64]:
    """Boxes (n, 4) of centre x, y, width, height as left, top, right, bottom, in the same unit."""
    half = boxes[:, 2:] / 2
    return np.hstack([boxes[:, :2] - half, boxes[:, :2] + half])


def intersection_over_union(box: NDArray[np.float64], boxes: NDArray[np.float64]) -> NDArray[np.float64]:
    """Overlap, 0 to 1, of one box (4,) with each of `boxes` (n, 4); left, top, right, bottom."""
    sides = np.minimum(box[2:], boxes[:, 2:]) - np.maximum(box[:2], boxes[:, :2])
    np.maximum(sides, 0.0, out=sides)
    shared: NDArray[np.float64] = sides[:, 0] * sides[:, 1]
    extents = boxes[:, 2:] - boxes[:, :2]
    union = (box[2] - box[0]) * (box[3] - box[1]) + extents[:, 0] * extents[:, 1] - shared
    return shared / np.where(union > 0, union, 1.0)
