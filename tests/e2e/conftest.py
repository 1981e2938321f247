"""The command line as a user runs it, in a process of its own."""

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import imageio_ffmpeg
import pytest

ROOT = Path(__file__).parents[2]
SAMPLE = ROOT / "samples" / "my_video.mkv"


@dataclass(frozen=True)
class Run:
    """One `avflow run`: its exit status, what it printed, and the folder of its results."""

    status: int
    out: str
    err: str
    folder: Path

    @property
    def files(self):
        return {path.name for path in self.folder.iterdir()}

    def json(self, name):
        return json.loads((self.folder / name).read_text(encoding="utf-8"))


def avflow(*arguments, timeout=240):
    command = [sys.executable, "-m", "avflow_cli.main", *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=timeout, check=False)


def run_video(video, folder, *options):
    done = avflow("run", "--out", folder, *options, "--", video)
    return Run(done.returncode, done.stdout, done.stderr, folder)


def ffmpeg(*arguments):
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-hide_banner", "-y", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="session")
def sample_run(tmp_path_factory):
    """The sample through the whole workflow, once for all tests that look at its results."""
    run = run_video(SAMPLE, tmp_path_factory.mktemp("sample"))
    assert run.status == 0, run.err
    return run
