"""`avflow models check`: which models it means, what it prints, and its exit status."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from avflow_cli.model_check import of_the_stack, run
from tests.model_server import CONTENT, SHA
from tests.unit.models.conftest import server  # noqa: F401 - a fixture
from tests.unit.models.test_store import manifest

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize(
    ("samconfig", "models"),
    [
        (None, ["yolov3", "whisper-small"]),
        ("version = 0.1", ["yolov3", "whisper-small"]),
        ('[default.global.parameters]\nparameter_overrides = "Yolov3Model=yolov3-tiny SpeechModel=whisper-base"',
         ["yolov3-tiny", "whisper-base"]),
        ('[default.global.parameters]\nparameter_overrides = "DetectorCompute=cpu SpeechModel=\\"whisper-base\\""',
         ["yolov3", "whisper-base"]),
        ('[default.global.parameters]\nparameter_overrides = ["Yolov3Model=cats", "FailureEmail=a@example.com"]',
         ["cats", "whisper-small"]),
        ('[default.global.parameters]\nparameter_overrides = "Yolov3Model=cats SpeechModel=whisper-base"\n'
         '[default.build.parameters]\nparameter_overrides = "Yolov3Model=yolov3-tiny"',
         ["yolov3-tiny", "whisper-small"]),  # as a whole
        ('[default.global.parameters]\nparameter_overrides = "ParameterKey=Yolov3Model,ParameterValue=cats '
         'ParameterKey=SpeechModel,ParameterValue=whisper-base"', ["cats", "whisper-base"]),
        ('[default.build.parameters.parameter_overrides]\nSpeechModel = "whisper-base"', ["yolov3", "whisper-base"]),
    ],
)  # fmt: skip
def test_the_models_of_the_next_build_are_meant(tmp_path, samconfig, models):
    (tmp_path / "template.yaml").write_text((ROOT / "template.yaml").read_text())
    if samconfig:
        (tmp_path / "samconfig.toml").write_text(samconfig)
    assert of_the_stack(tmp_path) == models


@pytest.fixture
def checked(server, tmp_path, monkeypatch, capsys):  # noqa: F811
    """A function that checks a model with sources on the host. Returns the status and what was printed."""
    monkeypatch.setenv("AVFLOW_MODELS", str(tmp_path / "cache"))

    def checked(*paths):
        monkeypatch.setenv("AVFLOW_MODELS_TOML", str(manifest(tmp_path, *map(server.url, paths))))
        status = run(["tiny"], tmp_path / "models")
        return status, capsys.readouterr()

    return checked


def test_a_model_that_can_be_had_is_there_afterwards(checked, server, tmp_path):  # noqa: F811
    status, told = checked("moved", "good")
    assert status == os.EX_OK
    assert told.out.splitlines() == [
        f"  model.bin from {server.url('moved')}: redirects to a web page, {server.url('page')}",
        f"  model.bin from {server.url('good')}: answers",
        f"tiny: ok, in {tmp_path}/models/tiny, sha256 verified",
    ]
    assert (tmp_path / "models" / "tiny" / "model.bin").read_bytes() == CONTENT


def test_a_model_that_nobody_has_ends_with_what_to_do(checked, tmp_path):
    status, told = checked("404")
    assert status == os.EX_UNAVAILABLE
    assert told.err.startswith("tiny: MISSING: No source has model.bin.\nCheck the network.")
    assert f"{tmp_path}/models/tiny/model.bin: 512000 bytes, sha256 {SHA}" in told.err


def test_a_slow_host_gives_a_status_of_its_own(checked, monkeypatch):
    monkeypatch.setattr("avflow.models.checking.LIMIT_SECONDS", 2.0)
    monkeypatch.setattr("avflow.models.checking.check.__defaults__", (lambda _: None, 2.0))
    status, told = checked("trickles")
    assert status == os.EX_TEMPFAIL
    assert told.err.startswith("tiny: NOT FINISHED: fetch model.bin: 0.")


def test_the_build_with_podman_begins_with_it():
    text = (ROOT / "scripts" / "containers" / "build").read_text()
    assert text.index("avflow models check") < text.index("scripts/containers/setup)")
    assert "|| [ $? -eq 75 ]" in text, "the build goes on with what is too slow for a minute"


def test_the_command_knows_its_names():
    done = subprocess.run(
        [sys.executable, "-m", "avflow_cli.main", "models", "check", "yolov9"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == os.EX_USAGE
    assert "yolov9" in done.stderr
