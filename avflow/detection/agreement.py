"""How far two detectors agree on the same images, and how far a precision must agree with float32."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from avflow.detection.detector import Detection

#: left, top, width, height
Box = tuple[float, float, float, float]
#: the share of float32's boxes that another precision must find, and the share of its boxes that float32 must find
LEAST_AGREEMENT = 0.97


@dataclass(frozen=True)
class Agreement:
    """The agreement of a detector's boxes with those of a reference.

    Parameters
    ----------
    recall:
        Share, 0 to 1, of the reference's boxes that the detector found.
    precision:
        Share, 0 to 1, of the detector's boxes that the reference has too.
    boxes:
        Number of the reference's boxes.
    """

    recall: float
    precision: float
    boxes: int

    @classmethod
    def of(cls, reference: Sequence[Sequence[Detection]], found: Sequence[Sequence[Detection]]) -> Agreement:
        """Compare the detections in the same images, in the same order (IoU 0.5)."""
        return cls(recall(reference, found), recall(found, reference), sum(map(len, reference)))

    @property
    def suffices(self) -> bool:
        """Whether both shares reach `LEAST_AGREEMENT`."""
        return min(self.recall, self.precision) >= LEAST_AGREEMENT


def recall(
    reference: Sequence[Sequence[Detection]], found: Sequence[Sequence[Detection]], overlap: float = 0.5
) -> float:
    """Share, 0 to 1, of the reference's boxes that are in `found`; 1 if the reference has none.

    Parameters
    ----------
    reference, found:
        The detections in the same images.
    overlap:
        The least intersection over union with a box of the same class. Each box matches at most one.
    """
    hits = sum(_hits(wanted, there, overlap) for wanted, there in zip(reference, found, strict=True))
    total = sum(len(wanted) for wanted in reference)
    return hits / total if total else 1.0


def _hits(reference: Sequence[Detection], found: Sequence[Detection], overlap: float) -> int:
    rest = list(found)
    hits = 0
    for wanted in reference:
        same = [one for one in rest if one.class_id == wanted.class_id]
        overlaps = [intersection_over_union(wanted.box, one.box) for one in same]
        if overlaps and max(overlaps) >= overlap:
            rest.remove(same[overlaps.index(max(overlaps))])
            hits += 1
    return hits


def intersection_over_union(one: Box, other: Box) -> float:
    """The overlap of two boxes of left, top, width and height, 0 to 1.

    >>> intersection_over_union((0, 0, 10, 10), (5, 0, 10, 10))
    0.3333333333333333
    """
    width, height = (
        max(0.0, min(one[side] + one[side + 2], other[side] + other[side + 2]) - max(one[side], other[side]))
        for side in (0, 1)
    )
    shared = width * height
    union = one[2] * one[3] + other[2] * other[3] - shared
    return shared / union if union > 0 else 0.0
