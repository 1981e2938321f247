"""The whole embedded AWS: what its sessions share, and that nothing outlives it, however it ends."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from botocore.loaders import create_loader

from tests.local.conftest import FIXTURES
from tests.waiting import PATIENCE_SECONDS, gone, until

ROOT = Path(__file__).parents[2]
PROGRAM = """
import json, signal, sys, time
from pathlib import Path
from local_aws.cloudformation.deploy import deploy
from local_aws.server import LocalAws

signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs are born ignoring it
fixtures, folder = Path(sys.argv[1]), Path(sys.argv[2])
with LocalAws(fixtures / "code", folder / "state", cache_dir=folder / "cache", batch_jobs_at_once=2) as aws:
    outputs = deploy(aws, fixtures / "template.yaml", stack_name="tests")
    payload = json.dumps({"do": "sleep", "pid_file": str(folder / "function")})
    aws.functions.get("tests-Pictures")[0].timeout = 3600
    aws.client("lambda").invoke(FunctionName=outputs["Pictures"], InvocationType="Event", Payload=payload)
    aws.client("batch").submit_job(
        jobName="j", jobQueue=outputs["Queue"], jobDefinition=outputs["Job"],
        parameters={"what": "sleep", "with": str(folder / "job")},
    )
    if sys.argv[3] == "raise":
        while not (folder / "job").exists() or not (folder / "function").exists():
            time.sleep(0.05)
        raise SystemExit(5)
    time.sleep(3600)
"""


QUIET = """
import json, shutil, sys, threading, time
from pathlib import Path
from local_aws.cloudformation.deploy import deploy
from local_aws.server import LocalAws

fixtures, folder = Path(sys.argv[1]), Path(sys.argv[2])
with LocalAws(fixtures / "code", folder / "state", cache_dir=folder / "cache") as aws:
    outputs = deploy(aws, fixtures / "template.yaml", stack_name="tests")
    payload = json.dumps({"do": "sleep", "pid_file": str(folder / "function")})
    answers = []
    def invoke():
        try:
            answers.append(aws.client("lambda").invoke(FunctionName=outputs["Pictures"], Payload=payload))
        except Exception as error:
            answers.append(error)
    caller = threading.Thread(target=invoke)
    caller.start()
    while not (folder / "function").exists():
        time.sleep(0.05)
    shutil.rmtree(folder / "state" / "logs")  # `avflow run` removes it all, and may be sooner
caller.join()
print(answers[0].get("FunctionError", "none") if isinstance(answers[0], dict) else "refused")
"""


def test_a_request_that_ends_with_the_embedded_aws_says_nothing_in_the_terminal(tmp_path):
    command = [sys.executable, "-c", QUIET, os.fspath(FIXTURES), os.fspath(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout in ("Unhandled\n", "refused\n"), "the caller is told"
    assert done.stderr == ""


@pytest.mark.parametrize("how", ["raise", signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_nothing_is_left_behind(tmp_path, how):
    arguments = [sys.executable, "-c", PROGRAM, os.fspath(FIXTURES), os.fspath(tmp_path), str(how)]
    process = subprocess.Popen(arguments, cwd=ROOT, stderr=subprocess.DEVNULL, start_new_session=True)
    files = [tmp_path / "function", tmp_path / "job"]
    until(lambda: all(file.exists() for file in files), "the start of a function and a job")
    pids = [pid for file in files for pid in file.read_text().split()]
    assert len(pids) == 3
    if how == "raise":
        assert process.wait(PATIENCE_SECONDS) == 5
    else:
        assert not any(gone(pid) for pid in pids)
        process.send_signal(how)
        assert process.wait(PATIENCE_SECONDS) != 0
    until(lambda: all(gone(pid) for pid in pids))


def test_the_description_of_a_service_is_parsed_once(bench):
    one, other = (create_loader().load_service_model("sqs", "service-2") for _ in range(2))
    assert one["metadata"]["serviceId"] == "SQS"
    assert one is other
