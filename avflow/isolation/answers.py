"""Reads what a media process says. It may have been taken over, so every line is checked before it is believed."""

from __future__ import annotations

import json
import math
import os
import re
import select
import time
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from fractions import Fraction
from functools import cache
from types import NoneType, UnionType
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from avflow import errors
from avflow.errors import AvflowError, MediaAnswerInvalid, MediaWorkFailed
from avflow.filenames import printable
from avflow.isolation.ranges import RangedSource
from avflow.media.contract import Contract
from avflow.progress import Progress

A = TypeVar("A", bound=Contract)

#: longest line in bytes; the transcript of an hour of speech has about one million
LINE_BYTES = 32 << 20
#: longest text in a line, in characters
TEXT = 20_000
_NUMBER = 10**15
_FRACTION = re.compile(r"-?\d{1,15}/[1-9]\d{0,14}")
_READ_BYTES = 1 << 16
#: what the names in progress look like
_WORD = re.compile(r"[a-z0-9 ]{1,40}")
#: the errors that a media process may end with: none that moves a step, or blames the bucket or the workflow
MAY_RAISE: Mapping[str, type[AvflowError]] = {
    kind.__name__: kind
    for kind in (
        *(kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, errors.InvalidMedia)),
        errors.ScratchFull,
        errors.MemoryExhausted,
        errors.FFmpegFailed,
        errors.FrameCountMismatch,
        errors.DarknetModelInvalid,
        errors.GpuUnavailable,
        errors.ModelUnknown,
        errors.ModelUnavailable,
        errors.ModelManifestInvalid,
        errors.PrecisionUnsuitable,
        errors.SettingInvalid,
    )
}


class Lines:
    """The lines of a pipe, of at most `most` bytes each."""

    def __init__(self, pipe: int, most: int = LINE_BYTES) -> None:
        self._pipe, self._most, self._rest = pipe, most, bytearray()
        #: whether the other side has closed the pipe
        self.ended = False

    def next(self, seconds: float) -> bytes | None:
        """The next line, without its end; None if it takes longer than about `seconds`, or if the pipe has ended."""
        line = self._cut(0)
        if line is not None or self.ended:
            return line
        if not select.select([self._pipe], [], [], seconds)[0]:
            return None
        read = os.read(self._pipe, _READ_BYTES)
        self.ended = not read
        searched = len(self._rest)
        self._rest += read
        return self._cut(searched)

    def _cut(self, searched: int) -> bytes | None:
        end = self._rest.find(b"\n", searched)
        if end < 0:
            if len(self._rest) > self._most:
                raise MediaAnswerInvalid(f"The media process sent a line of more than {self._most >> 20} MB")
            return None
        line = bytes(self._rest[:end])
        del self._rest[: end + 1]
        return line


