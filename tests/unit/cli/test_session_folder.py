"""The folder of a run: removed at the end, and by the next run if the run was killed."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from avflow_cli.session_folder import session_folder

HOLD = """
import sys
from avflow_cli.session_folder import session_folder
with session_folder() as folder:
    (folder / "objects").mkdir()
    print(folder, flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def temporary(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", os.fspath(tmp_path))
    return tmp_path


def holder(temporary):
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    environment = {**os.environ, "TMPDIR": os.fspath(temporary)}
    process = subprocess.Popen([sys.executable, "-c", HOLD], text=True, env=environment, **pipes)
    return process, Path(process.stdout.readline().strip())


def test_the_folder_of_a_killed_run_is_swept_and_that_of_a_running_one_stays(temporary):
    killed, left = holder(temporary)
    running, used = holder(temporary)
    killed.kill()
    killed.communicate()
    (temporary / "avflow-aws-without-a-lock").mkdir()
    assert (left / "objects").is_dir()
    with session_folder() as folder:
        assert not left.exists()
        assert (used / "objects").is_dir()
        assert folder.parent == temporary
    running.communicate("")
    assert [path.name for path in temporary.iterdir()] == ["avflow-aws-without-a-lock"]
