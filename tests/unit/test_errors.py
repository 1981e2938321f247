"""Every failure reads as sentences: first what is wrong, then what to do."""

from __future__ import annotations

import os
import pickle

import pytest

from avflow.errors import AvflowError, InvalidMedia, ModelUnavailable


def every_class(base: type[AvflowError] = AvflowError) -> list[type[AvflowError]]:
    return [base, *(found for child in base.__subclasses__() for found in every_class(child))]


@pytest.mark.parametrize(
    ("message", "sentence"),
    [
        ("a.mkv has 0 bytes", "a.mkv has 0 bytes."),
        ("a.mkv has 0 bytes.", "a.mkv has 0 bytes."),
        ("FFmpeg ended: moov atom not found\n", "FFmpeg ended: moov atom not found."),
        ("Is a.mkv whole?", "Is a.mkv whole?"),
        ("Stop!", "Stop!"),
        ("a.mkv (AVI)", "a.mkv (AVI)."),
        ("No source has a.bin:\n- one: 404\n- two: timed out", "No source has a.bin:\n- one: 404\n- two: timed out."),
    ],
)
@pytest.mark.parametrize("kind", every_class(), ids=lambda kind: kind.__name__)
def test_a_message_is_a_whole_sentence(kind, message, sentence):
    error = kind(message)
    assert (error.message, str(error), error.to_dict()["message"]) == (sentence, sentence, sentence)


@pytest.mark.parametrize("kind", every_class(), ids=lambda kind: kind.__name__)
def test_each_class_says_what_to_do(kind):
    assert kind.advice.endswith(".")
    assert kind("x").to_dict() == {"error": kind.__name__, "message": "x.", "advice": kind.advice}
    assert kind("x", "Do that.").advice == "Do that."


def test_an_invalid_upload_ends_a_job_with_the_exit_status_for_bad_data():
    assert {kind.exit_code for kind in every_class(InvalidMedia)} == {os.EX_DATAERR}


def test_an_error_survives_pickling_between_processes():
    error = pickle.loads(pickle.dumps(ModelUnavailable("x", "Do that.")))
    assert (error.message, error.advice) == ("x.", "Do that.")