def message(line: bytes) -> tuple[str, Any]:
    """The kind and the value of a message.

    Raises
    ------
    MediaAnswerInvalid
    """
    try:
        value = json.loads(line, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        found = printable(repr(error)[:200])
        raise MediaAnswerInvalid(f"The media process sent a line that is not JSON: {found}") from None
    if not isinstance(value, dict) or len(value) != 1:
        raise MediaAnswerInvalid("The media process sent a line that is not a message")
    return next(iter(value.items()))


def _refuse_constant(name: str) -> float:
    raise ValueError(f"{name} is not a number")


def progress(value: Any) -> Progress:
    """A progress report.

    Raises
    ------
    MediaAnswerInvalid
    """
    _require(isinstance(value, dict) and value.keys() == {"step", "done", "total", "unit", "rate"}, "progress")
    numbers = (value["done"], value["rate"], *([] if value["total"] is None else [value["total"]]))
    _require(all(_is_number(number) for number in numbers), "progress")
    _require(
        all(isinstance(value[name], str) and _WORD.fullmatch(value[name]) for name in ("step", "unit")), "progress"
    )
    return Progress(**value)


def needed(value: Any, source: RangedSource | None) -> tuple[int, int]:
    """The bytes `[first, end)` of the source that the process waits for.

    Raises
    ------
    MediaAnswerInvalid
        There is no such source or range, or the last request has no answer yet.
    """
    numbers = isinstance(value, list) and len(value) == 2 and all(type(number) is int for number in value)
    _require(source is not None and not source.is_busy and numbers and 0 <= value[0] < value[1] <= source.size, "range")
    return value[0], value[1]


def error(value: Any, what: str) -> AvflowError:
    """The error that ended the work: one of `MAY_RAISE`, or MediaWorkFailed. `what` is what the work was.

    Raises
    ------
    MediaAnswerInvalid
    """
    _require(isinstance(value, dict) and all(isinstance(text, str) for text in value.values()), "error")
    texts = {name: text[:TEXT] for name, text in value.items()}
    if texts.get("error") == "unexpected" and texts.keys() == {"error", "message", "trace"}:
        failed = MediaWorkFailed(f"{what} failed: {texts['message']}")
        failed.add_note(printable(texts["trace"], keep="\n"))
        return failed
    _require(texts.keys() == {"error", "message", "advice"} and texts["error"] in MAY_RAISE, "error")
    return MAY_RAISE[texts["error"]](texts["message"], texts["advice"])


def read(kind: type[A], value: Any) -> A:
    """An answer of the class `kind`: every field has its type, numbers are finite, and texts are short and printable.

    Raises
    ------
    MediaAnswerInvalid
    """
    checked = _checked(kind, value, kind.__name__)
    try:
        return kind.from_dict(checked)
    except Exception as error:  # whatever a class's own checks raise
        raise MediaAnswerInvalid(f"The media process sent an invalid {kind.__name__}: {error!r}") from None


def _require(holds: bool, what: str) -> None:
    if not holds:
        raise MediaAnswerInvalid(f"The media process sent an invalid {what}")


def _is_number(value: Any) -> bool:
    return type(value) in (int, float) and math.isfinite(value) and abs(value) <= _NUMBER


@cache
def _hints(kind: type) -> dict[str, Any]:
    return get_type_hints(kind)


def _checked(kind: Any, value: Any, where: str) -> Any:
    """The JSON value, if it is one of the type `kind`, with its texts made printable."""
    if is_dataclass(kind):
        return _checked_fields(kind, value, where)
    check = _CHECKS.get(get_origin(kind) or kind)
    if check is None:
        raise TypeError(f"{where} has the type {kind}, which no answer may have")
    return check(get_args(kind), value, where)


def _one_of(kinds: tuple[Any, ...], value: Any, where: str) -> Any:
    if value is None:
        _require(NoneType in kinds, where)
        return None
    (kind,) = (kind for kind in kinds if kind is not NoneType)
    return _checked(kind, value, where)


def _checked_fields(kind: Any, value: Any, where: str) -> dict[str, Any]:
    _require(isinstance(value, dict), where)
    found = {}
    for each in fields(kind):
        name = each.metadata.get("alias") or each.name
        if name in value:
            found[name] = _checked(_hints(kind)[each.name], value[name], f"{where}.{each.name}")
    return found


def _choice(kinds: tuple[Any, ...], value: Any, where: str) -> Any:
    _require(isinstance(value, str) and value in kinds, where)
    return value


def _items(kinds: tuple[Any, ...], value: Any, where: str) -> list[Any]:
    _require(isinstance(value, list), where)
    if kinds[-1] is Ellipsis:
        return [_checked(kinds[0], each, where) for each in value]
    _require(len(value) == len(kinds), where)
    return [_checked(kind, each, where) for kind, each in zip(kinds, value, strict=True)]


def _members(kinds: tuple[Any, ...], value: Any, where: str) -> dict[str, Any]:
    _require(isinstance(value, dict), where)
    return {_text((), name, where): _checked(kinds[1], each, where) for name, each in value.items()}


def _text(_: tuple[Any, ...], value: Any, where: str) -> str:
    _require(isinstance(value, str) and len(value) <= TEXT, where)
    return printable(value, keep="\n")


def _number(_: tuple[Any, ...], value: Any, where: str) -> Any:
    _require(_is_number(value), where)
    return value


def _whole(_: tuple[Any, ...], value: Any, where: str) -> Any:
    _require(type(value) is int and abs(value) <= _NUMBER, where)
    return value


def _truth(_: tuple[Any, ...], value: Any, where: str) -> Any:
    _require(isinstance(value, bool), where)
    return value


def _fraction(_: tuple[Any, ...], value: Any, where: str) -> Any:
    _require(isinstance(value, str) and _FRACTION.fullmatch(value) is not None, where)
    return value


#: by type, or by its origin: what checks a value
_CHECKS: Mapping[Any, Callable[[tuple[Any, ...], Any, str], Any]] = {
    str: _text,
    float: _number,
    int: _whole,
    bool: _truth,
    Fraction: _fraction,
    tuple: _items,
    dict: _members,
    Literal: _choice,
    Union: _one_of,
    UnionType: _one_of,
}


class Throttle:
    """Lets one progress report pass every `seconds`: a flood of them would fill the log."""

    def __init__(self, seconds: float) -> None:
        self._seconds, self._next = seconds, 0.0

    def passes(self) -> bool:
        """Whether it is time for another."""
        now = time.monotonic()
        if now < self._next:
            return False
        self._next = now + self._seconds
        return True
