"""Paths through the workflow other than the usual one."""

import json

import pytest

from tests import screens

#: fields of the video that the scripted steps read
SCRIPT = ("script", "spans", "segments", "functions")
SPOT_TOOK_IT = "Host EC2 (instance i-0123456789abcdef0) terminated."
QUEUE_LIMIT = "Canceled by JobStateTimeLimit action due to reason: CAPACITY:INSUFFICIENT_INSTANCE_CAPACITY"


@pytest.mark.parametrize(
    ("video", "skipped", "done"),
    [({"sound": False}, "Audio2srt", "Yolov3"), ({"picture": False}, "Yolov3", "Audio2srt")],
    ids=["no sound", "no picture"],
)
def test_what_is_not_there_costs_nothing(workflow, video, skipped, done):
    run = workflow.finish(workflow.start({}, **video))
    assert run.status == "SUCCEEDED"
    assert skipped not in run.states
    assert done in run.states
    assert "Merge" in run.states


def without_script(text):
    """What the real steps would have passed on."""
    data = json.loads(text)
    if isinstance(data, dict) and isinstance(data.get("video"), dict):
        data["video"] = {name: value for name, value in data["video"].items() if name not in SCRIPT}
    return json.dumps(data)


@pytest.mark.parametrize(
    ("video", "most"),
    [({}, 36), ({"spans": [False] * 6 + [True] * 2, "segments": 16}, 46), ({"functions": 8}, 48)],
    ids=["a short video", "a long one", "one on Lambda"],
)
def test_each_input_and_output_fits_on_a_screen_and_the_last_says_where_the_results_are(workflow, video, most):
    execution = workflow.start({"ffmpeg": {"lambda": ["LambdaBudgetExceeded"]}}, version_id="v" * 32, size=1, **video)
    run = workflow.finish(execution)
    assert run.states[-1] == "Done"
    name = f"s3://{workflow.bucket}/result/{execution.rpartition(':')[2]}"
    suffixes = {"video": "avi", "detections": "detections.jsonl", "subtitles": "srt", "manifest": "json"}
    assert run.output == {kind: f"{name}.{suffix}" for kind, suffix in suffixes.items()}
    assert max(screens.lines(without_script(text)) for _, text in screens.texts(run.events)) <= most
    after = [json.loads(text) for what, text in screens.texts(run.events) if what.startswith("stateEntered Merge")]
    assert [sorted(data) for data in after] == [["media", "video"]], "the error of the fallback is not carried along"


@pytest.mark.parametrize("reason", [SPOT_TOOK_IT, QUEUE_LIMIT], ids=["interrupted", "no capacity"])
def test_a_job_lost_to_spot_runs_again_on_demand(workflow, reason):
    execution = workflow.start({"yolov3": {"batch": ["hold"]}})
    workflow.end_job(execution, reason)
    run = workflow.finish(execution)
    assert run.status == "SUCCEEDED"
    assert (run.tasks["Yolov3"], run.tasks["Yolov3OnDemand"]) == (1, 1)
    assert "Yolov3OnCpu" not in run.states


def test_without_a_gpu_quota_the_run_ends_with_what_to_do(workflow):
    execution = workflow.start({"yolov3": {"batch": ["hold", "hold"]}})
    for _ in range(2):
        workflow.end_job(execution, QUEUE_LIMIT)
    run = workflow.finish(execution)
    assert (run.status, run.error) == ("FAILED", "GpuUnavailable")
    assert "DetectorCompute=cpu" in run.report["advice"]


def test_gpu_then_cpu_goes_on_without_a_gpu(workflow):
    machine = workflow.variant('"Result":"gpu"', '"Result":"gpu-then-cpu"')
    execution = workflow.start({"yolov3": {"batch": ["hold", "hold"]}}, machine)
    for _ in range(2):
        workflow.end_job(execution, QUEUE_LIMIT)
    run = workflow.finish(execution)
    assert run.status == "SUCCEEDED"
    assert run.tasks["Yolov3OnCpu"] == 1


@pytest.mark.slow
@pytest.mark.parametrize("compute", ["gpu", "gpu-then-cpu"])
def test_a_gpu_that_never_comes_for_no_stated_reason_ends_the_wait_too(workflow, compute):
    shorter = ('"TimeoutSeconds":54000', '"TimeoutSeconds":3')
    machine = workflow.variant(*shorter, '"Result":"gpu"', f'"Result":"{compute}"')
    run = workflow.finish(workflow.start({"yolov3": {"batch": ["hold on a GPU", "always"]}}, machine))
    assert (run.tasks["Yolov3"], run.tasks["Yolov3OnDemand"]) == (1, 1)
    if compute == "gpu":
        assert (run.status, run.error) == ("FAILED", "GpuUnavailable")
        assert "Service Quotas" in run.report["advice"]
    else:
        assert (run.status, run.tasks["Yolov3OnCpu"]) == ("SUCCEEDED", 1)


def test_without_a_fargate_quota_the_run_says_which_quota(workflow):
    execution = workflow.start({"ffmpeg": {"lambda": ["LambdaBudgetExceeded"], "batch": ["hold"]}})
    workflow.end_job(execution, QUEUE_LIMIT, "ffmpeg")
    run = workflow.finish(execution)
    assert (run.status, run.error) == ("FAILED", "FargateUnavailable")
    assert "Fargate" in run.report["advice"]


def test_cpu_never_asks_for_a_gpu(workflow):
    run = workflow.finish(workflow.start({}, workflow.variant('"Result":"gpu"', '"Result":"cpu"')))
    assert run.status == "SUCCEEDED"
    assert "Yolov3" not in run.states
    assert run.tasks["Yolov3OnCpu"] == 1


def test_an_answer_that_never_comes_moves_the_step_to_batch(workflow):
    machine = workflow.variant('"TimeoutSeconds":930', '"TimeoutSeconds":2')
    run = workflow.finish(workflow.start({"ffmpeg": {"lambda": ["sleep"]}}, machine))
    assert run.status == "SUCCEEDED"
    assert (run.tasks["FFmpeg"], run.tasks["FFmpegOnBatch"]) == (1, 1)


def test_a_refused_job_is_named(workflow):
    definition = json.loads(workflow.definition())
    job = definition["States"]["FFmpegOnBatch"]["Parameters"]["JobDefinition"]
    machine = workflow.variant(job, "nowhere")
    run = workflow.finish(workflow.start({"ffmpeg": {"lambda": ["LambdaBudgetExceeded"]}}, machine))
    assert (run.status, run.error) == ("FAILED", "Batch.ClientException")
    assert run.tasks["FFmpegOnBatch"] == 1, "a refused job is not submitted again"


@pytest.mark.slow
def test_a_lambda_without_capacity_ends_up_on_batch(workflow):
    names = ["Lambda.TooManyRequestsException"] * 5
    fewer = workflow.variant('"MaxAttempts":120', '"MaxAttempts":4')
    run = workflow.finish(workflow.start({"ffmpeg": {"lambda": names}}, fewer))
    assert run.status == "SUCCEEDED"
    assert (run.tasks["FFmpeg"], run.tasks["FFmpegOnBatch"]) == (5, 1)


@pytest.mark.slow
def test_storage_that_stays_away_ends_the_run(workflow):
    run = workflow.finish(workflow.start({"ffmpeg": {"lambda": ["StorageUnavailable"] * 5}}))
    assert (run.status, run.error) == ("FAILED", "StorageUnavailable")
    assert run.tasks["FFmpeg"] == 5
    assert "FFmpegOnBatch" not in run.states
