"""What `avflow submit` says about costs: the stack's settings, the sum, and when it asks."""

import io
import sys

import pytest

from avflow_cli.stack.estimating import VARIABLES, CostNotConfirmed, Estimate, require_consent, settings_of
from local_aws.cloudformation.sam import load
from tests.template.conftest import TEMPLATE


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    return load(TEMPLATE, {}, tmp_path_factory.mktemp("translated"))


def test_an_estimate_has_the_settings_that_the_step_has(template):
    container = template["Resources"]["FFmpegJobDefinition"]["Properties"]["ContainerProperties"]
    of_step = {each["Value"]["Ref"]: each["Name"] for each in container["Environment"] if set(each["Value"]) == {"Ref"}}
    unused = {"AWS::StackName", "SpeechModel", "Isolation"}
    assert VARIABLES.items() == {key: value for key, value in of_step.items() if key not in unused}.items()


def test_a_stack_tells_its_settings():
    settings = settings_of({"MaxRunCost": "3", "DetectorCompute": "cpu", "Outputs": "avi,srt", "FailureEmail": "a@b.c"})
    assert (settings.max_run_cost, settings.detector_compute, settings.max_segments) == (3, "cpu", 16)
    assert settings.choices.outputs == ("avi", "srt")


def test_many_cheap_videos_are_one_dear_command(monkeypatch, capsys):
    monkeypatch.setattr(sys, "stdin", io.StringIO("no\n"))
    with pytest.raises(CostNotConfirmed, match=r"The 101 runs would cost about 3\.00 US dollars"):
        require_consent([Estimate(0.03)] * 100 + [Estimate(None, "x")], None, may_ask=True)
    assert capsys.readouterr().err.endswith("without 1 whose cost is unknown. Upload? [y/N] ")


@pytest.mark.parametrize(("ask_above", "may_ask"), [(None, False), (3.0, False), (3.0, True)])
def test_what_is_not_dear_is_not_asked_for(ask_above, may_ask, monkeypatch):
    monkeypatch.setattr(sys, "stdin", None)
    require_consent([Estimate(1.0), Estimate(1.5), Estimate(None)], ask_above, may_ask=may_ask)


def test_what_costs_less_than_a_cent_is_not_nothing():
    assert Estimate(0.004).text == "estimated less than 0.01 US dollars"
    assert Estimate(0.0361).text == "estimated 0.04 US dollars"
    assert Estimate(None).text == "its cost is unknown"
