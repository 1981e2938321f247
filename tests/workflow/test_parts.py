"""Long videos: segments of the video, spans of the audio, and work that goes to Batch directly."""

import pytest

from tests.workflow.test_paths import QUEUE_LIMIT, SPOT_TOOK_IT

HALF_OF_TMP = 5 * 2**30
CPU = ('"Result":"gpu"', '"Result":"cpu"')
HURRIED = ('"TimeoutSeconds":54000', '"TimeoutSeconds":2')
CPU_HURRIED = (*CPU, '"TimeoutSeconds":144000', '"TimeoutSeconds":2')
HELD, HELD_TWICE, DONE = {"batch": ["hold"]}, {"batch": ["hold", "hold"]}, {"batch": []}

#: the script, fields of the video, and replacements in the state machine
CASES = {
    "ordinary": ({}, {"size": None}, ()),
    "fits": ({}, {"size": HALF_OF_TMP}, ()),
    "does not fit": ({}, {"size": HALF_OF_TMP + 1, "merge_on_batch": True}, ()),
    "spans": ({"audio2srt-2": {"lambda": ["LambdaBudgetExceeded"]}}, {"spans": [False, True, False, False]}, ()),
    "span fails": ({"audio2srt-1": {"batch": ["ModelUnavailable"]}}, {"spans": [False, True]}, ()),
    "segments": ({"yolov3-1": {"batch": ["75"]}}, {"segments": 3}, ()),
    "lost": ({"yolov3-0": DONE, "yolov3-1": DONE, "yolov3-2": HELD}, {"segments": 3}, ()),
    "mixed": ({"yolov3-0": HELD, "yolov3-1": {"batch": ["DarknetModelInvalid"]}}, {"segments": 2}, ()),
    "gpu": ({"yolov3-0": HELD_TWICE, "yolov3-1": HELD_TWICE}, {"segments": 2}, ()),
    "gpu-then-cpu": (
        {"yolov3-0": HELD_TWICE, "yolov3-1": HELD_TWICE},
        {"segments": 2},
        ('"Result":"gpu"', '"Result":"gpu-then-cpu"'),
    ),
    "gpu late": ({"yolov3-0": HELD_TWICE, "yolov3-1": DONE}, {"segments": 2}, HURRIED),
    "cpu late": ({"yolov3-0": HELD, "yolov3-1": DONE}, {"segments": 2}, CPU_HURRIED),
    "no vCPUs": ({"yolov3": HELD}, {}, CPU_HURRIED),
    "cpu": ({"yolov3-1": {"batch": ["FFmpegFailed"]}}, {"segments": 2}, CPU),
    "no look-up": (
        {"yolov3-1": {"batch": ["FFmpegFailed"]}},
        {"segments": 2},
        ('"ArrayJobId.$":"$.array.job.JobId"', '"JobQueue":"nowhere"', '"MaxAttempts":4,', '"MaxAttempts":0,'),
    ),
}


@pytest.fixture(scope="module")
def started(workflow):
    """Start all cases at once: they mostly wait."""
    return {
        name: workflow.start(script, workflow.variant(*variant) if variant else None, **video)
        for name, (script, video, variant) in CASES.items()
    }


@pytest.fixture
def finished(workflow, started):
    return lambda case: workflow.finish(started[case])


# ---------------------------------------------------------------- jobs that the test ends, like AWS
@pytest.fixture(scope="module")
def no_gpu_comes(workflow, started):
    for _ in ("on Spot", "on demand"):
        for case in ("gpu", "gpu-then-cpu"):
            for segment in range(2):
                workflow.end_segment(started[case], segment, QUEUE_LIMIT)


@pytest.mark.usefixtures("no_gpu_comes")
def test_segments_that_no_gpu_comes_for_are_done_on_the_cpu_where_that_is_wanted(workflow, started, finished):
    run = finished("gpu-then-cpu")
    assert run.status == "SUCCEEDED"
    assert (run.tasks["Yolov3"], run.tasks["Yolov3OnDemand"], run.tasks["Yolov3OnCpu"]) == (1, 1, 1)
    assert workflow.left(started["gpu-then-cpu"], "yolov3") == {0: "batch", 1: "batch"}


@pytest.mark.usefixtures("no_gpu_comes")
def test_else_the_run_ends_with_what_to_do(finished):
    run = finished("gpu")
    assert (run.status, run.error) == ("FAILED", "GpuUnavailable")
    assert (run.tasks["Yolov3"], run.tasks["Yolov3OnDemand"]) == (1, 1)
    assert "Segment 1 of 2" in run.report["message"]
    assert "DetectorCompute=cpu" in run.report["advice"]


