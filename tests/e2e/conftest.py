"""The command line, run in a process of its own like a user's."""

import fcntl
import json
import os
import re
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import boto3
import imageio_ffmpeg
import pytest

from tests.waiting import PATIENCE_SECONDS, until

ROOT = Path(__file__).parents[2]
SAMPLE = ROOT / "samples" / "my_video.mkv"


@dataclass(frozen=True)
class Run:
    """One `avflow run`: its exit status, its output, and the folder of its results."""

    status: int
    out: str
    err: str
    folder: Path

    @property
    def files(self):
        return {path.name for path in self.folder.iterdir()}

    def json(self, name):
        return json.loads((self.folder / name).read_text(encoding="utf-8"))


@dataclass(frozen=True)
class Up:
    """A running `avflow up`."""

    process: subprocess.Popen
    url: str
    key_id: str
    secret: str
    bucket: str

    def client(self, service):
        keys = {"aws_access_key_id": self.key_id, "aws_secret_access_key": self.secret, "region_name": "us-east-1"}
        return boto3.client(service, endpoint_url=self.url, **keys)

    @property
    def machine(self):
        (machine,) = self.client("stepfunctions").list_state_machines()["stateMachines"]
        return machine["stateMachineArn"]

    def executions(self):
        return self.client("stepfunctions").list_executions(stateMachineArn=self.machine)["executions"]

    def process_video(self, path, key):
        """Upload a video and wait for the end of its execution."""
        before = len(self.executions())
        self.client("s3").upload_file(str(path), self.bucket, key)

        def ended():
            found = self.executions()
            return found if len(found) > before and all(each["status"] != "RUNNING" for each in found) else None

        found = until(ended, f"the end of the execution of {key}", 3 * PATIENCE_SECONDS)
        return max(found, key=lambda each: each["startDate"])


def read_until(process, pattern):
    """Wait for a match of `pattern` in the output of a process."""
    text = ""
    for line in process.stdout:
        text += line
        if found := re.search(pattern, text):
            return found
    raise AssertionError(text)


@contextmanager
def started(*options, env=None):
    """A running `avflow up`. It is killed at the end."""
    command = [sys.executable, "-m", "avflow_cli.main", "up", "--port", "0", *options]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, env=env)
    try:
        printed = (
            r"is up at (\S+) with(?s:.*)access key\S*.*: (\S+)\n.*secret access key: (\S+)\n(?s:.*)s3://(\S+)/start/"
        )
        yield Up(process, *read_until(process, printed).groups())
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def avflow(*arguments, python=sys.executable):
    command = [python, "-m", "avflow_cli.main", *map(str, arguments)]
    environment = {**os.environ, "PYTHONWARNINGS": "default"}  # Python's warnings: avflow hides those of libraries
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)


def run_video(video, folder, *options):
    done = avflow("run", "--out", folder, *options, "--", video)
    return Run(done.returncode, done.stdout, done.stderr, folder)


def ffmpeg(*arguments):
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-hide_banner", "-y", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="session")
def sample_run(tmp_path_factory):
    """One run of the sample, for all tests that look at its results, in whichever process of pytest they run."""
    folder = tmp_path_factory.getbasetemp()
    shared = (folder.parent if "PYTEST_XDIST_WORKER" in os.environ else folder) / "sample-run"
    shared.mkdir(exist_ok=True)
    results, told = shared / "results", shared / "run.json"
    with (shared / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # the first process runs the sample, the others wait for it
        if not told.exists():
            run = run_video(SAMPLE, results)
            told.write_text(json.dumps({"status": run.status, "out": run.out, "err": run.err}), encoding="utf-8")
    run = Run(**json.loads(told.read_text(encoding="utf-8")), folder=results)
    assert run.status == 0, run.err
    return run
