"""`avflow up`: other programs use the embedded AWS at its address; Ctrl-C ends it and all it started."""

import json
import re
import signal
import subprocess
import sys
import time

import boto3
import psutil
import pytest

from tests.e2e.conftest import ROOT, SAMPLE, avflow


@pytest.fixture
def up():
    command = [sys.executable, "-m", "avflow_cli.main", "up", "--port", "0"]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    yield process
    process.kill()
    process.wait()


def read_until(process, pattern):
    text = ""
    for line in process.stdout:
        text += line
        if found := re.search(pattern, text):
            return found
    raise AssertionError(text)


def test_an_upload_from_another_program_is_processed(up, tmp_path):
    url, bucket = read_until(up, r"is up at (\S+) with(?s:.*)s3://(\S+)/start/").groups()
    keys = {"aws_access_key_id": "local", "aws_secret_access_key": "local", "region_name": "us-east-1"}
    s3, states = (boto3.client(name, endpoint_url=url, **keys) for name in ("s3", "stepfunctions"))
    s3.upload_file(str(SAMPLE), bucket, "start/holiday/my film.mkv")
    (machine,) = states.list_state_machines()["stateMachines"]
    assert machine["name"] == "av-workflow"
    end = time.monotonic() + 120
    while not (found := states.list_executions(stateMachineArn=machine["stateMachineArn"])["executions"]) or (
        found[0]["status"] == "RUNNING"
    ):
        assert time.monotonic() < end
        time.sleep(0.2)
    assert found[0]["status"] == "SUCCEEDED"
    assert found[0]["name"].startswith("my-film-mkv-")
    history = states.get_execution_history(executionArn=found[0]["executionArn"], maxResults=1000)["events"]
    assert history[-1]["type"] == "ExecutionSucceeded"
    results = {item["Key"] for item in s3.list_objects_v2(Bucket=bucket, Prefix="result/")["Contents"]}
    assert results == {f"result/holiday/my film{end}" for end in (".avi", ".srt", ".json", ".detections.jsonl")}


def test_the_same_event_twice_is_one_execution_and_another_version_is_another(up):
    url, bucket = read_until(up, r"is up at (\S+) with(?s:.*)s3://(\S+)/start/").groups()
    keys = {"aws_access_key_id": "local", "aws_secret_access_key": "local", "region_name": "us-east-1"}
    states, functions = (boto3.client(name, endpoint_url=url, **keys) for name in ("stepfunctions", "lambda"))
    (machine,) = states.list_state_machines()["stateMachines"]
    detail = {"bucket": {"name": bucket}, "object": {"key": "start/a.mkv", "size": 0, "version-id": "v1"}}
    start = "av-workflow-StartFunction"

    def deliver(detail):
        payload = json.dumps({"detail-type": "Object Created", "detail": detail})
        return json.loads(functions.invoke(FunctionName=start, Payload=payload)["Payload"].read())

    def executions():
        return states.list_executions(stateMachineArn=machine["stateMachineArn"])["executions"]

    # while the first runs, StartExecution answers with it; when it has ended, with ExecutionAlreadyExists
    assert deliver(detail)["execution"] == deliver(detail)["execution"]
    while executions()[0]["status"] == "RUNNING":
        time.sleep(0.1)
    assert not deliver(detail)["started"]
    assert len(executions()) == 1
    detail["object"]["version-id"] = "v2"
    assert deliver(detail)["started"]
    assert len({found["name"] for found in executions()}) == 2


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM], ids=str)
def test_it_ends_when_told_to_and_takes_its_processes_along(up, how):
    url, bucket = read_until(up, r"is up at (\S+) with(?s:.*)s3://(\S+)/start/").groups()
    keys = {"aws_access_key_id": "local", "aws_secret_access_key": "local", "region_name": "us-east-1"}
    boto3.client("s3", endpoint_url=url, **keys).upload_file(str(SAMPLE), bucket, "start/a.mkv")
    read_until(up, r"batch +yolov3-\S+: started")
    children = psutil.Process(up.pid).children(recursive=True)
    assert children
    up.send_signal(how)
    assert up.wait(timeout=20) == 130
    assert not psutil.wait_procs(children, timeout=5)[1]


def test_a_port_that_is_taken_is_named(up):
    url = read_until(up, r"is up at (\S+) with").group(1)
    port = url.rpartition(":")[2]
    second = avflow("up", "--port", port)
    assert second.returncode == 70
    assert f"PortTaken: Port {port} of 127.0.0.1 is in use" in second.stderr
