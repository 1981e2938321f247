"""The grammar of the command line, its exit statuses, and what it prints for wrong usage."""

import os
import subprocess
import sys
import tomllib
from dataclasses import fields
from pathlib import Path
from typing import get_args

import pytest

from avflow.choices import OF_STACK
from avflow.detection.opening import Precision
from avflow.results.names import OUTPUTS
from avflow_cli.deployment import DeploymentOptions
from avflow_cli.main import avflow, main
from avflow_cli.options import PRECISIONS

ROOT = Path(__file__).parents[3]


def usage(capsys, *arguments):
    """The exit status, and what is printed last."""
    status = main(arguments)
    captured = capsys.readouterr()
    return status, (captured.out + captured.err).splitlines()[-1]


def parsed(command, *arguments):
    """The values of a command's options."""
    return avflow.commands[command].make_context(command, list(arguments)).params


def test_the_version_is_the_packages(capsys):
    version = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    assert usage(capsys, "--version") == (0, f"av-workflow {version}")


@pytest.mark.parametrize(
    ("option", "variable", "least", "most"),
    [
        ("--lambda-memory", " (env var: 'LAMBDA_MEMORY')", 128, 10240),
        ("--lambda-timeout", " (env var: 'LAMBDA_TIMEOUT')", 1, 900),
        ("--lambda-tmp", " (env var: 'LAMBDA_TMP')", 1, 10240),
        ("--lambda-concurrency", " (env var: 'LAMBDA_CONCURRENCY')", 1, 100_000),
        ("--segment-seconds", " (env var: 'SEGMENT_SECONDS')", 1, 86400),
        ("--port", "", 0, 65535),
    ],
)
def test_numbers_out_of_bounds_are_refused_with_the_bounds(capsys, option, variable, least, most):
    for value in (least - 1, most + 1, "soon", "nan", "inf", "-1e3", ""):
        status, said = usage(capsys, "up", f"{option}={value}")
        assert status == os.EX_USAGE
        assert f"'{option}'{variable}: '{value}' is not a " in said
        assert said.endswith(f"number from {least} to {most}.")
    for value in (least, most):
        assert parsed("up", f"{option}={value}")[option.strip("-").replace("-", "_")] == value


@pytest.mark.parametrize("variable", ["LAMBDA_MEMORY", "LAMBDA_TIMEOUT", "LAMBDA_TMP", "SEGMENT_SECONDS"])
def test_a_variable_is_held_to_the_same_bounds(capsys, monkeypatch, variable):
    monkeypatch.setenv(variable, "0")
    status, said = usage(capsys, "run", "a.mkv")
    assert status == os.EX_USAGE
    assert f"(env var: '{variable}'): '0' is not a " in said
    monkeypatch.setenv(variable, "200")
    assert parsed("run", "a.mkv")[variable.lower()] == 200
    monkeypatch.setenv(variable, "")
    assert parsed("run", "a.mkv")[variable.lower()] is None


@pytest.mark.parametrize(
    ("variable", "default", "given", "value"),
    [
        ("YOLOV3_MODEL", "yolov3-tiny", "yolov3", "yolov3"),
        ("SPEECH_MODEL", "whisper-base", "whisper-tiny.en", "whisper-tiny.en"),
        ("SPEECH_TASK", "transcribe", "translate", "translate"),
        ("OUTPUTS", OUTPUTS, "vtt, mp4", ("avi", "srt", "mp4", "vtt")),
        ("DETECTOR_PRECISION", "fastest", "int8", "int8"),
        ("ON_TRUNCATED", "process", "fail", "fail"),
        ("ISOLATION", "best", "required", "required"),
        ("AUDIO_TRACK", "", "eng", "eng"),
        ("CONFIDENCE", 0.25, "0.5", 0.5),
        ("CLASSES", (), "person,traffic light", ("person", "traffic light")),
        ("LABELS", "confidence", "none", "none"),
        ("MAX_RUN_COST", 20.0, "50", 50.0),
        ("SHORT_VIDEOS", "batch", "lambda", "lambda"),
        ("LAMBDA_CONCURRENCY", 10, "1000", 1000),
        ("CONTAINERS", False, "1", True),
        ("CONTAINERS", False, "0", False),
    ],
)
def test_a_variable_stands_for_an_option_and_an_empty_one_for_none(monkeypatch, variable, default, given, value):
    monkeypatch.setenv(variable, given)
    assert parsed("up")[variable.lower()] == value
    monkeypatch.setenv(variable, "")
    assert parsed("up")[variable.lower()] == default


def test_the_options_are_those_of_a_deployment():
    names = {field.name for field in fields(DeploymentOptions)} - {"choices"} | {choice.field for choice in OF_STACK}
    assert set(parsed("up")) == names | {"port", "data", "as_json"}
    assert set(parsed("run", "a.mkv")) == names | {"videos", "out", "keep_going", "watched", "as_json"}


