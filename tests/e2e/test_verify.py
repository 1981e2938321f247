"""`avflow verify` on the embedded AWS: it proves a stack, tells what is wrong, and leaves nothing behind."""

import json
import os
import re
import signal
import subprocess
import sys

import pytest

from tests.e2e.conftest import ROOT, avflow, started
from tests.waiting import PATIENCE_SECONDS, until

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def up():
    with started() as running:
        yield running


def verify(up, tmp_path, monkeypatch, *options):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", up.key_id)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", up.secret)
    report = tmp_path / "verify.md"
    run = avflow("verify", "--endpoint-url", up.url, "--region", "us-east-1", "--out", str(report), *options)
    return run, report.read_text(encoding="utf-8") if report.exists() else ""


def keys(up):
    pages = up.client("s3").get_paginator("list_object_versions").paginate(Bucket=up.bucket)
    return {each["Key"] for page in pages for each in page.get("Versions", []) if "avflow-verify" in each["Key"]}


def test_a_stack_that_does_what_it_should(up, tmp_path, monkeypatch):
    run, report = verify(up, tmp_path, monkeypatch, "--stack-name", "av-workflow")
    assert run.returncode == 0, run.stdout + run.stderr
    assert "19 of 19 checks are right" in report
    for step in ("ffmpeg", "audio2srt", "merge"):
        assert re.search(rf"^\| as usual \| {step} \| lambda \| \d+\.\d \| \d+\.\d \|$", report, re.MULTILINE)
        assert re.search(rf"^\| without Lambda \| {step} \| batch \| \d+\.\d \| \d+\.\d \|$", report, re.MULTILINE)
    assert "| words, without Lambda | yes | 0% word errors: and so my fellow americans" in report
    assert re.search(r"^\| as usual \| \d+ \| 0\.\d{4} \|$", report, re.MULTILINE), "seconds and cost"
    assert not re.search(r"\b\d{12}\b", report), "the account's id is private"
    assert "FFmpeg on Lambda: would not finish in Lambda's time, goes on: Batch" in run.stdout
    assert not {key for key in keys(up) if key.startswith(("start/", "result/"))}, "nothing is left in the bucket"


def test_a_stack_that_is_not_there(up, tmp_path, monkeypatch):
    run, report = verify(up, tmp_path, monkeypatch, "--stack-name", "another")
    assert run.returncode == 70
    assert "StackUnusable: another: Stack with id another does not exist" in run.stderr
    assert not report


def test_json_has_a_line_for_each_step_and_each_check(up, tmp_path, monkeypatch):
    run, report = verify(up, tmp_path, monkeypatch, "--json")
    assert run.returncode == 0, run.stderr
    lines = [json.loads(line) for line in run.stdout.splitlines()]
    steps, checks = ([line for line in lines if line["type"] == kind] for kind in ("step", "check"))
    ended = {
        (line["run"], line["step"], line["on"]) for line in steps if line["event"] == "ended" and not line["error"]
    }
    assert {("as usual", "Merge", "lambda"), ("without Lambda", "MergeOnBatch", "batch")} <= ended
    assert len(checks) == 19 and all(line["right"] for line in checks)
    told = {"checks": 19, "right": 19, "report": str(tmp_path / "verify.md"), "left": None}
    assert lines[-1] == {"type": "summary", **told}
    assert "19 of 19 checks are right" in report


def test_an_interrupted_run_is_stopped_and_removed(up, tmp_path):
    command = [sys.executable, "-m", "avflow_cli.main", "verify", "--endpoint-url", up.url, "--region", "us-east-1"]
    environment = {**os.environ, "AWS_ACCESS_KEY_ID": up.key_id, "AWS_SECRET_ACCESS_KEY": up.secret}
    command += ["--out", str(tmp_path / "verify.md")]
    before = len(up.executions())
    process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True)
    until(lambda: len(up.executions()) > before, "the start of the run")
    process.send_signal(signal.SIGINT)
    assert process.wait(PATIENCE_SECONDS) == 130
    process.stdout.close()
    (newest,) = [each for each in up.executions() if each["status"] == "ABORTED"]
    assert newest["name"].startswith("my_video-mkv-")
    assert not {key for key in keys(up) if key.startswith("start/")}
    assert "## as usual: INTERRUPTED" in (tmp_path / "verify.md").read_text(encoding="utf-8")