def test_a_segment_lost_to_spot_runs_again_on_demand_and_no_other_does(workflow, started, finished):
    workflow.end_segment(started["lost"], 2, SPOT_TOOK_IT)
    run = finished("lost")
    assert run.status == "SUCCEEDED"
    assert (run.tasks["Yolov3"], run.tasks["Yolov3OnDemand"]) == (1, 1)
    tries = [len(workflow.attempts(started["lost"], f"yolov3-{segment}-batch")) for segment in range(3)]
    assert tries == [1, 1, 2]


def test_a_segments_own_failure_outweighs_anothers_loss_to_spot_and_is_not_tried_again(workflow, started, finished):
    workflow.end_segment(started["mixed"], 0, SPOT_TOOK_IT)
    run = finished("mixed")
    assert (run.status, run.error) == ("FAILED", "DarknetModelInvalid")
    assert run.report["message"] == "Segment 2 of 2: yolov3 failed as planned."
    assert "Yolov3OnDemand" not in run.states


# ---------------------------------------------------------------- segments
def test_segments_are_one_array_job_and_one_that_asks_for_another_try_gets_it(workflow, started, finished):
    run = finished("segments")
    assert (run.status, run.tasks["Yolov3"]) == ("SUCCEEDED", 1)
    assert workflow.left(started["segments"], "yolov3") == dict.fromkeys(range(3), "batch")
    assert len(workflow.attempts(started["segments"], "yolov3-1-batch")) == 2


@pytest.mark.slow
@pytest.mark.parametrize("case", ["cpu", "no look-up"])
def test_a_segment_is_named_also_where_the_state_machine_does_not_ask(finished, case):
    run = finished(case)
    assert (run.status, run.error) == ("FAILED", "FFmpegFailed")
    assert run.report["message"].startswith("Segment 2 of 2")
    assert "Yolov3OnDemand" not in run.states


@pytest.mark.parametrize(("case", "tries"), [("gpu late", ["Yolov3", "Yolov3OnDemand"]), ("cpu late", ["Yolov3OnCpu"])])
def test_segments_that_take_too_long_together_are_not_said_to_have_waited(workflow, finished, case, tries):
    run = finished(case)
    assert (run.status, run.error) == ("FAILED", "SegmentsTimedOut")
    assert [state for state in run.tasks if state.startswith("Yolov3")] == tries
    assert "MaxCpuVcpus" in run.report["advice"]


def test_one_job_that_takes_too_long_without_a_gpu_did_wait(finished):
    run = finished("no vCPUs")
    assert (run.status, run.error) == ("FAILED", "FargateUnavailable")
    assert "Fargate" in run.report["advice"]


# ---------------------------------------------------------------- spans
def test_spans_run_where_they_fit(workflow, started, finished):
    run = finished("spans")
    assert run.status == "SUCCEEDED"
    assert (run.tasks["Audio2srt"], run.tasks["Audio2srtOnBatch"]) == (3, 2)
    assert workflow.left(started["spans"], "audio2srt") == {0: "lambda", 1: "batch", 2: "batch", 3: "lambda"}


def test_a_span_that_fails_ends_the_run_by_its_name(finished):
    run = finished("span fails")
    assert (run.status, run.error) == ("FAILED", "ModelUnavailable")
    assert run.report["message"] == "audio2srt failed as planned."
    assert "Merge" not in run.states


# ---------------------------------------------------------------- directly to Batch
def test_what_is_known_not_to_fit_never_sees_lambda(finished):
    run = finished("does not fit")
    assert run.status == "SUCCEEDED"
    assert not {"FFmpeg", "Merge"} & {*run.states}
    assert (run.tasks["FFmpegOnBatch"], run.tasks["MergeOnBatch"]) == (1, 1)


@pytest.mark.parametrize("case", ["ordinary", "fits"])
def test_any_other_video_pays_for_nothing_of_this(finished, case):
    run = finished(case)
    assert run.status == "SUCCEEDED"
    assert sum(run.tasks.values()) == 6, "FFmpeg, ReadMedia, Audio2srt, Yolov3, Merge and AnnounceResults"
    assert len(run.states) == 17
    assert not [state for state in run.states if "OnBatch" in state or "OnDemand" in state]
