"""With Lambda functions that are too small, the steps move to Batch, and the results are the same."""

import re

import pytest

from tests.e2e.conftest import SAMPLE, run_video


@pytest.mark.parametrize(
    ("option", "value", "moved", "lacking"),
    [
        pytest.param("--lambda-timeout", "1", {"FFmpeg", "Audio2srt"}, "time", marks=pytest.mark.slow),
        pytest.param("--lambda-memory", "128", {"Audio2srt"}, "memory", marks=pytest.mark.slow),
        pytest.param("--lambda-tmp", "1", {"FFmpeg", "Merge"}, "/tmp", marks=pytest.mark.slow),
    ],
)
def test_what_lambda_cannot_do_batch_does(tmp_path, sample_run, option, value, moved, lacking):
    run = run_video(SAMPLE, tmp_path / "result", option, value)
    assert run.status == 0, run.err
    steps = {step["name"]: step["ran_on"] for step in run.json("my_video.json")["steps"]}
    for state in moved:
        assert steps[state.lower()] == "batch"
        assert re.search(
            rf"^{state} on Lambda: moved to Batch: .* Lambda's {lacking}\b.* \(after ", run.out, re.MULTILINE
        )
        assert f"{state}OnBatch on Batch: done" in run.out
    for name in ("my_video.srt", "my_video.detections.jsonl"):
        assert (run.folder / name).read_bytes() == (sample_run.folder / name).read_bytes()
