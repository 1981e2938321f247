"""Choices of words: some results of all there are."""

from __future__ import annotations

import re

import pytest

from avflow.choices import Choices
from avflow.errors import MetadataInvalid, SettingInvalid
from avflow.workflow.choosing import Chosen, of_stack, of_upload
from tests.unit.workflow.test_choices import CHOICE, REFUSED, TAKEN


@pytest.mark.parametrize(
    ("field", "text", "near"),
    [
        ("outputs", "MP4", "mp4"),
        ("outputs", "avi, srtt,vvt", "srt"),
        ("outputs", "mp4,jpeg", "jpg"),
        ("labels", "Confidense", "confidence"),
        ("speech_task", "translation", "translate"),
    ],
)
def test_a_wrong_word_is_refused_with_the_one_near_to_it(field, text, near):
    choice = CHOICE[field]
    with pytest.raises(MetadataInvalid, match=rf"; it must be {choice.kind.rule}: did you mean {near}\?$"):
        of_upload(Choices(), {choice.metadata: text}, "film.mkv")
    with pytest.raises(SettingInvalid, match=rf"^{choice.variable} is '{text}'; .*: did you mean {near}\?$"):
        of_stack({choice.variable: text})


def test_names_of_outputs_are_metadata_whatever_their_capitals():
    chosen = of_upload(Choices(), {"AVFLOW-Outputs": "=?utf-8?Q?mp4=2Cvtt?="}, "film.mkv")
    assert chosen == Chosen(Choices(outputs=("avi", "srt", "mp4", "vtt")), ("outputs",))
    with pytest.raises(MetadataInvalid, match=r"avflow-output, which has no meaning: did you mean avflow-outputs\?"):
        of_upload(Choices(), {"avflow-output": "mp4"}, "film.mkv")


def test_the_template_takes_the_same_lists_as_the_step_apart_from_blanks():
    pattern = CHOICE["outputs"].kind.pattern
    assert all(re.fullmatch(pattern, text) for text in TAKEN["outputs"] if " " not in text)
    assert not [text for text in REFUSED["outputs"] if re.fullmatch(pattern, text)]
