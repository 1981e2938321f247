"""The built template in containers: the same results and errors as without, and no containers left."""

import os
import signal
import subprocess
import sys
import time

import pytest

from tests.containers.conftest import ROOT, SAMPLE, podman
from tests.e2e.conftest import avflow, run_video
from tests.same_results import assert_same_objects, assert_same_subtitles
from tests.waiting import until

STEPS = ("ffmpeg", "audio2srt", "yolov3", "merge")


def containers_left():
    return podman("ps", "--all", "--quiet", "--filter=label=av-workflow.embedded-aws").stdout.split()


def test_the_workflow_succeeds_in_containers(stack):
    assert stack.execution["status"] == "SUCCEEDED", stack.execution.get("cause")
    assert {(step.kind, step.name.split("-my_video")[0]) for step in stack.ended if step.error is None} >= {
        ("lambda", "av-workflow-FFmpegFunction"),
        ("lambda", "av-workflow-Audio2srtFunction"),
        ("lambda", "av-workflow-MergeFunction"),
        ("batch", "yolov3"),
    }


def test_jobs_take_the_functions_images_by_digest(stack, images):
    """The custom resource finds them after `sam deploy`."""
    definitions = stack.aws.client("batch").describe_job_definitions()["jobDefinitions"]
    used = {each["jobDefinitionName"]: each["containerProperties"]["image"] for each in definitions}
    digests = {
        which: podman("image", "inspect", "--format={{.Digest}}", getattr(images, which)).stdout.strip()
        for which in ("media", "yolov3")
    }
    for name, image in used.items():
        draws = any(step in name.lower() for step in ("yolov3", "merge"))
        assert image.partition("@")[2] == digests["yolov3" if draws else "media"]


@pytest.fixture(scope="module")
def run_in_containers(tmp_path_factory, built):
    """`make run CONTAINERS=1` with the built images."""
    return run_video(SAMPLE, tmp_path_factory.mktemp("run"), "--containers")


def test_the_command_line_gives_the_same_results_as_without_containers(run_in_containers, local_run):
    assert run_in_containers.status == 0, run_in_containers.err
    assert run_in_containers.files == local_run.files
    assert_same_subtitles(run_in_containers.folder / "my_video.srt", local_run.folder / "my_video.srt")
    there, here = run_in_containers.json("my_video.json"), local_run.json("my_video.json")
    assert there["detections"]["frame_rate"] == here["detections"]["frame_rate"]
    assert there["speech"] == here["speech"]
    assert there["models"] == here["models"]
    assert there["detections"]["frames"] == 110


def test_frames_hold_the_same_objects_as_without_containers(run_in_containers, local_run):
    there, here = (run.folder / "my_video.detections.jsonl" for run in (run_in_containers, local_run))
    assert_same_objects(there, here)


@pytest.mark.parametrize(
    ("option", "value", "moved"),
    [
        # too little memory for a speech model: killed, as by AWS Lambda
        ("--lambda-memory", "128", {"audio2srt"}),
        # a /tmp that really is full
        ("--lambda-tmp", "1", {"ffmpeg", "merge"}),
        ("--lambda-timeout", "1", {"ffmpeg", "audio2srt"}),
    ],
)
def test_what_lambda_cannot_do_a_job_does(tmp_path, run_in_containers, option, value, moved):
    run = run_video(SAMPLE, tmp_path / "result", "--containers", option, value)
    assert run.status == 0, run.err
    steps = {step["name"]: step["ran_on"] for step in run.json("my_video.json")["steps"]}
    assert set(steps) == set(STEPS)
    assert {name for name, where in steps.items() if where == "batch"} >= moved | {"yolov3"}
    assert (run.folder / "my_video.srt").read_bytes() == (run_in_containers.folder / "my_video.srt").read_bytes()


def test_a_killed_command_line_leaves_no_container(built, tmp_path):
    command = [
        sys.executable,
        "-m",
        "avflow_cli.main",
        "run",
        "--containers",
        "--out",
        str(tmp_path),
        "--",
        str(SAMPLE),
    ]
    before = set(containers_left())
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    started = until(lambda: set(containers_left()) - before, "the start of a container")
    time.sleep(0.3)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    until(lambda: not set(containers_left()) & started)


def test_images_with_other_models_are_refused(built, tmp_path):
    done = avflow("run", "--containers", "--speech-model", "whisper-small", "--out", tmp_path, "--", SAMPLE)
    assert done.returncode == os.EX_UNAVAILABLE
    assert "ImagesNotBuilt: The images were built with SPEECH_MODEL=" in done.stderr
    assert "make images" in done.stderr
