"""Short videos: functions detect their segments, and a job does a video of which they can't do one."""

import pytest

#: the segments of functions are numbered behind the job's only one, 0
SHORT = {"functions": 3}
CPU = ('"Result":"gpu"', '"Result":"cpu"')
JOBS = ("Yolov3", "Yolov3OnDemand", "Yolov3OnCpu")

#: the script, fields of the video, and replacements in the state machine
CASES = {
    "all": ({}, SHORT, ()),
    "one segment": ({}, {"functions": 1}, ()),
    "not short": ({}, {"segments": 3}, ()),
    "one moves": ({"yolov3-2": {"lambda": ["LambdaBudgetExceeded"]}}, SHORT, ()),
    "all move": ({"yolov3": {"lambda": ["Sandbox.Timedout"] * 3}}, SHORT, ()),
    "the only one moves": ({"yolov3": {"lambda": ["exit"]}}, {"functions": 1}, ()),
    "to two jobs": ({"yolov3-3": {"lambda": ["Runtime.ExitError"]}}, {**SHORT, "segments": 2}, ()),
    "without GPUs": ({"yolov3-3": {"lambda": ["OSError"]}}, SHORT, CPU),
    "fails": ({"yolov3-1": {"lambda": ["InvalidMediaDamaged"]}}, SHORT, ()),
    "moved and fails": (
        {"yolov3-1": {"lambda": ["Lambda.Unknown"]}, "yolov3-0": {"batch": ["DarknetModelInvalid"]}},
        SHORT,
        (),
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


@pytest.mark.parametrize(("case", "segments"), [("all", 3), ("one segment", 1)])
def test_a_short_video_needs_no_job(workflow, started, finished, case, segments):
    run = finished(case)
    assert run.status == "SUCCEEDED"
    assert run.tasks["Yolov3OnLambda"] == segments
    assert not {*JOBS} & {*run.states}
    assert workflow.left(started[case], "yolov3") == dict.fromkeys(range(1, segments + 1), "lambda")


def test_a_video_that_is_not_short_runs_on_batch(finished):
    run = finished("not short")
    assert (run.status, run.tasks["Yolov3"]) == ("SUCCEEDED", 1)
    assert "Yolov3OnLambda" not in run.states


@pytest.mark.parametrize(
    ("case", "job", "where"),
    [
        ("one moves", "Yolov3", {0: "batch", 1: "lambda", 3: "lambda"}),
        ("all move", "Yolov3", {0: "batch"}),
        ("the only one moves", "Yolov3", {0: "batch"}),
        ("to two jobs", "Yolov3", {0: "batch", 1: "batch", 2: "lambda", 4: "lambda"}),
        ("without GPUs", "Yolov3OnCpu", {0: "batch", 1: "lambda", 2: "lambda"}),
    ],
)
def test_a_video_of_which_lambda_cannot_do_a_segment_is_done_by_a_job(workflow, started, finished, case, job, where):
    run = finished(case)
    assert run.status == "SUCCEEDED"
    assert [name for name in JOBS if name in run.tasks] == [job]
    assert run.tasks[job] == 1
    assert workflow.left(started[case], "yolov3") == where


def test_a_segments_own_failure_ends_the_run_without_a_job(finished):
    run = finished("fails")
    assert (run.status, run.error) == ("FAILED", "InvalidMediaDamaged")
    assert not {*JOBS} & {*run.states}


def test_a_moved_video_that_fails_there_is_named(finished):
    run = finished("moved and fails")
    assert (run.status, run.error) == ("FAILED", "DarknetModelInvalid")


@pytest.mark.slow
def test_a_function_that_never_answers_or_wakes_is_left_for_a_job(workflow):
    late = workflow.start(
        {"yolov3-1": {"lambda": ["sleep"]}}, workflow.variant('"TimeoutSeconds":930', '"TimeoutSeconds":3'), **SHORT
    )
    asleep = workflow.start({}, workflow.asleep(None, "CodeArtifactUserPendingException", "Yolov3Function"), **SHORT)
    for execution in late, asleep:
        run = workflow.finish(execution)
        assert (run.status, run.tasks["Yolov3"]) == ("SUCCEEDED", 1)
