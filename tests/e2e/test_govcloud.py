"""The sample video in another partition: every ARN, policy, event and state of the workflow is of aws-us-gov."""

import json
import os
import subprocess
import sys

import pytest

from tests.e2e.conftest import ROOT, SAMPLE
from tests.result_sets import named


@pytest.mark.slow
def test_the_workflow_runs_in_govcloud(tmp_path):
    command = [sys.executable, "-m", "avflow_cli.main", "run", "--out", str(tmp_path), "--", str(SAMPLE)]
    environment = {**os.environ, "AVFLOW_AWS_REGION": "us-gov-west-1"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    manifest = json.loads((tmp_path / "my_video.json").read_text(encoding="utf-8"))
    assert manifest["detections"]["objects"], "boxes"
    assert (tmp_path / "my_video.srt").read_text(encoding="utf-8").count("-->") >= 2
    assert {path.name for path in tmp_path.iterdir()} == named("my_video")