def test_the_precisions_are_the_detectors():
    assert get_args(Precision) == PRECISIONS


def test_help_imports_nothing_that_takes_long():
    code = (
        "import sys; from avflow_cli.main import main; main(['run', '--help']);"
        "print(*{name.partition('.')[0] for name in sys.modules} & {*sys.argv})"
    )
    command = [sys.executable, "-c", code, "rich", "boto3", "numpy", "av", "moto", "local_aws", "samtranslator"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.splitlines()[-1] == ""


@pytest.mark.parametrize("option", ["-h", "--help"])
def test_the_help_states_variables_defaults_bounds_and_exit_statuses(capsys, option):
    assert main(["run", option]) == os.EX_OK
    said = " ".join(capsys.readouterr().out.split())
    for variable, rest in (
        ("LAMBDA_TIMEOUT", "1<=x<=900"),
        ("LAMBDA_MEMORY", "128<=x<=10240"),
        ("LAMBDA_TMP", "1<=x<=10240"),
        ("LAMBDA_CONCURRENCY", "default: 10; 1<=x<=100000"),
        ("SEGMENT_SECONDS", "default: (600); 1<=x<=86400"),
        ("SPEECH_MODEL", "default: whisper-base"),
    ):
        assert f"[env var: {variable}; {rest}]" in said
    for status in ("64 wrong usage", "130 interrupted"):
        assert status in said


@pytest.mark.parametrize("arguments", [[], ["models"]], ids=str)
def test_without_a_command_the_help_is_shown_as_wrong_usage(capsys, arguments):
    assert main(arguments) == os.EX_USAGE
    assert "Commands:" in capsys.readouterr().err


def test_an_empty_folder_for_results_is_refused(capsys):
    assert usage(capsys, "run", "--out=", "a.mkv") == (
        os.EX_USAGE,
        "Error: Invalid value for '--out': the name of the folder is empty. The current folder is '.'.",
    )


def test_a_folder_for_results_in_the_home_folder(films, monkeypatch):
    monkeypatch.setenv("HOME", str(films))
    assert parsed("run", "--out=~/out", "a.mkv")["out"] == films / "out"
    (films / "~").mkdir()
    (films / "~" / "out").mkdir()
    assert parsed("run", "--out=~/out", "a.mkv")["out"] == Path("~/out")
    assert parsed("run", "a.mkv")["out"] == Path("result")


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (["my_video.mkv other.mov"], os.EX_USAGE, "Several files are given in one name."),
        (["my_video.mkv", "othr.mov"], os.EX_NOINPUT, "Did you mean other.mov?"),
        (["http://a.b/c.mp4"], os.EX_USAGE, "is an address"),
        ([""], os.EX_USAGE, "VIDEO is empty"),
        (["empty"], os.EX_NOINPUT, "empty has no media file."),
        (["nothing*.mp4"], os.EX_NOINPUT, "nothing*.mp4 matches no media file."),
        (["--watch", "my_video.mkv"], os.EX_NOINPUT, "my_video.mkv is not a folder."),
        (["my_vdeo.mkv"], os.EX_NOINPUT, "Did you mean my_video.mkv?"),
    ],
    ids=str,
)
def test_nothing_runs_with_a_wrong_video(films, capsys, arguments, status, said):
    assert main(["run", "--out", "result", *arguments]) == status
    assert said in capsys.readouterr().err
    assert not Path("result").exists()


def test_hints_and_warnings_of_libraries_are_not_shown():
    """As ONNX Runtime's quantizer logs, and others warn; a fault of the embedded AWS's own is shown."""
    code = (
        "import logging, warnings; from avflow_cli.terminal import silence_libraries; silence_libraries();"
        "logging.warning('a hint'); logging.getLogger('moto').error('a caught error'); warnings.warn('old');"
        "logging.getLogger('local_aws.s3.app').error('a fault'); logging.getLogger('local_aws').warning('a note')"
    )
    environment = {**os.environ, "PYTHONWARNINGS": "default"}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert (done.stdout, done.stderr) == ("", "a fault\n")


@pytest.mark.parametrize("options", [[], ["--json"]], ids=str)
def test_a_reader_that_goes_early_ends_the_command_without_a_word(options):
    reading, writing = os.pipe()
    os.close(reading)
    command = [sys.executable, "-m", "avflow_cli.main", "models", "list", *options]
    done = subprocess.run(command, stdout=writing, stderr=subprocess.PIPE, text=True, check=False, cwd=ROOT)
    os.close(writing)
    assert (done.returncode, done.stderr) == (141, "")
