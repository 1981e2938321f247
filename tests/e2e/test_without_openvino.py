"""The whole workflow as on a platform that neither OpenVINO nor PocketSphinx has a package for."""

import json
import os

import pytest

from tests.e2e.conftest import SAMPLE, avflow

#: a module that every Python process of the run imports first
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
        # bfloat16, where OpenVINO has it, moves a box of a confidence near the threshold across it
        assert manifest["detections"]["frames_with"].get(class_name, 0) == pytest.approx(frames, abs=8), class_name
