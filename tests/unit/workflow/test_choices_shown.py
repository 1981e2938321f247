"""What the boxes show is what was chosen, with the real model."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from avflow.choices import Choices
from avflow.models.store import ModelStore
from avflow.workflow import ffmpeg as ffmpeg_step
from avflow.workflow import yolov3
from avflow.workflow.context import StepContext
from avflow.workflow.settings import Settings
from avflow.workflow.storage import ObjectStore
from tests.in_process import in_process
from tests.media_samples import ffmpeg, rgb_frames
from tests.speech_samples import SAMPLE
from tests.unit.workflow.test_choices import uploaded


@pytest.fixture
def store(bucket, s3):
    return ObjectStore(bucket, s3)


def done(store, s3, clip, run, path, **metadata):
    """The YOLOv3 step with the real model: its report, the objects of each line, and the frames."""
    video = replace(uploaded(store, s3, clip, **metadata), execution=run)
    context = StepContext(store, "batch", settings=Settings(yolov3_model="yolov3-tiny"), start=in_process)
    ffmpeg_step.run(video, context)
    updated = replace(context.settings, choices=Choices(confidence=0.99, labels="class"))  # a stack, before a redrive
    report = yolov3.run(video, replace(context, settings=updated))
    store.download(video.segment_file("avi", 0), path)
    lines = s3.get_object(Bucket=store.bucket, Key=video.segment_file("detections", 0))["Body"].read().splitlines()
    return report, [json.loads(line)["objects"] for line in lines], rgb_frames(path, 768, 576).astype(int)


@pytest.mark.slow
def test_what_is_shown_is_what_was_chosen(store, s3, tmp_path):
    ModelStore().fetch("yolov3-tiny")
    clip, path = tmp_path / "clip.mkv", tmp_path / "boxed.avi"
    ffmpeg("-i", SAMPLE, "-t", "0.3", "-c", "copy", "-an", clip)
    _, usual, labelled = done(store, s3, clip, "usual", path)
    _, same, bare = done(store, s3, clip, "bare", path, **{"avflow-labels": "none"})
    assert same == usual
    plain = rgb_frames(clip, 768, 576).astype(int)
    drawn, drawn_bare = (abs(frames - plain).max(axis=3) > 60 for frames in (labelled, bare))
    assert 0 < drawn_bare.sum() < 0.7 * drawn.sum()
    chosen = {"avflow-confidence": "0.5", "avflow-classes": "Person"}
    report, found, _ = done(store, s3, clip, "chosen", path, **chosen)
    assert found == [[one for one in line if one["class"] == "person" and one["confidence"] > 0.5] for line in usual]
    assert all(0 < len(line) < len(before) for line, before in zip(found, usual, strict=True))
    assert report.objects == {"person": sum(map(len, found))}
    assert report.frames_with == {"person": len(found)}
