"""`avflow up`: other programs use the embedded AWS at its address. Ctrl-C ends it and all its processes."""

import contextlib
import json
import os
import signal
import subprocess
import sys

import psutil
import pytest

from tests import screens
from tests.e2e.conftest import ROOT, SAMPLE, Up, avflow, started
from tests.result_sets import named
from tests.waiting import PATIENCE_SECONDS, until


@pytest.fixture(scope="module")
def up():
    with started() as running:
        yield running


@pytest.fixture
def ended():
    """A running `avflow up` that the test ends."""
    with started() as running:
        yield running


def test_json_says_what_a_program_needs():
    command = [sys.executable, "-m", "avflow_cli.main", "up", "--port", "0", "--json"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            lines = map(json.loads, process.stdout)
            told = next(line for line in lines if line["type"] == "up")
            assert told["console"].startswith(told["url"])
            environment = {
                **os.environ,
                "AWS_CONFIG_FILE": told["config_file"],
                "AWS_SHARED_CREDENTIALS_FILE": told["credentials_file"],
                "AWS_PROFILE": told["profile"],
            }
            asked = [sys.executable, "-m", "avflow_cli.main", "list", "--json"]
            listed = subprocess.run(asked, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
            assert (listed.returncode, listed.stdout) == (0, ""), listed.stderr
            keys = (told["access_key_id"], told["secret_access_key"])
            client = Up(process, told["url"], *keys, told["bucket"]).client("s3")
            client.put_object(Bucket=told["bucket"], Key="start/a.mkv", Body=b"no media")
            step = next(line for line in lines if "StartFunction" in line["step"])
            assert (step["type"], step["on"], step["event"]) == ("step", "lambda", "started")
        finally:
            process.kill()


@pytest.mark.slow
def test_an_upload_from_another_program_is_processed(up):
    found = up.process_video(SAMPLE, "start/holiday/my film.mkv")
    assert up.machine.endswith(":av-workflow")
    assert found["status"] == "SUCCEEDED"
    assert found["name"].startswith("my-film-mkv-")
    states, s3 = up.client("stepfunctions"), up.client("s3")
    history = states.get_execution_history(executionArn=found["executionArn"], maxResults=1000)["events"]
    assert history[-1]["type"] == "ExecutionSucceeded"
    assert screens.longest(history)[0] <= screens.LINES
    results = {item["Key"] for item in s3.list_objects_v2(Bucket=up.bucket, Prefix="result/holiday/")["Contents"]}
    assert results == named("result/holiday/my film")
    output = json.loads(states.describe_execution(executionArn=found["executionArn"])["output"])
    assert [*output] == ["video", "detections", "subtitles", "mp4", "page", "manifest"]
    assert {*output.values()} < {f"s3://{up.bucket}/{key}" for key in results}


def test_the_same_event_twice_is_one_execution_and_another_version_is_another(up):
    functions = up.client("lambda")
    detail = {"bucket": {"name": up.bucket}, "object": {"key": "start/a.mkv", "size": 0, "version-id": "v1"}}
    start = "av-workflow-StartFunction"

    def deliver(detail):
        payload = json.dumps({"detail-type": "Object Created", "detail": detail})
        return json.loads(functions.invoke(FunctionName=start, Payload=payload)["Payload"].read())

    before = {found["name"] for found in up.executions()}
    # StartExecution answers with the first execution while it runs, and with ExecutionAlreadyExists after its end
    assert deliver(detail)["execution"] == deliver(detail)["execution"]
    until(lambda: all(found["status"] != "RUNNING" for found in up.executions()))
    assert not deliver(detail)["started"]
    assert len({found["name"] for found in up.executions()} - before) == 1
    detail["object"]["version-id"] = "v2"
    assert deliver(detail)["started"]
    assert len({found["name"] for found in up.executions()} - before) == 2


def jobs_of(pid):
    """The processes of Batch jobs among the descendants of a process."""
    found = []
    for child in psutil.Process(pid).children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):
            if any(word.startswith("batch_jobs.") for word in child.cmdline()):
                found.append(child)
    return found


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM], ids=str)
def test_it_ends_when_told_to_and_takes_its_processes_along(ended, how):
    ended.client("s3").upload_file(str(SAMPLE), ended.bucket, "start/a.mkv")
    jobs = until(lambda: jobs_of(ended.process.pid), "the start of a job")
    for job in jobs:
        job.suspend()  # so that it does not end by itself
    children = psutil.Process(ended.process.pid).children(recursive=True)
    ended.process.send_signal(how)
    assert ended.process.wait(PATIENCE_SECONDS) == 130
    assert not psutil.wait_procs(children, timeout=PATIENCE_SECONDS)[1]


def test_a_port_that_is_taken_is_named(up):
    port = up.url.rpartition(":")[2]
    second = avflow("up", "--port", port)
    assert second.returncode == os.EX_SOFTWARE
    assert f"PortTaken: Port {port} of 127.0.0.1 is in use" in second.stderr
