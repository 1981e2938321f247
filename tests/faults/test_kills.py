"""kill -9 of a step, the reporter and the server at ten points: results or a named error, nothing partial or left."""

import os
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from benchmarks.load import tiny_video
from tests.waiting import PATIENCE_SECONDS, until

ROOT = Path(__file__).parents[2]
POINTS = range(10)
#: seconds of a step with a tiny video, at least; later points come after its end, which is a case as well
SECONDS = {"ffmpeg": 1.0, "audio2srt": 1.0, "yolov3": 3.0, "merge": 1.0, "failed": 0.5}
#: one point is quick enough for every run
QUICK = (("merge", 3),)


def points(steps):
    return [
        pytest.param(step, point, marks=() if (step, point) in QUICK else pytest.mark.slow)
        for step in steps
        for point in POINTS
    ]


@pytest.mark.parametrize(("step", "point"), points(["ffmpeg", "audio2srt", "yolov3", "merge"]))
def test_a_step_may_be_killed_at_any_point(running, step, point):
    name = f"kill-{step}-{point}"
    running.aim = (step, SECONDS[step] * point / len(POINTS))
    running.upload(name)
    status = running.judge(name)
    assert running.aim is None, "the step began, and was killed"
    if step != "yolov3":
        assert status == "SUCCEEDED", running.report(name)


@pytest.mark.slow
@pytest.mark.parametrize("point", POINTS)
def test_the_reporter_may_be_killed_at_any_point(running, point):
    running.aim = ("failed", SECONDS["failed"] * point / len(POINTS))
    running.upload(f"reporter-{point}", b"This is no video.")
    assert running.judge(f"reporter-{point}") == "FAILED"
    assert running.report(f"reporter-{point}")["error"] == "InvalidMediaUnreadable"


# ------------------------------------------------------------ the server
def of(folder):
    """The processes that a server with its files in `folder` has started."""
    found = []
    for process in psutil.process_iter():
        try:
            facts = [process.cwd(), *process.cmdline(), process.environ().get("TMPDIR", "")]
        except psutil.Error:
            continue
        if process.pid != os.getpid() and any(os.fspath(folder) in fact for fact in facts):
            found.append(process)
    return [process for process in found if process.status() != psutil.STATUS_ZOMBIE]


@pytest.mark.slow
def test_the_server_may_be_killed_at_any_point(tmp_path):
    tiny_video(tmp_path / "tiny.mp4")
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    environment = {**os.environ, "TMPDIR": os.fspath(scratch)}
    command = [sys.executable, "-m", "avflow_cli.main", "run", "--speech-model", "whisper-tiny.en", "--out"]

    def start(out):
        arguments = [*command, os.fspath(tmp_path / out), os.fspath(tmp_path / "tiny.mp4")]
        return subprocess.Popen(arguments, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL)

    began = time.monotonic()
    assert start("whole").wait(PATIENCE_SECONDS) == 0
    seconds = time.monotonic() - began
    whole = {path.name for path in (tmp_path / "whole").iterdir()}
    for point in POINTS:
        process = start(f"killed-{point}")
        time.sleep(seconds * (point + 0.5) / len(POINTS))
        process.kill()
        process.wait()
        until(lambda: not of(scratch), f"the end of all processes after point {point}")
        out = tmp_path / f"killed-{point}"
        left = {path.name for path in out.iterdir()} if out.exists() else set()
        assert left in (set(), whole), "results are whole or absent"
    assert start("last").wait(PATIENCE_SECONDS) == 0
    assert not list(scratch.glob("avflow-*")), "the last run swept what the killed ones left"
