"""The steps with their real media processes: the same results, the record of the isolation, and no decoder here."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from avflow.errors import GpuUnavailable, InvalidMediaUnreadable, IsolationUnavailable, LambdaBudgetExceeded
from avflow.isolation.policy import Isolation
from avflow.models.store import ModelStore
from avflow.workflow import audio2srt, merge, plan, yolov3
from avflow.workflow import ffmpeg as ffmpeg_step
from avflow.workflow.budget import Budget
from avflow.workflow.context import StepContext
from avflow.workflow.isolating import start
from avflow.workflow.layout import VideoRef
from avflow.workflow.settings import Settings
from avflow.workflow.storage import ObjectStore
from tests.in_process import in_process

ROOT = Path(__file__).parents[3]
SETTINGS = Settings(yolov3_model="yolov3-tiny", speech_model="whisper-tiny.en")
STEPS = (ffmpeg_step, audio2srt, yolov3, merge)
#: what decodes, infers and recognises
DECODERS = {"av", "cv2", "openvino", "onnxruntime", "faster_whisper", "ctranslate2", "pocketsphinx", "numpy"}


@pytest.fixture
def store(bucket, s3):
    return ObjectStore(bucket, s3)


@pytest.fixture(scope="module", autouse=True)
def _models():
    for name in (SETTINGS.yolov3_model, SETTINGS.speech_model):
        ModelStore().fetch(name)


def run(store, execution, start_process):
    """All steps on the sample. Returns the manifest and the contents of all results."""
    video = VideoRef(store.bucket, f"start/{execution}/my_video.mkv", execution)
    store.upload(ROOT / "samples" / "my_video.mkv", video.key)
    context = StepContext(store, "batch", settings=SETTINGS, start=start_process)
    for step in STEPS:
        step.run(video, context)
    manifest = store.read_json(video.result(".json"))
    return manifest, {key.rpartition("/")[2]: store.read_bytes(key) for key in manifest["results"]}


def test_the_results_are_those_of_one_process(store, monkeypatch):
    read = store.__class__

    monkeypatch.setattr(
        read,
        "read_bytes",
        lambda self, key: self._s3.get_object(Bucket=self.bucket, Key=key)["Body"].read(),
        raising=False,
    )
    isolated, results = run(store, "isolated", start)
    plain, expected = run(store, "plain", in_process)
    pages = results.pop("my_video.html"), expected.pop("my_video.html")  # they say how long each step took
    assert abs(len(pages[0]) - len(pages[1])) < 100
    assert results == expected
    assert isolated["detections"] == plain["detections"]
    assert [step["isolation"]["process"] for step in isolated["steps"]] == [True] * 4
    assert isolated["steps"][0]["isolation"]["limits"] == ["memory", "file size", "processes", "cpu"]


def test_an_error_of_the_media_process_is_the_steps(store, tmp_path):
    (tmp_path / "text.mkv").write_text("This is no film. " * 100)
    video = VideoRef(store.bucket, "start/text.mkv", "run-1")
    store.upload(tmp_path / "text.mkv", video.key)
    with pytest.raises(InvalidMediaUnreadable, match=r"text\.mkv"):
        ffmpeg_step.run(video, StepContext(store, "batch", settings=SETTINGS))


def test_a_job_with_a_gpu_tells_about_it_before_its_engine_starts(store, monkeypatch):
    if Path("/dev/nvidiactl").exists():
        pytest.skip("this machine has a GPU")
    told = []
    monkeypatch.setattr(yolov3, "log_gpu", lambda step, video, facts: told.append((step, facts)))
    video = VideoRef(store.bucket, "start/my_video.mkv", "run-gpu")
    store.upload(ROOT / "samples" / "my_video.mkv", video.key)
    ffmpeg_step.run(video, StepContext(store, "batch", settings=SETTINGS))
    with pytest.raises(GpuUnavailable, match=r"can use: no GPU; driver unknown"):
        yolov3.run(video, StepContext(store, "batch", settings=replace(SETTINGS, has_gpu=True)))
    ((step, facts),) = told
    assert step == "yolov3"
    assert "libcuda.so.1: cannot open shared object file" in facts


def test_a_step_that_has_no_time_left_ends_its_media_process(store):
    video = VideoRef(store.bucket, "start/my_video.mkv", "run-1")
    store.upload(ROOT / "samples" / "my_video.mkv", video.key)
    with pytest.raises(LambdaBudgetExceeded):
        ffmpeg_step.run(video, StepContext(store, "lambda", budget=Budget(deadline=0.0), settings=SETTINGS))


def test_a_segment_on_lambda_that_has_no_time_for_it_is_left_to_batch(store):
    """As the upload's metadata says, by which `avflow verify` tries each fallback."""
    video = VideoRef(store.bucket, "start/my_video.mkv", "run-short")
    store.upload(ROOT / "samples" / "my_video.mkv", video.key)
    short = replace(SETTINGS, short_videos="lambda")
    media = ffmpeg_step.run(video, StepContext(store, "batch", settings=short))
    part = plan.parts_on_lambda(media.plan)[0]
    store.write(video.media_json, replace(media, choices=replace(media.choices, lambda_seconds=0.1)))
    budget = Budget(deadline=time.monotonic() + 900)
    with pytest.raises(LambdaBudgetExceeded, match=r"may use 0\.1 s of Lambda"):
        yolov3.run(video, StepContext(store, "lambda", budget=budget, settings=short, part=part))
    assert yolov3.run(video, StepContext(store, "batch", settings=short)).frames == media.plan.segments.frames


def test_a_required_isolation_that_is_missing_ends_the_step_before_it_reads(store, monkeypatch):
    monkeypatch.setattr(Isolation, "missing", ("landlock",))
    video = VideoRef(store.bucket, "start/my_video.mkv", "run-1")
    store.upload(ROOT / "samples" / "my_video.mkv", video.key)
    required = StepContext(store, "lambda", settings=replace(SETTINGS, isolation="required"))
    with pytest.raises(IsolationUnavailable, match="lacks landlock"):
        ffmpeg_step.run(video, required)


@pytest.mark.parametrize("program", ["lambdas.ffmpeg.app", "lambdas.audio2srt.app", "lambdas.merge.app",
                                     "lambdas.yolov3.app", "batch_jobs.job_main",
                                     "avflow.workflow.yolov3"])  # fmt: skip
def test_the_process_with_the_credentials_loads_no_decoder(program):
    code = f"import sys, json, {program}, avflow.workflow.isolating; print(json.dumps([*sys.modules]))"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True,
        env={"AWS_DEFAULT_REGION": "us-east-1", "PATH": "/usr/bin:/bin"},
    )  # fmt: skip
    assert not DECODERS & {*json.loads(done.stdout)}
