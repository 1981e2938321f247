"""Each error name that AWS can give a step: it is retried, moves to Batch, or ends the run."""

import pytest

RETRIED = [
    "StorageUnavailable",
    "Lambda.ServiceException",
    "Lambda.AWSLambdaException",
    "Lambda.SdkClientException",
    "Lambda.ClientExecutionTimeoutException",
    "Lambda.TooManyRequestsException",
]
# "sleep" really runs into its function's time-out, "exit" really ends its process
TO_BATCH = ["LambdaBudgetExceeded", "Sandbox.Timedout", "Lambda.Unknown", "Runtime.ExitError", "OSError"]
TO_BATCH_FOR_REAL = ["sleep", "exit"]
AT_ONCE = ["InvalidMediaUnreadable", "InvalidMediaEmpty", "SourceMissing", "KeyError", "FFmpegFailed"]

STEPS = {"ffmpeg": "FFmpeg", "audio2srt": "Audio2srt", "merge": "Merge"}
HURRIED = {f"batch {step} sleep": f"{state}Function" for step, state in STEPS.items()}

CASES = {
    "well": {},
    **{f"retried {name}": {"ffmpeg": {"lambda": [name]}} for name in RETRIED},
    "retried audio2srt": {"audio2srt": {"lambda": ["StorageUnavailable"]}},
    "retried merge": {"merge": {"lambda": ["Lambda.ServiceException"]}},
    **{f"batch {step} {name}": {step: {"lambda": [name]}} for step in ("ffmpeg",) for name in TO_BATCH},
    **{f"batch {step} {name}": {step: {"lambda": [name]}} for step in STEPS for name in TO_BATCH_FOR_REAL},
    **{f"at once {name}": {"ffmpeg": {"lambda": [name]}} for name in AT_ONCE},
    "at once audio2srt": {"audio2srt": {"lambda": ["ModelUnavailable"]}},
    "job exit code": {"ffmpeg": {"lambda": ["LambdaBudgetExceeded"], "batch": ["3"]}},
    "job named error": {"ffmpeg": {"lambda": ["LambdaBudgetExceeded"], "batch": ["InvalidMediaTruncated"]}},
    "job transient": {"yolov3": {"batch": ["75", "75"]}},
    "detector fails": {"yolov3": {"batch": ["DarknetModelInvalid"]}},
}


@pytest.fixture(scope="module")
def started(workflow):
    """Start all cases at once: they mostly wait."""
    machines = {name: workflow.hurried(function) for name, function in HURRIED.items()}
    return {name: workflow.start(script, machines.get(name)) for name, script in CASES.items()}


@pytest.fixture
def finished(workflow, started):
    return lambda case: workflow.finish(started[case])


def test_nothing_goes_wrong(finished):
    run = finished("well")
    assert (run.status, run.report) == ("SUCCEEDED", None)
    assert {"Audio2srt", "Yolov3", "Merge", "AnnounceResults", "Done"} <= set(run.states)
    assert not [state for state in run.states if "OnBatch" in state or "OnDemand" in state]


@pytest.mark.parametrize("name", RETRIED)
def test_transient_errors_are_retried_on_lambda(finished, name):
    run = finished(f"retried {name}")
    assert run.status == "SUCCEEDED"
    assert run.tasks["FFmpeg"] == 2
    assert "FFmpegOnBatch" not in run.states


@pytest.mark.parametrize("step", ["audio2srt", "merge"])
def test_every_lambda_step_retries(finished, step):
    run = finished(f"retried {step}")
    assert (run.status, run.tasks[STEPS[step]]) == ("SUCCEEDED", 2)


@pytest.mark.parametrize("name", TO_BATCH)
def test_what_lambda_cannot_do_moves_to_batch_without_a_retry(finished, name):
    run = finished(f"batch ffmpeg {name}")
    assert run.status == "SUCCEEDED"
    assert run.tasks["FFmpeg"] == 1
    assert run.tasks["FFmpegOnBatch"] == 1


@pytest.mark.parametrize("death", TO_BATCH_FOR_REAL)
@pytest.mark.parametrize("step", STEPS)
def test_every_step_survives_the_death_of_its_lambda(finished, step, death):
    run = finished(f"batch {step} {death}")
    assert run.status == "SUCCEEDED"
    assert run.tasks[STEPS[step]] == 1
    assert run.tasks[f"{STEPS[step]}OnBatch"] == 1


@pytest.mark.parametrize("name", AT_ONCE)
def test_other_errors_end_the_run_at_once_by_their_name(finished, name):
    run = finished(f"at once {name}")
    assert (run.status, run.error) == ("FAILED", name)
    assert run.report is not None
    assert run.report["error"] == name
    assert run.report["message"].startswith("ffmpeg failed as planned")
    assert run.report["advice"]
    assert run.states[-2:] == ["NotifyFailure", "Failed"]
    assert "FFmpegOnBatch" not in run.states, "no Batch job is paid for"
    assert "Yolov3" not in run.states
    assert run.tasks["FFmpeg"] == 1


def test_a_failure_in_a_branch_keeps_its_name(finished):
    run = finished("at once audio2srt")
    assert (run.status, run.error) == ("FAILED", "ModelUnavailable")
    assert "Audio2srtOnBatch" not in run.states
    assert "Merge" not in run.states


def test_a_job_that_fails_by_its_own_exit_code_is_not_tried_again(finished):
    run = finished("job exit code")
    assert (run.status, run.error) == ("FAILED", "JobFailed")
    assert "exit code 3" in run.report["message"]
    assert run.tasks["FFmpegOnBatch"] == 1


def test_a_jobs_named_error_becomes_the_executions(finished):
    run = finished("job named error")
    assert (run.status, run.error) == ("FAILED", "InvalidMediaTruncated")
    assert run.report["message"] == "ffmpeg failed as planned."


def test_a_job_that_asks_for_another_try_gets_it_inside_batch(finished):
    run = finished("job transient")
    assert run.status == "SUCCEEDED"
    assert run.tasks["Yolov3"] == 1


def test_a_detector_that_fails_by_itself_gets_no_second_gpu(finished):
    run = finished("detector fails")
    assert (run.status, run.error) == ("FAILED", "DarknetModelInvalid")
    assert "Yolov3OnDemand" not in run.states
