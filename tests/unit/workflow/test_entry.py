"""How the entry points on Lambda and Batch run a step and report its end."""

import errno
import json

import pytest

from avflow.errors import AvflowError, InvalidMediaEmpty, LambdaBudgetExceeded, ScratchFull, StorageUnavailable
from avflow.workflow import entry
from avflow.workflow.budget import Budget
from avflow.workflow.layout import VideoRef
from avflow.workflow.reports import SegmentDoneBefore
from batch_jobs.job_main import job_main
from lambdas.step_handler import lambda_handler
from tests.reports import step

VIDEO = VideoRef("bucket", "start/a.mkv", "run-1")
DONE = SegmentDoneBefore(step("yolov3"))
ARGUMENT = json.dumps({"bucket": "bucket", "key": "start/a.mkv", "execution": "run-1"})


class Bucket:
    """A bucket that keeps what was written."""

    def __init__(self):
        self.written = {}

    def write(self, key, value):
        self.written[key] = value.to_dict()


@pytest.fixture
def bucket(monkeypatch):
    bucket = Bucket()
    monkeypatch.setattr(entry, "ObjectStore", lambda name: bucket)
    return bucket


def raising(error):
    def work(video, context):
        raise error

    return work


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.ENOMEM])
def test_a_full_lambda_is_not_the_videos_fault(bucket, number):
    with pytest.raises(LambdaBudgetExceeded, match=r"a\.mkv does not fit into Lambda"):
        entry.run_step("merge", raising(OSError(number, "full")), VIDEO, "lambda", Budget())
    assert bucket.written == {}, "no error report: Batch takes over"


def test_a_scratch_space_that_ffmpeg_filled_moves_on_from_lambda_and_is_named_on_batch(bucket):
    with pytest.raises(LambdaBudgetExceeded):
        entry.run_step("merge", raising(ScratchFull("a.mkv: no space left.")), VIDEO, "lambda", Budget())
    assert bucket.written == {}
    with pytest.raises(ScratchFull):
        entry.run_step("merge", raising(ScratchFull("a.mkv: no space left.")), VIDEO, "batch", Budget())
    assert bucket.written["media/run-1/merge.error.json"]["error"] == "ScratchFull"


@pytest.mark.parametrize(
    ("error", "name"),
    [
        (OSError(errno.ENOSPC, "full"), "ScratchFull"),
        (OSError(errno.EDQUOT, "full"), "ScratchFull"),
        (OSError(errno.EFBIG, "full"), "ScratchFull"),
        (FileNotFoundError(errno.ENOENT, "No usable temporary directory found in ['/tmp']"), "ScratchFull"),
        (OSError(errno.ENOMEM, "full"), "MemoryExhausted"),
        (MemoryError("full"), "MemoryExhausted"),
    ],
)
def test_a_full_batch_job_is_named(bucket, error, name):
    with pytest.raises(AvflowError, match=r"a\.mkv") as caught:
        entry.run_step("merge", raising(error), VIDEO, "batch", Budget())
    assert caught.value.name == bucket.written["media/run-1/merge.error.json"]["error"] == name


def test_a_missing_file_is_no_full_disk(bucket):
    with pytest.raises(FileNotFoundError):
        entry.run_step("merge", raising(FileNotFoundError(errno.ENOENT, "nothing there")), VIDEO, "batch", Budget())


def test_an_invalid_argument_is_no_full_disk(bucket):
    """The state machine takes the name OSError to Batch, because Lambda itself gives it to a full /tmp."""
    with pytest.raises(RuntimeError, match=r"a\.mkv: \[Errno 22\]"):
        entry.run_step("merge", raising(OSError(errno.EINVAL, "Invalid argument")), VIDEO, "lambda", Budget())


def test_another_operating_system_error_stays_what_it_is(bucket):
    with pytest.raises(FileNotFoundError):
        entry.run_step("merge", raising(FileNotFoundError(errno.ENOENT, "gone")), VIDEO, "lambda", Budget())


@pytest.mark.parametrize("ran_on", ["lambda", "batch"])
def test_a_steps_own_error_is_left_for_the_report(bucket, ran_on):
    with pytest.raises(InvalidMediaEmpty):
        entry.run_step("ffmpeg", raising(InvalidMediaEmpty("a.mkv has 0 bytes")), VIDEO, ran_on, Budget())
    left = bucket.written["media/run-1/ffmpeg.error.json"]
    assert (left["error"], left["message"]) == ("InvalidMediaEmpty", "a.mkv has 0 bytes.")
    assert left["advice"]


def test_an_error_that_cannot_be_stored_keeps_its_name(bucket, monkeypatch):
    def write(key, value):
        raise StorageUnavailable("S3 did not answer")

    monkeypatch.setattr(bucket, "write", write)
    with pytest.raises(InvalidMediaEmpty):
        entry.run_step("ffmpeg", raising(InvalidMediaEmpty("a.mkv has 0 bytes")), VIDEO, "batch", Budget())


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
    assert job_main("ffmpeg", lambda video, context: DONE, ["job", ARGUMENT]) == 0


