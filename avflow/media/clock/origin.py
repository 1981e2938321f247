"""Names the streams of a copy of joined recordings as the upload names them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Origin:
    """The upload that a file was joined from."""

    path: Path
    #: index of a stream in the upload by its index in the copy
    numbers: Mapping[int, int] = field(default_factory=dict)
    #: whether it has a single clock, of which the copy only repairs times
    continuous: bool = False


def number(stream: Any, numbers: Mapping[int, int]) -> int:
    """The index that a user knows a stream by."""
    index: int = stream.index
    return numbers.get(index, index)
