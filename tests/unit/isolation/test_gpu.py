"""Isolation on a machine with an NVIDIA GPU: CUDA works in the media process, and the attacks still don't."""

from __future__ import annotations

import re
import shutil
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from avflow.annotation.pipeline import annotate_video
from avflow.detection import open_model
from avflow.isolation.worker import MediaWorker
from avflow.isolation.workplace import workplace
from avflow.media import probe
from avflow.media_work.requests import Annotate, ConvertModel, DescribeGpu, LoadDetector
from avflow.models.store import ModelStore
from tests.speech_samples import SAMPLE
from tests.unit.isolation.attacks import ATTACKS
from tests.unit.isolation.requests import Attack
from tests.unit.isolation.targets import TASKS

pytestmark = pytest.mark.skipif(not Path("/dev/nvidiactl").exists(), reason="this machine has no NVIDIA GPU")
MODEL, STEP = "yolov3-tiny", "avflow.media_work.yolov3"


@pytest.fixture(scope="module", autouse=True)
def model() -> None:
    """The network is converted as `avflow.workflow.yolov3` does it: by a process that sees no upload."""
    ModelStore().fetch(MODEL)
    root = ModelStore().root
    with workplace() as place, MediaWorker(STEP, place, gpu=True, readable=[root], writable=[root]) as worker:
        worker.do(ConvertModel(MODEL, "fastest", gpu=True))


@pytest.mark.parametrize("programs", [True, False])
def test_no_attack_succeeds_where_the_gpu_is_open(place, facts, programs):
    with MediaWorker(TASKS, place, programs=programs, gpu=True, required=True) as worker:
        assert worker.isolation.missing == ()
        assert worker.do(Attack(facts)).succeeded == {}
    assert len(ATTACKS) >= 55


def test_the_boxes_are_those_of_the_gpu_without_isolation(place, tmp_path):
    source = place.inputs / "converted.mkv"
    shutil.copy(SAMPLE, source)
    stream = probe(source).video
    assert stream is not None
    with MediaWorker(STEP, place, gpu=True, required=True, readable=[ModelStore().root]) as worker:
        facts = worker.do(DescribeGpu()).facts  # before the engine, as the step does it
        assert re.match(r"\S.*, compute capability \d+\.\d; driver \d+\.\d+\S*, for CUDA up to \d+\.\d; ", facts), facts
        engine = worker.do(LoadDetector(MODEL, "fastest", gpu=True)).engine
        assert engine is not None
        assert "CUDA" in engine or "Tensorrt" in engine
        boxed, found = place.work / "boxed.avi", place.work / "found.jsonl"
        done = worker.do(Annotate(str(source), stream, 0, stream.frames, str(boxed), str(found), hardware=False))
    with closing(open_model(MODEL, ModelStore(), "gpu")) as detector:
        alone = annotate_video(source, stream, detector, tmp_path / "boxed.avi", tmp_path / "found.jsonl")
    assert (done.frames, done.objects) == (alone.frames, alone.objects)
    assert done.objects
    assert found.read_text() == (tmp_path / "found.jsonl").read_text()


def test_a_detector_logs_no_error_while_it_works(capfd):
    """cuDNN lacks fused kernels for some convolutions; ONNX Runtime logs each as an error and takes another one."""
    with closing(open_model(MODEL, ModelStore(), "gpu")) as detector:
        detector.detect([np.zeros((416, 416, 3), np.uint8)] * 9)
    assert "Error" not in capfd.readouterr().err