# ---------------------------------------------------------------- parts
@pytest.fixture
def parts(bucket):
    """A step that records the part that it works on."""
    asked = []

    def work(video, context):
        asked.append(context.part)
        return DONE

    work.asked = asked
    return work


@pytest.mark.parametrize(
    ("argv", "index", "part"), [([], None, 0), ([], "3", 3), (["7"], None, 7), (["0"], None, 0)], ids=str
)
def test_a_job_works_on_its_part(parts, monkeypatch, argv, index, part):
    if index is not None:
        monkeypatch.setenv("AWS_BATCH_JOB_ARRAY_INDEX", index)
    assert job_main("yolov3", parts, ["job", ARGUMENT, *argv]) == 0
    assert parts.asked == [part]


def test_a_part_that_is_no_number_is_wrong_usage(parts, capsys):
    assert job_main("audio2srt", parts, ["job", ARGUMENT, "first"]) == 64
    assert "[part]" in capsys.readouterr().err
    assert parts.asked == []


@pytest.mark.parametrize(("event", "part"), [({}, 0), ({"part": 5}, 5)], ids=str)
def test_a_function_works_on_its_part(parts, monkeypatch, event, part):
    monkeypatch.setenv("POWERTOOLS_TRACE_DISABLED", "true")
    context = type("Context", (), {"get_remaining_time_in_millis": lambda _: 60_000})()
    lambda_handler("audio2srt", parts)({"video": json.loads(ARGUMENT), **event}, context)
    assert parts.asked == [part]


def test_an_error_tells_the_part_that_left_it(bucket, monkeypatch):
    monkeypatch.setenv("AWS_BATCH_JOB_ARRAY_INDEX", "2")
    assert job_main("yolov3", raising(InvalidMediaEmpty("m")), ["job", ARGUMENT]) == 65
    assert bucket.written["media/run-1/yolov3.error.json"]["part"] == 2


def test_log_lines_name_the_part_and_the_job(parts, monkeypatch, capsys):
    monkeypatch.setenv("AWS_BATCH_JOB_ID", "4f0c:2")
    monkeypatch.setenv("AWS_BATCH_JOB_ATTEMPT", "1")
    monkeypatch.setenv("AWS_BATCH_JOB_ARRAY_INDEX", "2")
    job_main(
        "a step of this test's own", parts, ["job", ARGUMENT]
    )  # a name of its own, because a logger keeps its first stdout
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines() if '"message"' in line]
    assert {(line["part"], line["job"], line["attempt"]) for line in lines} == {(2, "4f0c:2", "1")}


def test_an_undivided_step_says_nothing_of_parts(parts, capsys):
    job_main("another step of this test's own", parts, ["job", ARGUMENT])
    printed = capsys.readouterr().out
    assert '"started"' in printed
    assert '"part"' not in printed


@pytest.mark.parametrize(
    ("environment", "counted"),
    [
        ({}, 0),
        ({"FALLBACK_FROM": "lambda"}, 1),
        ({"FALLBACK_FROM": "lambda", "AWS_BATCH_JOB_ATTEMPT": "2"}, 0),
        ({"FALLBACK_FROM": "spot", "AWS_BATCH_JOB_ARRAY_INDEX": "0"}, 1),
        ({"FALLBACK_FROM": "spot", "AWS_BATCH_JOB_ARRAY_INDEX": "1"}, 0),
    ],
    ids=str,
)
def test_a_fallback_is_counted_once_for_a_job_and_once_for_an_array(parts, monkeypatch, capsys, environment, counted):
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    job_main("yolov3", parts, ["job", ARGUMENT])
    assert sum('"Fallbacks"' in line and '"_aws"' in line for line in capsys.readouterr().out.splitlines()) == counted


def test_each_span_that_lambda_could_not_do_is_a_fallback(parts, monkeypatch, capsys):
    monkeypatch.setenv("FALLBACK_FROM", "lambda")
    job_main("audio2srt", parts, ["job", ARGUMENT, "3"])
    assert '"Fallbacks"' in capsys.readouterr().out


@pytest.mark.parametrize(
    ("name", "value"),
    [("SEGMENT_SECONDS", "ten"), ("SEGMENT_SECONDS", "0.5"), ("MAX_SPANS", "41"), ("SPEECH_SPAN_SECONDS", "nan"),
     ("MAX_SEGMENTS", "none"), ("DETECTOR_PRECISION", "int4")],
)  # fmt: skip
def test_a_wrong_setting_is_named_before_any_work(bucket, monkeypatch, name, value):
    monkeypatch.setenv(name, value)
    assert job_main("ffmpeg", raising(AssertionError("never called")), ["job", ARGUMENT]) == 78
    left = bucket.written["media/run-1/ffmpeg.error.json"]
    assert left["error"] == "SettingInvalid"
    assert left["message"].startswith(f"{name} is '{value}'; it must be ")
