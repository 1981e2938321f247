"""What the labels of boxes show. It imports nothing heavy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from avflow.media.contract import Contract

#: confidence: the class and the confidence in percent. class: the class alone. track: the class and the number of the
#: track. none: boxes without labels
Labels = Literal["confidence", "class", "track", "none"]
LABELS: tuple[Labels, ...] = get_args(Labels)


@dataclass(frozen=True)
class LabelStyle(Contract):
    """How boxes are labelled."""

    show: Labels = "confidence"
    #: factor for the height of the text and the width of the lines
    size: float = 1.0


#: the usual labels
USUAL = LabelStyle()
