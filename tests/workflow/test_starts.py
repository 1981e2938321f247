"""Functions that can't start yet, and jobs whose container never runs, on the embedded Lambda and Batch."""

import pytest

from local_aws.batch.starts import FailedStart
from local_aws.cloudformation.sam import load
from tests.workflow.harness import ROOT, TEMPLATE

ON_EC2 = FailedStart("Task failed to start", "CannotPullContainerError: 429 Too Many Requests")
ON_FARGATE = FailedStart("ResourceInitializationError: unable to pull secrets or registry auth: i/o timeout")
NO_NETWORK = FailedStart("Timeout waiting for network interface provisioning to complete.")
TO_BATCH = {step: {"lambda": ["LambdaBudgetExceeded"]} for step in ("ffmpeg", "audio2srt", "merge")}
#: replacements in the state machine
NO_PAUSE = ('"Seconds":300', '"Seconds":0')
CPU = (*NO_PAUSE, '"Result":"gpu"', '"Result":"cpu"')
GPU_THEN_CPU = (*NO_PAUSE, '"Result":"gpu"', '"Result":"gpu-then-cpu"')


def run_with(workflow, failing, script, *variant, **video):
    """An execution during which so many next attempts of jobs of a definition can't start: (definition, how, many)."""
    for definition, failure, attempts in failing:
        workflow.aws.batch.fail_starts(f"scripted-{definition}", failure, attempts)
    return workflow.finish(workflow.start(script, workflow.variant(*(variant or NO_PAUSE)), **video))


def test_the_retry_strategy_is_the_projects_own(tmp_path):
    def strategies(path):
        resources = load(path, {}, tmp_path)["Resources"].values()
        return [
            each["Properties"]["RetryStrategy"] for each in resources if each["Type"] == "AWS::Batch::JobDefinition"
        ]

    own = strategies(ROOT / "template.yaml")
    assert all(each == own[0] for each in (*own, *strategies(TEMPLATE)))


# ---------------------------------------------------------------- functions
def test_after_a_quiet_month_a_run_wakes_all_functions_and_pays_for_no_job(workflow):
    machine = workflow.asleep(
        1.5, "CodeArtifactUserPendingException", "FFmpegFunction", "Audio2srtFunction", "MergeFunction"
    )
    run = workflow.finish(workflow.start({}, machine))
    assert run.status == "SUCCEEDED"
    assert min(run.tasks[state] for state in ("FFmpeg", "Audio2srt", "Merge")) > 1
    assert not [state for state in run.states if state.endswith("OnBatch")]


@pytest.mark.parametrize("error", ["ResourceNotReadyException", "ResourceConflictException", "AWSLambdaException"])
def test_each_name_of_a_function_that_sleeps_is_waited_for(workflow, error):
    run = workflow.finish(workflow.start({}, workflow.asleep(1.0, error, "MergeFunction")))
    assert run.status == "SUCCEEDED"
    assert run.tasks["Merge"] > 1
    assert "MergeOnBatch" not in run.states


def test_the_reporter_is_woken_too(workflow):
    machine = workflow.asleep(1.0, "CodeArtifactUserPendingException", "FailedFunction")
    run = workflow.finish(workflow.start({"ffmpeg": {"lambda": ["InvalidMediaEmpty"]}}, machine))
    assert (run.status, run.error) == ("FAILED", "InvalidMediaEmpty")
    assert run.report["error"] == "InvalidMediaEmpty"


@pytest.mark.parametrize(
    ("error", "tries"), [("CodeArtifactUserPendingException", 3), ("CodeArtifactUserFailedException", 1)]
)
def test_a_function_that_never_wakes_moves_its_step_to_batch(workflow, error, tries):
    run = workflow.finish(workflow.start({}, workflow.asleep(None, error, "Audio2srtFunction")))
    assert run.status == "SUCCEEDED"
    assert (run.tasks["Audio2srt"], run.tasks["Audio2srtOnBatch"]) == (tries, 1)


# ---------------------------------------------------------------- jobs
def test_batch_itself_tries_again_what_never_started(workflow):
    run = run_with(workflow, [("FFmpegJob", ON_FARGATE, 2)], TO_BATCH)
    assert (run.status, run.tasks["FFmpegOnBatch"]) == ("SUCCEEDED", 1)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("definition", "state"),
    [("FFmpegJob", "FFmpegOnBatch"), ("Audio2srtJob", "Audio2srtOnBatch"), ("MergeJob", "MergeOnBatch")],
)
@pytest.mark.parametrize("failure", [ON_EC2, ON_FARGATE, NO_NETWORK], ids=["image", "credentials", "network"])
def test_behind_batch_the_state_machine_tries_once_more(workflow, definition, state, failure):
    run = run_with(workflow, [(definition, failure, 3)], TO_BATCH)
    assert (run.status, run.tasks[state]) == ("SUCCEEDED", 2)


@pytest.mark.parametrize(
    ("definition", "failure", "name"),
    [
        ("FFmpegJob", ON_FARGATE, "JobNotStarted"),
        ("Audio2srtJob", NO_NETWORK, "JobNotStarted"),
        ("MergeJob", ON_EC2, "ImageUnavailable"),
    ],
)
def test_what_never_starts_is_named_in_the_end(workflow, definition, failure, name):
    run = run_with(workflow, [(definition, failure, 6)], TO_BATCH)
    assert (run.status, run.error) == ("FAILED", name)
    assert failure.status_reason in run.report["message"]
    assert failure.reason in run.report["message"]


def test_a_job_that_ran_and_failed_gets_no_second_try_by_the_state_machine(workflow):
    run = run_with(workflow, [], {"ffmpeg": {"lambda": ["LambdaBudgetExceeded"], "batch": ["3"]}})
    assert (run.error, run.tasks["FFmpegOnBatch"]) == ("JobFailed", 1)


@pytest.mark.parametrize("segments", [1, 2])
def test_a_gpu_job_that_never_started_on_spot_runs_on_demand(workflow, segments):
    run = run_with(workflow, [("Yolov3Job", ON_EC2, 3 * segments)], {}, segments=segments)
    assert run.status == "SUCCEEDED"
    assert (run.tasks["Yolov3"], run.tasks["Yolov3OnDemand"]) == (1, 1)


@pytest.mark.parametrize("segments", [1, 2])
def test_where_no_gpu_starts_the_job_the_cpu_does(workflow, segments):
    run = run_with(workflow, [("Yolov3Job", ON_EC2, 6 * segments)], {}, *GPU_THEN_CPU, segments=segments)
    assert run.status == "SUCCEEDED"
    assert (run.tasks["Yolov3"], run.tasks["Yolov3OnDemand"], run.tasks["Yolov3OnCpu"]) == (1, 1, 1)


@pytest.mark.parametrize("segments", [1, 2])
@pytest.mark.parametrize("failure", [ON_FARGATE, NO_NETWORK], ids=["credentials", "network"])
def test_detection_without_gpus_is_tried_once_more(workflow, segments, failure):
    run = run_with(workflow, [("Yolov3Job", failure, 3 * segments)], {}, *CPU, segments=segments)
    assert (run.status, run.tasks["Yolov3OnCpu"]) == ("SUCCEEDED", 2)


def test_segments_that_never_start_are_named(workflow):
    run = run_with(workflow, [("Yolov3Job", ON_FARGATE, 12)], {}, *CPU, segments=2)
    assert (run.error, run.tasks["Yolov3OnCpu"]) == ("JobNotStarted", 2)
    assert run.report["message"].startswith("Segment 1 of 2: ")
