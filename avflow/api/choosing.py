"""What the caller of `process`, `detect` or `transcribe` chose, checked by the table of choices."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from avflow.choices import AUTO, CHOICES, Choices, shown, spelled
from avflow.darknet.names import class_names
from avflow.errors import SettingInvalid
from avflow.media_work.requests import LoadDetector
from avflow.models.kinds import DETECTION, Precision
from avflow.models.store import ModelStore
from avflow.progress import Report
from avflow.results.names import OUTPUTS, outputs_of

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
            raise _wrong(field, value, _KINDS[field].rule) from None
    return Choices(**values)


def checked_outputs(given: str | Iterable[str]) -> tuple[str, ...]:
    """The results that are wanted, with those that are always there, in the order of `avflow.results.names.OUTPUTS`.

    Raises
    ------
    SettingInvalid
    """
    try:
        return outputs_of(_text(given if isinstance(given, str) else tuple(given)))
    except (TypeError, ValueError):
        raise _wrong("outputs", given, f"a list of {', '.join(OUTPUTS)}") from None


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
    if isinstance(value, list | tuple | set | frozenset):
        if not all(isinstance(each, str) and "," not in each for each in value):
            raise ValueError(value)
        return ",".join(value)
    if isinstance(value, bool):
        raise ValueError(value)
    return str(value)  # a number of Python or NumPy


def _wrong(field: str, value: Any, rule: str) -> SettingInvalid:
    text = value if isinstance(value, str) else repr(value)
    quoted = shown(text) if isinstance(value, str) else text[:100]
    return SettingInvalid(f"{field} is {quoted}; it must be {rule}", "Give such a value.")
