"""The kinds of models, what each kind is used for, the precisions of a detector, and the tasks of speech recognition.

It imports nothing heavy.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal, get_args

#: "fastest" is the fastest precision that keeps the boxes: bfloat16 on a CPU that has it, float16 on a GPU, else
#: float32. "int8" is for CPUs and needs a network of `Converted.quantize`; a GPU uses "fastest" instead.
Precision = Literal["fastest", "fp32", "int8"]
PRECISIONS: tuple[Precision, ...] = get_args(Precision)


#: Whisper's tasks (Radford et al. 2022, section 2.3). "translate" writes English whatever is spoken
SpeechTask = Literal["transcribe", "translate"]
SPEECH_TASKS: tuple[SpeechTask, ...] = get_args(SpeechTask)
#: the language of translations, ISO 639-1
TRANSLATED_TO = "en"


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
