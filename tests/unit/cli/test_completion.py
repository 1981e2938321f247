"""Completion: the shells themselves take the scripts, and complete commands, options and values."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from avflow_cli.main import main

ROOT = Path(__file__).parents[3]


@pytest.fixture
def path(tmp_path):
    """A PATH whose `avflow` is this checkout's."""
    command = tmp_path / "bin" / "avflow"
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\ncd "{ROOT}"\nexec "{sys.executable}" -m avflow_cli "$@"\n', encoding="utf-8")
    command.chmod(0o755)
    return f"{command.parent}:{os.environ['PATH']}"


def answered(path, words, incomplete):
    """What the script of bash gets for these words and an incomplete one."""
    line = " ".join([*words, incomplete])
    asked = {"_AVFLOW_COMPLETE": "bash_complete", "COMP_WORDS": line, "COMP_CWORD": str(len(words)), "PATH": path}
    done = subprocess.run(["avflow"], env={**os.environ, **asked}, capture_output=True, text=True, check=False)
    assert not done.stderr
    return {line.partition(",")[2] for line in done.stdout.splitlines() if line}


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_asks_this_command(shell, capsys):
    assert main(["completion", shell]) == os.EX_OK
    script = capsys.readouterr().out
    assert f"_AVFLOW_COMPLETE={shell}_complete" in script
    if shutil.which(shell):
        subprocess.run([shell, "-n"], input=script, text=True, check=True)


def test_commands_options_and_values_are_completed(path):
    assert {"submit", "stop"} <= answered(path, ["avflow"], "s") <= {"submit", "stop"}
    assert answered(path, ["avflow", "list"], "--st") == {"--stack-name", "--status"}
    assert answered(path, ["avflow", "list", "--status"], "TIMED") == {"TIMED_OUT"}
    assert {"--classes", "--confidence"} <= answered(path, ["avflow", "submit"], "--c")


def test_without_a_stack_no_name_is_completed_and_nothing_is_printed(path):
    assert answered(path, ["avflow", "watch", "--endpoint-url", "http://127.0.0.1:9", "--region", "x"], "my") == set()


def test_bash_completes_with_the_script(path):
    bash = shutil.which("bash")
    asked = 'eval "$(avflow completion bash)"; COMP_WORDS=(avflow com); COMP_CWORD=1; _avflow_completion avflow; '
    words, environment = [bash, "-c", asked + 'echo "${COMPREPLY[@]}"'], {**os.environ, "PATH": path}
    done = subprocess.run(words, env=environment, capture_output=True, text=True, check=False)
    assert done.stdout.split() == ["completion"], done.stderr
