"""Lambdas that are too small: the steps really move to Batch, and the results are the same."""

import pytest

from tests.e2e.conftest import SAMPLE, run_video


@pytest.mark.parametrize(
    "option",
    [
        ("--lambda-timeout", "1"),
        pytest.param(("--lambda-memory", "128"), marks=pytest.mark.slow),
        pytest.param(("--lambda-tmp", "1"), marks=pytest.mark.slow),
    ],
    ids=lambda option: option[0],
)
def test_what_lambda_cannot_do_batch_does(tmp_path, sample_run, option):
    run = run_video(SAMPLE, tmp_path / "result", *option)
    assert run.status == 0, run.err
    steps = {step["name"]: step["ran_on"] for step in run.json("my_video.json")["steps"]}
    assert steps["audio2srt"] == "batch"
    assert "Audio2srt on Lambda: failed (" in run.out
    assert "Audio2srtOnBatch on Batch: done" in run.out
    for name in ("my_video.srt", "my_video.detections.jsonl"):
        assert (run.folder / name).read_bytes() == (sample_run.folder / name).read_bytes()
