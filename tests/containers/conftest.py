"""The images that `sam build` made, and one embedded AWS that runs the built template in them."""

import json
import os
import random
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import contextmanager, suppress
from pathlib import Path
from types import SimpleNamespace

import pytest

from avflow_cli.images import built_template
from local_aws.cloudformation.deploy import deploy
from local_aws.sandbox.activity import StepEnded
from local_aws.server import LocalAws
from tests.e2e.conftest import ROOT, SAMPLE, avflow, run_video
from tests.waiting import PATIENCE_SECONDS, until

YOLOV3_MODEL = os.environ.get("YOLOV3_MODEL") or "yolov3-tiny"
SPEECH_MODEL = os.environ.get("SPEECH_MODEL") or "whisper-base"
#: user and group that no image has, like those of AWS Lambda's sandbox
LAMBDA_USER = "993:990"
#: options for a read-only sandbox without privileges
LOCKED = ("--read-only", "--read-only-tmpfs=false", "--cap-drop=all", "--security-opt=no-new-privileges")


def pytest_collection_modifyitems(items):
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker("containers")


def podman(*arguments, check=True):
    done = subprocess.run(["podman", *map(str, arguments)], capture_output=True, text=True, check=False)
    assert not check or done.returncode == 0, done.stderr
    return done


def in_image(image, *command, options=LOCKED, check=True):
    """Run a command in a locked container without a network. Return its output."""
    options = ["run", "--rm", "--pull=never", "--network=none", "--tmpfs=/tmp", *options]
    return podman(*options, image, *command, check=check)


@pytest.fixture(scope="session")
def built():
    """The built template. `make containers-test` builds it."""
    return built_template(YOLOV3_MODEL, SPEECH_MODEL, "fastest")


@pytest.fixture(scope="session")
def images(built):
    """The names of both images, from the functions in the template."""
    from samtranslator.yaml_helper import yaml_parse

    resources = yaml_parse(built.read_text())["Resources"]
    named = {
        name: each["Properties"]["ImageUri"]
        for name, each in resources.items()
        if "ImageUri" in each.get("Properties", {})
    }
    assert named["FFmpegFunction"] == named["Audio2srtFunction"] == named["MergeFunction"]
    return SimpleNamespace(media=named["FFmpegFunction"], yolov3=named["Yolov3Function"])


@pytest.fixture(scope="session")
def local_run(tmp_path_factory):
    """A run of the sample without containers."""
    avflow("models", "fetch", YOLOV3_MODEL, SPEECH_MODEL)
    run = run_video(SAMPLE, tmp_path_factory.mktemp("local"))
    assert run.status == 0, run.err
    return run


@pytest.fixture(scope="session")
def stack(built, tmp_path_factory):
    """The built template, deployed with functions and jobs in containers, and a finished run of the sample."""
    activities = []
    folder = tmp_path_factory.mktemp("aws")
    parameters = {"Yolov3Model": YOLOV3_MODEL, "SpeechModel": SPEECH_MODEL, "DetectorCompute": "gpu"}
    with LocalAws(ROOT, folder, on_activity=activities.append, containers=True) as aws:
        outputs = deploy(aws, built, parameters, "av-workflow")
        aws.client("s3").upload_file(str(SAMPLE), outputs["BucketName"], "start/my_video.mkv")
        states = aws.client("stepfunctions")
        execution = _ended(states, outputs["StateMachineArn"])
        ended = [activity for activity in activities if isinstance(activity, StepEnded)]
        yield SimpleNamespace(
            aws=aws,
            bucket=outputs["BucketName"],
            execution=execution,
            ended=ended,
            event=json.loads(execution["input"]),
        )


def _ended(states, machine):
    def ended():
        found = states.list_executions(stateMachineArn=machine)["executions"]
        return [each["executionArn"] for each in found if each["status"] != "RUNNING"]

    (execution,) = until(ended, "the end of the execution", 3 * PATIENCE_SECONDS)
    return states.describe_execution(executionArn=execution)


@contextmanager
def emulated(image, handler, environment, scratch="512m"):
    """Run the image in the SAM CLI's Lambda Runtime Interface Emulator. Yield a function that invokes it."""
    port, runtime_port = _free_port(), _free_port()
    name = f"rie-{port}"
    command = ["podman", "run", "--rm", "--pull=never", f"--name={name}", "--network=host", f"--user={LAMBDA_USER}"]
    command += [*LOCKED, f"--tmpfs=/tmp:rw,size={scratch},mode=1777", f"--volume={_emulator()}:/rie:ro"]
    command += [f"--env={key}={value}" for key, value in environment.items()]
    command += ["--entrypoint=/rie", image, "--runtime-interface-emulator-address", f"127.0.0.1:{port}"]
    command += ["--runtime-api-address", f"127.0.0.1:{runtime_port}", "python", "-m", "awslambdaric", handler]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    try:
        yield lambda event: _invoke(port, event)
    finally:
        podman("rm", "--force", "--time=0", name, check=False)
        process.wait(PATIENCE_SECONDS)
        process.stderr.close()


def _invoke(port, event):
    address = f"http://127.0.0.1:{port}/2015-03-31/functions/function/invocations"
    end = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            with urllib.request.urlopen(address, json.dumps(event).encode(), timeout=PATIENCE_SECONDS) as answer:
                return json.load(answer)
        except urllib.error.URLError as error:
            if not isinstance(error.reason, ConnectionRefusedError) or time.monotonic() > end:
                raise
            time.sleep(0.05)


def _emulator():
    (found,) = ROOT.glob(".venv-sam/lib/python3*/site-packages/samcli/local/rapid/aws-lambda-rie-x86_64")
    return found


def _free_port():
    """A free port that the system does not give to outgoing connections."""
    for port in random.sample(range(20_000, 30_000), 100):
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise AssertionError("100 ports are in use")


def can_run():
    """Why containers can't run on this machine. None if they can."""
    if not sys.platform.startswith("linux") or os.geteuid() != 0:
        return "containers need Linux and root here"
    if shutil.which("podman") is None or "CONTAINERS_CONF" not in os.environ:
        return "Podman is not set up: run `make containers-test`"
    return None


@pytest.fixture(scope="session", autouse=True)
def _containers_run():
    if reason := can_run():
        pytest.skip(reason)
