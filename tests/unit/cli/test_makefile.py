"""What `make` does with the names and variables that the user types."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from avflow_cli.main import avflow
from tests.unit.cli.conftest import NAMES

ROOT = Path(__file__).parents[3]


def make(*arguments, **environment):
    """The status and output of make in the repository, with what it would run as `avflow`."""
    command = [shutil.which("make"), "--no-print-directory", *arguments, f"PYTHON={sys.executable}"]
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
    done = subprocess.run(
        command, cwd=ROOT, env={**inherited, **environment}, capture_output=True, text=True, check=False
    )
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("VIDOE=x.mp4", "VIDEO"),
        ("video=x.mp4", "VIDEO"),
        ("LAMDA_TIMEOUT=1", "LAMBDA_TIMEOUT"),
        ("lambda_memory=128", "LAMBDA_MEMORY"),
        ("SEGMENTS_SECOND=2", "SEGMENT_SECONDS"),
        ("OUTPUT=x", "OUTPUTS"),
    ],
)
def test_a_misspelt_variable_is_refused_with_the_nearest(given, meant):
    status, said = make("run", given)
    assert status == 2
    assert f"There is no variable {given.partition('=')[0]}: did you mean {meant}?" in said


def test_a_variable_unlike_any_is_refused_with_all_of_them():
    status, said = make("run", "QQ'Q=$(shell false) x")
    assert status == 2
    assert "There is no variable QQ'Q. There are VIDEO OUT" in said


def test_a_makefile_that_calls_this_one_may_have_variables_of_its_own():
    assert make("-n", "help", "CFLAGS=-O2", MAKELEVEL="1")[0] == 0


@pytest.mark.parametrize("name", ["samples/my_video.mkv", "film.mp4"])
def test_a_video_in_place_of_a_target_is_told(name):
    status, said = make("run", name)
    assert status == 2
    assert f'{name} is no target. A video is given by its name in quotes: make run VIDEO="my video.mkv"' in said


@pytest.mark.parametrize("name", [*NAMES, "no such $$$$ dollar.mp4"])
def test_make_looks_for_the_very_name_that_was_typed(tmp_path, name):
    """And runs nothing of it. What is typed as `$$`, as make wants it, means one `$`."""
    missing = tmp_path / "none" / name
    for status, said in (make("video", f"VIDEO={missing}"), make("video", VIDEO=str(missing).replace("$$", "$"))):
        assert status == 2
        assert f"SourceMissing: {str(missing).replace('$$', '$')} is not a file." in said


@pytest.mark.parametrize("name", NAMES)
def test_make_finds_a_video_whatever_it_is_called(films, name):
    for status, said in (make("video", f"VIDEO={films / name}"), make("video", VIDEO=str(films / name))):
        assert (status, said) == (0, "")


@pytest.mark.parametrize(("value", "used"), [("1", True), ("yes", True), ("0", False), ("no", False), ("", False)])
def test_containers_are_used_where_the_command_line_uses_them(monkeypatch, value, used):
    monkeypatch.setenv("CONTAINERS", value)
    assert avflow.commands["up"].make_context("up", []).params["containers"] == used
    for status, said in (make("-n", "up", f"CONTAINERS={value}"), make("-n", "up", CONTAINERS=value)):
        assert status == 0
        assert ("scripts/containers/build" in said) == ("scripts/containers/setup" in said) == used


def test_an_empty_video_is_told_by_make():
    status, said = make("video", "VIDEO=")
    assert status == 2
    assert "VIDEO is empty" in said
    assert "Error 64" in said


@pytest.mark.parametrize(
    "given", ["AVFLOW_MODELS=/x", "PIP_INDEX_URL=x", "https_proxy=x", "TMPDIR=/tmp", "PYTEST_ADDOPTS="]
)
def test_variables_of_others_are_passed_on(given):
    assert make("-n", "help", given)[0] == 0
