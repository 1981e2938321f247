"""An engine without a package for this platform is refused before any work begins."""

import sys

import pytest

from avflow.errors import ModelUnavailable, SettingInvalid
from avflow.models.store import ModelStore
from avflow.speech import open_engine, require_engine
from avflow_cli.main import main
from tests.speech_samples import SAMPLE

REFUSAL = (
    rf"pocketsphinx-en-us needs PocketSphinx, which has no package for Python 3\.{sys.version_info.minor} on this "
    r"platform\."
)


@pytest.fixture
def absent(monkeypatch):
    monkeypatch.setitem(sys.modules, "pocketsphinx", None)


@pytest.mark.usefixtures("absent")
@pytest.mark.parametrize("ask", [require_engine, open_engine])
def test_an_engine_that_is_not_installed_is_named(ask, tmp_path):
    with pytest.raises(ModelUnavailable, match=REFUSAL) as refused:
        ask("pocketsphinx-en-us", ModelStore(tmp_path))
    assert "SPEECH_MODEL=whisper-base" in refused.value.advice
    assert list(tmp_path.iterdir()) == [], "nothing was fetched for it"


@pytest.mark.usefixtures("absent")
def test_whisper_needs_no_pocketsphinx(tmp_path):
    require_engine("whisper-tiny.en", ModelStore(tmp_path))


@pytest.mark.usefixtures("absent")
@pytest.mark.parametrize(
    "arguments",
    [
        ["models", "fetch", "pocketsphinx-en-us"],
        ["run", "--speech-model", "pocketsphinx-en-us", "--out", "{out}", "--", str(SAMPLE)],
    ],
    ids=lambda arguments: arguments[0],
)
def test_the_command_line_refuses_it_at_once(arguments, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("AVFLOW_MODELS", str(tmp_path / "models"))
    monkeypatch.setattr("avflow_cli.deployment.LocalAws", None)  # a run would call it
    assert main([argument.format(out=tmp_path / "out") for argument in arguments]) == ModelUnavailable.exit_code
    err = capsys.readouterr().err
    assert err.startswith("avflow: ModelUnavailable: The model pocketsphinx-en-us needs PocketSphinx")
    assert len(err.splitlines()) == 1
    assert not (tmp_path / "models").exists()


@pytest.mark.parametrize(
    "command", [["run", "--out", "{out}", "--", str(SAMPLE)], ["up", "--port", "0"]], ids=lambda it: it[0]
)
def test_the_command_line_refuses_at_once_to_translate_with_a_model_of_english(command, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("AVFLOW_MODELS", str(tmp_path / "models"))
    monkeypatch.setattr("avflow_cli.deployment.LocalAws", None)  # a run would call it
    name, *rest = (argument.format(out=tmp_path / "out") for argument in command)
    options = ["--speech-model", "whisper-tiny.en", "--speech-task", "translate"]
    assert main([name, *options, *rest]) == SettingInvalid.exit_code
    err = capsys.readouterr().err
    assert err.startswith("avflow: SettingInvalid: SPEECH_TASK is 'translate', but the model whisper-tiny.en knows one")
    assert "SPEECH_MODEL=whisper-base" in err
    assert not (tmp_path / "models").exists()
