"""What the entries make of a step's end, the same for Lambda and Batch."""

import errno
import json

import pytest

from avflow.budget import Budget
from avflow.errors import InvalidMediaEmpty, LambdaBudgetExceeded, ScratchFull, StorageUnavailable
from avflow.layout import VideoRef
from avflow.stages import entry
from batch_jobs.entry import job_main

VIDEO = VideoRef("bucket", "start/a.mkv", "run-1")
ARGUMENT = json.dumps({"bucket": "bucket", "key": "start/a.mkv", "execution": "run-1"})


class Bucket:
    """Remembers what was written."""

    def __init__(self):
        self.written = {}

    def write_json(self, key, value):
        self.written[key] = value


@pytest.fixture
def bucket(monkeypatch):
    bucket = Bucket()
    monkeypatch.setattr(entry, "Store", lambda name: bucket)
    return bucket


def raising(error):
    def stage(video, context):
        raise error

    return stage


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EFBIG, errno.ENOMEM])
def test_a_full_lambda_is_not_the_videos_fault(bucket, number):
    with pytest.raises(LambdaBudgetExceeded, match=r"a\.mkv does not fit into Lambda"):
        entry.run_stage("merge", raising(OSError(number, "full")), VIDEO, "lambda", Budget())
    assert bucket.written == {}, "no failure is left behind: Batch takes over"


def test_a_scratch_space_that_ffmpeg_filled_moves_on_from_lambda_and_is_named_on_batch(bucket):
    with pytest.raises(LambdaBudgetExceeded):
        entry.run_stage("merge", raising(ScratchFull("a.mkv: no space left.")), VIDEO, "lambda", Budget())
    assert bucket.written == {}
    with pytest.raises(ScratchFull):
        entry.run_stage("merge", raising(ScratchFull("a.mkv: no space left.")), VIDEO, "batch", Budget())
    assert bucket.written["media/run-1/merge.error.json"]["error"] == "ScratchFull"


def test_a_full_batch_job_is_a_failure(bucket):
    with pytest.raises(OSError, match="full"):
        entry.run_stage("merge", raising(OSError(errno.ENOSPC, "full")), VIDEO, "batch", Budget())


def test_another_operating_system_error_stays_what_it_is(bucket):
    with pytest.raises(FileNotFoundError):
        entry.run_stage("merge", raising(FileNotFoundError(errno.ENOENT, "gone")), VIDEO, "lambda", Budget())


@pytest.mark.parametrize("ran_on", ["lambda", "batch"])
def test_a_steps_own_error_is_left_for_the_report(bucket, ran_on):
    with pytest.raises(InvalidMediaEmpty):
        entry.run_stage("ffmpeg", raising(InvalidMediaEmpty("a.mkv has 0 bytes")), VIDEO, ran_on, Budget())
    left = bucket.written["media/run-1/ffmpeg.error.json"]
    assert (left["error"], left["message"]) == ("InvalidMediaEmpty", "a.mkv has 0 bytes.")
    assert left["advice"]


@pytest.mark.parametrize(
    ("error", "status"), [(InvalidMediaEmpty("m"), 65), (StorageUnavailable("m"), 75), (LambdaBudgetExceeded("m"), 70)]
)
def test_a_jobs_exit_status_is_its_errors(bucket, error, status, capsys):
    assert job_main("ffmpeg", raising(error), ["job", ARGUMENT]) == status
    assert f"{error.name}: m" in capsys.readouterr().err


@pytest.mark.parametrize("argv", [["job"], ["job", "no JSON"], ["job", "{}"]])
def test_a_job_without_a_video_is_wrong_usage(argv, capsys):
    assert job_main("ffmpeg", raising(AssertionError("never called")), argv) == 64
    assert "usage: python -m batch_jobs.ffmpeg.job" in capsys.readouterr().err


def test_a_job_that_does_its_work_ends_well(bucket):
    assert job_main("ffmpeg", lambda video, context: {"step": {}}, ["job", ARGUMENT]) == 0
