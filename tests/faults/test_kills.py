"""kill -9 of a step, the reporter and the server at ten points: results or a named error, nothing partial or left."""

import os
import signal
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from benchmarks.load import tiny_video
from tests.waiting import PATIENCE_SECONDS, until

ROOT = Path(__file__).parents[2]
POINTS = range(10)
#: Ten points of each step: as soon as its process works, and at its requests to S3: (number from 0, when)
AT = {
    # HEAD and GET of the upload, PUT of the sound, of media.json and of plan.json
    "ffmpeg": [
        (0, "before"), (0, "later"), (1, "before"), (1, "after"), (1, "later"), (2, "before"), (2, "after"),
        (3, "after"), (4, "before"),
    ],
    # GET of media.json, HEAD and GET of the sound, PUT of the transcript
    "audio2srt": [
        (0, "before"), (0, "after"), (1, "before"), (1, "later"), (2, "before"), (2, "after"), (2, "later"),
        (3, "before"), (3, "after"),
    ],
    # GET of its own report and of media.json, HEAD and GET of the upload, PUT of the video, the boxes and the report
    "yolov3": [
        (0, "before"), (1, "after"), (2, "later"), (3, "before"), (3, "later"), (4, "before"), (5, "before"),
        (6, "before"), (6, "after"),
    ],
    # GET of three reports, HEAD and GET of what they name, DELETE of older results, PUT of results and the manifest
    "merge": [
        (0, "before"), (2, "after"), (4, "later"), (6, "before"), (8, "later"), (10, "before"), (12, "before"),
        (13, "after"), (14, "before"),
    ],
    # GET of the step's own error, HEAD of the upload, PUT of the report, GET and HEAD of results
    "failed": [
        (0, "before"), (0, "after"), (1, "before"), (1, "after"), (2, "before"), (2, "after"), (3, "before"),
        (4, "before"), (5, "before"),
    ],
    # GET of the name and of what may have it, PUT of the name
    "start": [
        (0, "before"), (0, "after"), (1, "before"), (1, "after"), (2, "before"), (2, "after"), (3, "before"),
        (2, "later"), (3, "after"),
    ],
}  # fmt: skip
#: one point is quick enough for every run
QUICK = (("merge", 3),)


def points(steps):
    return [
        pytest.param(step, point, marks=() if (step, point) in QUICK else pytest.mark.slow)
        for step in steps
        for point in POINTS
    ]


@contextmanager
def killed(running, step, point):
    """Kill a step at a point, and check that just this has happened."""
    # the reporter also answers to the event that the execution of the test before has ended
    until(lambda: step not in [name for name, _ in running.working()], f"the end of other processes of {step}")
    before = len(running.kills)
    planned = None
    if point == 0:
        running.aim = step
    else:
        planned = running.kill_at(step, *AT[step][point - 1])
    yield
    running.aim = None
    if planned:
        running.faults.injections.remove(planned)
        assert planned.fired == 1, "the step made this request"
    assert [name for name, _ in running.kills[before:]] == [step], "the process of the step was killed, once"


@pytest.mark.parametrize(("step", "point"), points(["ffmpeg", "audio2srt", "yolov3", "merge"]))
def test_a_step_may_be_killed_at_any_point(running, step, point):
    name = f"kill-{step}-{point}"
    with killed(running, step, point):
        running.upload(name)
        status = running.judge(name)
    if step != "yolov3":
        assert status == "SUCCEEDED", running.report(name)
        assert running.json(name, ".json")["input"]["picture"]["frames"] == 10
    else:
        assert (status, running.report(name)["error"]) == ("FAILED", "JobFailed")


@pytest.fixture(scope="module")
def short(running):
    """The workflow of a stack that detects short videos on Lambda."""
    return running.second_stack(ShortVideos="lambda")


@pytest.mark.slow
@pytest.mark.parametrize(("number", "when"), [(3, "later"), (4, "before"), (6, "after")])
def test_the_function_of_a_short_video_may_be_killed_at_any_point(short, number, when):
    """At the GET of the upload, and at the PUTs of the video and of the report; see AT."""
    name = f"kill-short-{number}"
    planned = short.kill_at("yolov3", number, when, role="-Yolov3FunctionRole")
    short.upload(name)
    assert short.judge(name) == "SUCCEEDED", short.report(name)
    short.faults.injections.remove(planned)
    assert planned.fired == 1, "the function made this request"
    entered = short.entered(short.begun(name))
    assert (entered["Yolov3OnLambda"], entered["Yolov3"]) == (1, 1), "a job did it"


@pytest.mark.slow
@pytest.mark.parametrize("point", POINTS)
def test_the_reporter_may_be_killed_at_any_point(running, point):
    with killed(running, "failed", point):
        running.upload(f"reporter-{point}", b"This is no video.")
        assert running.judge(f"reporter-{point}") == "FAILED"
    assert running.report(f"reporter-{point}")["error"] == "InvalidMediaUnreadable"


@pytest.mark.slow
@pytest.mark.parametrize("point", POINTS)
def test_the_start_function_may_be_killed_at_any_point(running, point):
    with killed(running, "start", point):
        running.upload(f"start-{point}")
        assert running.judge(f"start-{point}") == "SUCCEEDED"
    assert len(running.executions(f"start-{point}")) == 1


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
        return subprocess.Popen(arguments, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True)

    process = start("whole")
    lines = process.stdout.readlines()
    assert process.wait(PATIENCE_SECONDS) == 0
    whole = {path.name for path in (tmp_path / "whole").iterdir()}
    assert len(lines) >= len(POINTS), "it tells of each step"
    for point in POINTS:
        process = start(f"killed-{point}")
        for _ in range(point * len(lines) // len(POINTS)):  # the first point is the start of the program
            process.stdout.readline()
        assert process.poll() is None, "it still works"
        process.kill()
        assert process.wait() == -signal.SIGKILL
        process.stdout.close()
        until(lambda: not of(scratch), f"the end of all processes after point {point}")
        out = tmp_path / f"killed-{point}"
        left = {path.name for path in out.iterdir()} if out.exists() else set()
        assert left in (set(), whole), "results are whole or absent"
    last = start("last")
    last.stdout.read()
    assert last.wait(PATIENCE_SECONDS) == 0
    assert not list(scratch.glob("avflow-*")), "the last run swept what the killed ones left"
