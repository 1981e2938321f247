"""A short video whose objects are detected in Lambda functions gives the same results as on AWS Batch."""

import pytest

from tests.e2e.conftest import SAMPLE, run_video


@pytest.fixture(scope="module")
def short_run(tmp_path_factory):
    run = run_video(SAMPLE, tmp_path_factory.mktemp("short"), "--short-videos", "lambda")
    assert run.status == 0, run.err
    return run


def test_the_same_objects_are_found_on_the_same_frames(short_run, sample_run):
    for name in ("my_video.detections.jsonl", "my_video.srt"):
        assert (short_run.folder / name).read_bytes() == (sample_run.folder / name).read_bytes()


def test_no_step_needs_a_job_and_the_manifest_compares_the_cost(short_run, sample_run):
    short, batch = (run.json("my_video.json") for run in (short_run, sample_run))
    assert short["detections"] == batch["detections"]
    assert {step["ran_on"] for step in short["steps"]} == {"lambda"}
    segments = [step for step in short["steps"] if step["name"] == "yolov3"]
    assert [step["part"] for step in segments] == [0, 1]
    assert {step["compute"]["memory_mb"] for step in segments} == {3008}
    assert set(short["cost"]["yolov3"]) == {"as_run", "gpu_spot", "fargate"}
    assert set(batch["cost"]["yolov3"]) == {"as_run", "lambda", "fargate"}
    assert "ec2" not in short["cost"]["by"]
