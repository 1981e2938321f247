"""The self-test of the YOLOv3 image: what it tells before it detects, and what the isolated media process tells."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from samtranslator.yaml_helper import yaml_parse

from avflow.detection.gpu import GpuFacts
from avflow.errors import GpuUnavailable
from avflow.isolation.worker import MediaWorker
from avflow.isolation.workplace import workplace
from avflow.media_work.requests import DescribeGpu
from avflow.models.store import ModelStore
from avflow.workflow.selftest import self_test
from tests.fake_cuda import compile_cuda

ROOT = Path(__file__).parents[3]
needs_compiler = pytest.mark.skipif(shutil.which("cc") is None, reason="no C compiler")
NO_GPU = pytest.mark.skipif(Path("/dev/nvidiactl").exists(), reason="this machine has a GPU")


@pytest.fixture(autouse=True)
def _model(monkeypatch):
    ModelStore().fetch("yolov3-tiny")
    monkeypatch.setenv("YOLOV3_MODEL", "yolov3-tiny")
    monkeypatch.delenv("NVIDIA_VISIBLE_DEVICES", raising=False)


def test_the_gpu_and_then_the_engine_are_told_before_it_detects():
    told = []
    facts = GpuFacts("Tesla T4", "7.5", "580.178.03", "13.0", "13.0", "13.0", "9.16.0")
    found = self_test(told.append, lambda: facts, gpu=False)
    assert told == [f"self-test: {facts}", f"self-test: yolov3-tiny on {found['engine']}"]
    assert "Tesla T4, compute capability 7.5; driver 580.178.03" in told[0]
    assert found["gpu"] == facts.to_dict()
    assert {each["class"] for each in found["boxes"]} == {"horse", "dog", "person"}


@NO_GPU
def test_a_job_whose_gpu_does_not_work_tells_what_is_missing_and_fails(monkeypatch):
    monkeypatch.setenv("NVIDIA_VISIBLE_DEVICES", "GPU-4cf8db2d-06c0-7d70-1a51-e59b25b2c16c")
    told = []
    with pytest.raises(GpuUnavailable, match=r"no NVIDIA GPU that it can use: no GPU; driver unknown.*libcuda\.so\.1"):
        self_test(told.append)
    assert len(told) == 1
    assert "libcuda.so.1: cannot open shared object file" in told[0]


@NO_GPU
@pytest.mark.parametrize(("devices", "status"), [("", 0), ("GPU-4cf8db2d", os.EX_UNAVAILABLE)])
def test_the_batch_job_ends_with_what_it_found(devices, status):
    done = subprocess.run(
        [sys.executable, "-m", "batch_jobs.yolov3.selftest"],
        env=os.environ | {"NVIDIA_VISIBLE_DEVICES": devices},
        capture_output=True,
        text=True,
        check=False,
    )
    lines = done.stdout.splitlines()
    assert done.returncode == status, done.stderr
    assert lines[0].startswith("self-test: no GPU; driver unknown")
    if status:
        assert done.stderr.splitlines()[-1].startswith("GpuUnavailable: ONNX Runtime finds no NVIDIA GPU")
        assert len(lines) == 1
    else:
        assert json.loads(lines[-1])["gpu"]["name"] is None


def test_the_command_in_the_documents_names_what_there_is():
    text = (ROOT / "docs" / "deploy.md").read_text(encoding="utf-8")
    (module,) = re.findall(r"command=python,-m,([\w.]+)", text)
    assert (ROOT / f"{module.replace('.', '/')}.py").is_file()
    resources = yaml_parse((ROOT / "template.yaml").read_text(encoding="utf-8"))["Resources"]
    named = re.findall(r'"\$\(id (\w+)\)"', text)
    assert len(named) == 2
    assert {resources[name]["Type"] for name in named} == {"AWS::Batch::JobQueue", "AWS::Batch::JobDefinition"}


@needs_compiler
def test_the_isolated_process_of_a_job_tells_about_its_gpu(tmp_path, monkeypatch):
    compile_cuda(tmp_path / "libcuda.so.1")
    monkeypatch.setenv("LD_LIBRARY_PATH", str(tmp_path))
    with (
        workplace() as place,
        MediaWorker("avflow.media_work.yolov3", place, gpu=True, readable=[tmp_path]) as worker,
    ):
        facts = worker.do(DescribeGpu()).facts
    assert facts.startswith("Tesla T4, compute capability 7.5; driver ")
    assert "for CUDA up to 13.0" in facts


@NO_GPU
def test_the_isolated_process_without_a_gpu_says_what_is_missing():
    with workplace() as place, MediaWorker("avflow.media_work.yolov3", place, gpu=True) as worker:
        facts = worker.do(DescribeGpu()).facts
    assert facts.startswith("no GPU; driver unknown")
    assert "libcuda.so.1: cannot open shared object file" in facts
