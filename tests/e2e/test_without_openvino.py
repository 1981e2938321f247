"""The whole workflow as on a platform without packages of OpenVINO and PocketSphinx."""

import json
import os

import pytest

from tests.e2e.conftest import SAMPLE, avflow

#: module that every Python process of the run imports first
SITE = "import sys\nsys.modules['openvino'] = sys.modules['pocketsphinx'] = None\n"


def test_onnx_runtime_stands_in_and_the_manifest_says_so(tmp_path, monkeypatch, sample_run):
    (tmp_path / "sitecustomize.py").write_text(SITE)
    monkeypatch.setenv("PYTHONPATH", os.fspath(tmp_path))
    done = avflow("run", "--out", tmp_path / "result", "--", SAMPLE)
    assert done.returncode == 0, done.stderr
    manifest, usual = (
        json.loads((folder / "my_video.json").read_text()) for folder in (tmp_path / "result", sample_run.folder)
    )
    assert manifest["detections"]["engine"] == "ONNX Runtime, CPUExecutionProvider, fp32"
    for class_name, frames in usual["detections"]["frames_with"].items():
        # OpenVINO's bfloat16, on a CPU that has it, can move the confidence of a box across the threshold
        assert manifest["detections"]["frames_with"].get(class_name, 0) == pytest.approx(frames, abs=8), class_name
