"""A signal that comes before the command is imported, and one that a user has asked to ignore."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
#: the import of the command takes a minute
SLOW = """
import sys, time
class Slow:
    def find_spec(self, name, path, target=None):
        if name == "avflow_cli.main":
            print("importing", flush=True)
            time.sleep({seconds})
sys.meta_path.insert(0, Slow())
from avflow_cli.__main__ import main
sys.argv = ["avflow", "--version"]
sys.exit(main())
"""


def begun(seconds, **options):
    command = [sys.executable, "-c", SLOW.format(seconds=seconds)]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options)
    assert process.stdout.readline() == "importing\n"
    return process


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_during_the_imports_ends_it_without_a_traceback(number):
    with begun(60) as process:
        process.send_signal(number)
        assert process.wait(2) == 130
        assert process.stderr.read() == "avflow: interrupted\n"


def test_nohup_is_respected():
    with begun(1, preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN)) as process:
        process.send_signal(signal.SIGHUP)
        assert process.stdout.read().startswith("av-workflow ")
        assert (process.wait(), process.stderr.read()) == (os.EX_OK, "")


#: code that is made of text, as that of dataclasses, takes a minute
EXEC = """
import sys
class Slow:
    def find_spec(self, name, path, target=None):
        if name == "avflow_cli.up":
            exec("import time; print('importing', flush=True); time.sleep(60)")
sys.meta_path.insert(0, Slow())
"""


def test_a_signal_during_code_made_of_text_leaves_the_exit_status(tmp_path):
    """CPython ended the process by SIGINT in the end, although the interruption was caught."""
    (tmp_path / "sitecustomize.py").write_text(EXEC)
    command = [sys.executable, "-m", "avflow_cli", "up", "--port", "0"]
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "importing\n"
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 130
