"""Answers are believed only if every field has its type, a finite value and a printable text."""

from __future__ import annotations

import inspect
import json
from dataclasses import fields, is_dataclass
from fractions import Fraction
from types import NoneType
from typing import Literal, get_args, get_origin, get_type_hints

import pytest

from avflow import errors
from avflow.errors import AvflowError, MediaAnswerInvalid
from avflow.isolation import answers
from avflow.isolation.policy import Isolation
from avflow.media.model import Media
from avflow.media_work.requests import REQUESTS, Annotated, Described, Recognised, SoundExtracted
from tests.unit.workflow.test_reports import GOLDEN

MEDIA = json.loads((GOLDEN / "media.json").read_text(encoding="utf-8"))["input"]


def changed(path: str, value: object) -> dict[str, object]:
    """A description with one value changed."""
    media = json.loads(json.dumps(MEDIA))
    *folders, name = path.split(".")
    where = media
    for folder in folders:
        where = where[int(folder)] if isinstance(where, list) else where[folder]
    where[name] = value
    return {"media": media, "joined": False}


def test_a_true_answer_is_read():
    assert answers.read(Described, {"media": MEDIA, "joined": False}).media == Media.from_dict(MEDIA)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("container", 1),
        ("container", ["mp4"]),
        ("container", "x" * 30_000),
        ("size", "847994"),
        ("size", 1.5),
        ("size", True),
        ("size", 10**400),
        ("duration", None),
        ("duration", "11"),
        ("duration", 1e300),
        ("continuous", 1),
        ("picture", []),
        ("picture.average_rate", "1e999999999"),
        ("picture.average_rate", "10/0"),
        ("picture.average_rate", 10),
        ("picture.average_rate", "9" * 4000 + "/1"),
        ("picture.frames", {"n": 1}),
        ("notices", "none"),
        ("notices", [1]),
        ("notices", [{"name": "Truncated"}]),
        ("tracks", {"0": {}}),
    ],
)
def test_a_value_of_another_type_is_named(path, value):
    with pytest.raises(MediaAnswerInvalid):
        answers.read(Described, changed(path, value))


def test_control_codes_of_a_text_are_shown():
    read = answers.read(Described, changed("container", "a\x1b]0;title\x07"))
    assert read.media.container == r"a\x1b]0;title\x07"


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (SoundExtracted, {"spans": [[0, 1]], "notices": []}),
        (Annotated, {"frames": 1, "objects": {"dog": "1"}, "frames_with": {}, "damaged_frames": 0, "notices": []}),
        (Annotated, {"frames": 1, "objects": [], "frames_with": {}, "damaged_frames": 0, "notices": []}),
        (Recognised, {"utterances": [{"words": [{"start": 0, "end": "x", "text": "a"}]}], "duration": 1.0,
                      "language": "en", "notices": []}),
        (Isolation, {"process": True}),
    ],
)  # fmt: skip
def test_other_answers_are_checked_too(kind, value):
    with pytest.raises(MediaAnswerInvalid):
        answers.read(kind, value)


def leaves(kind):
    """The types that a value of this type consists of in the end."""
    if is_dataclass(kind):
        hints = get_type_hints(kind)
        return {leaf for field in fields(kind) for leaf in leaves(hints[field.name])}
    if get_origin(kind) is Literal or not get_args(kind):
        return {get_origin(kind) or kind}
    return {leaf for argument in get_args(kind) if argument is not Ellipsis for leaf in leaves(argument)}


@pytest.mark.parametrize("request_kind", REQUESTS.values(), ids=REQUESTS)
def test_every_answer_has_only_types_that_are_checked(request_kind):
    """A field of a type without a check is a fault of the code: it is found here, not in a run."""
    assert leaves(request_kind.answer) <= {str, float, int, bool, Fraction, Literal, NoneType}


def test_errors_that_a_media_process_may_raise_move_no_step_and_blame_nobody_else():
    kinds = {name for name, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, AvflowError)}
    assert set(answers.MAY_RAISE) <= kinds
    forbidden = {"LambdaBudgetExceeded", "SourceMissing", "StorageUnavailable", "IsolationUnavailable"}
    assert not forbidden & set(answers.MAY_RAISE)
    assert {name for name in kinds if name.startswith("InvalidMedia")} <= set(answers.MAY_RAISE)


def test_an_error_keeps_its_name_message_and_advice():
    raised = answers.error({"error": "InvalidMediaTooLong", "message": "too\x1b long", "advice": "cut it"}, "describe")
    assert raised.to_dict() == {"error": "InvalidMediaTooLong", "message": r"too\x1b long.", "advice": "cut it"}
