"""The kinds of models, and what each kind is used for."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """The engine that reads a model's files: the word `kind` of `models.toml`."""

    YOLOV3 = "yolov3"
    WHISPER = "whisper"
    POCKETSPHINX = "pocketsphinx"


@dataclass(frozen=True)
class Use:
    """What a model is used for.

    Parameters
    ----------
    name:
        The word for such a model in messages, in the singular.
    kinds:
        The kinds of models that can be used for it.
    """

    name: str
    kinds: tuple[Kind, ...]


DETECTION = Use("detector", (Kind.YOLOV3,))
SPEECH = Use("speech model", (Kind.WHISPER, Kind.POCKETSPHINX))
