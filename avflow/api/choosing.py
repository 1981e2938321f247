"""What the caller of `process`, `detect` or `transcribe` chose, checked by the table of choices."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from avflow.choices import AUTO, CHOICES, Choices, refusal, shown, spelled, written
from avflow.darknet.names import class_names
from avflow.errors import SettingInvalid
from avflow.media_work.requests import LoadDetector
from avflow.models.kinds import DETECTION, Precision
from avflow.models.store import ModelStore
from avflow.progress import Report

_KINDS = {choice.field: choice.kind for choice in CHOICES}


def checked(**given: Any) -> Choices:
    """The choices, by the names of their fields. None leaves a default.

    Raises
    ------
    SettingInvalid
        A value is not allowed. The message says what is.
    """
    values = {}
    for field, value in given.items():
        if value is None:
            continue
        try:
            values[field] = _KINDS[field].read(_text(value))
        except ValueError:
            raise _wrong(field, value) from None
    return Choices(**values)


def spoken_language(language: str | None) -> str | None:
    """The language, or None to detect it."""
    return None if language == AUTO else language


def checked_detector(model: str, choices: Choices, precision: Precision, report: Report) -> LoadDetector:
    """The request to load a detector, whose model is fetched if it is not here.

    Raises
    ------
    ModelUnknown, ModelUnavailable
    SettingInvalid
        The detector has no such class.
    """
    store = ModelStore()
    store.require(model, DETECTION)
    store.fetch(model, report)
    asked = LoadDetector(model, precision, gpu=False, confidence=choices.confidence, nms=choices.nms)
    if choices.classes and (names := class_names(model, store)):
        try:
            return replace(asked, classes=spelled(choices.classes, names, model))
        except ValueError as error:
            raise SettingInvalid(f"A class is wrong: {error}", "Name classes as the model does.") from None
    return asked


def _text(value: Any) -> str:
    """A value in the form that the table of choices reads. Raises ValueError if it has none."""
    if isinstance(value, str):
        return value
    if isinstance(value, Iterable):
        words = [*value]
        if not all(isinstance(each, str) and "," not in each for each in words):
            raise ValueError(words)
        return ",".join(words)
    if isinstance(value, bool):
        return written(value)
    return str(value)  # a number of Python or NumPy


def _wrong(field: str, value: Any) -> SettingInvalid:
    text = value if isinstance(value, str) else repr(value)
    quoted = shown(text) if isinstance(value, str) else text[:100]
    return SettingInvalid(f"{field} is {quoted}; it {refusal(_KINDS[field], text)}", "Give such a value.")
