"""The simulation walks the real state machine, loses no upload, and its queues grow only where there is too little."""

import random
from collections import Counter
from dataclasses import replace

import pytest
import simpy

from avflow.workflow import cost
from avflow.workflow.settings import Settings
from benchmarks import hour, scale, short_videos
from benchmarks.simulated_aws import PRIORITIES, Account, Bucket, Pool, Quotas
from benchmarks.simulated_workflow import StateFailed, Workflow
from tests.reports import FARGATE, LAMBDA, SPOT

PLENTY = Quotas(gpu_vcpus=4096, fargate_vcpus=4096, lambda_concurrency=10_000)


def simulated(uploads, hours, quotas, **options):
    return scale.Simulation(scale.Scenario("test", uploads, hours, quotas, **options)).run()


def walked(upload, quotas=PLENTY, **options):
    """One upload on its own: its simulation, ended."""
    simulation = scale.Simulation(scale.Scenario("test", 1, 100, quotas, **options))
    simulation.arrived = 1
    simulation.env.process(simulation.upload(upload))
    simulation.env.run(until=simulation.window)
    return simulation


def upload(seconds=60.0, **changes):
    made = scale.video(1, random.Random(1))
    made["seconds"], made["frames_of_part"], made["size"] = seconds, seconds * scale.FRAME_RATE, 1000
    made["media"]["plan"] = {
        "segments": {"count": 1},
        "array": {},
        "spans": [0],
        "spans_on_batch": [],
        "merge_on_batch": False,
    }
    made["media"].update(changes)
    return made


@pytest.mark.parametrize(
    ("quotas", "uploads"), [(PLENTY, 600), (Quotas(), 1000), (Quotas(lambda_concurrency=3, submits=1), 500)]
)
def test_no_upload_is_lost(quotas, uploads):
    simulation = simulated(uploads, 1, quotas)
    assert 0.8 * uploads < simulation.arrived < 1.2 * uploads
    assert simulation.arrived == len(simulation.finished) + simulation.in_flight + sum(simulation.failed.values())
    assert len({came for came, _ in simulation.finished}) == len(simulation.finished) > 0
    assert all(came < ended for came, ended in simulation.finished)
    assert simulation.account.entered["SourceFitsLambda"] <= simulation.arrived


def test_a_saturated_queue_grows_and_another_does_not():
    short = Quotas(gpu_vcpus=8)  # two GPUs, some 40 uploads an hour each
    after_two, after_four = (simulated(400, hours, short).in_flight for hours in (2, 4))
    assert after_four > 1.6 * after_two > 400
    assert simulated(400, 4, PLENTY).in_flight < 30
    grows = scale.Outcome.of(simulated(400, 4, short))
    assert 200 < grows.growth_per_hour < 400
    assert grows.finished_per_hour + grows.growth_per_hour == pytest.approx(400, rel=0.15)
    assert "GPU, Spot 9" in grows.used or "GPU, Spot 100%" in grows.used
    assert abs(scale.Outcome.of(simulated(400, 4, PLENTY)).growth_per_hour) < 15


@pytest.mark.parametrize(
    ("changes", "steps"),
    [
        ({}, ["audio2srt", "ffmpeg", "merge", "yolov3"]),
        ({"has_sound": False}, ["ffmpeg", "merge", "yolov3"]),
        ({"has_picture": False}, ["audio2srt", "ffmpeg", "merge"]),
    ],
)
def test_the_estimate_counts_the_transitions_that_the_state_machine_makes(changes, steps):
    video = upload(**changes)
    simulation = walked(video)
    assert len(simulation.finished) == 1
    assert sorted(step.name for step in video["steps"]) == steps
    assert cost.transitions(video["steps"]) == simulation.account.entered.total()


def test_a_long_video_has_an_array_of_segments_and_a_map_of_spans():
    video = upload(1800.0)
    spans = {"spans": [0, 1, 2], "spans_on_batch": [1]}
    video["media"]["plan"] |= {"segments": {"count": 3}, "array": {"Size": 3}, **spans}
    simulation = walked(video)
    assert Counter(step.name for step in video["steps"]) == {"ffmpeg": 1, "audio2srt": 3, "yolov3": 3, "merge": 1}
    assert simulation.account.entered["Audio2srtOnBatch"] == 1
    assert cost.transitions(video["steps"]) == simulation.account.entered.total()


@pytest.mark.parametrize(("seconds", "functions"), [(0.2, 1), (10.0, 8), (50.0, 8), (600.0, 0)])
def test_a_short_video_runs_on_lambda_where_the_stack_wants_it(seconds, functions):
    settings = Settings(short_videos="lambda")
    video = scale.planned(upload(seconds), settings)
    simulation = walked(video, settings=settings)
    services = [step.compute.service for step in video["steps"] if step.name == "yolov3"]
    assert services == (["lambda"] * functions or ["ec2"])
    assert simulation.account.entered["Yolov3OnLambda"] == functions
    assert cost.transitions(video["steps"]) == simulation.account.entered.total()
    assert scale.planned(upload(seconds), Settings()) == upload(seconds)


def test_a_larger_function_is_priced_and_planned_as_such():
    settings = Settings(short_videos="lambda", short_videos_memory=10240, max_short_video_functions=40)
    video = scale.planned(upload(60.0), settings)
    walked(video, settings=settings)
    (size,) = {step.compute for step in video["steps"] if step.name == "yolov3"}
    assert size.memory_mb == 10240
    assert max(step.seconds for step in video["steps"] if step.name == "yolov3") < 30


def test_a_function_that_gives_up_leaves_the_segments_to_a_job():
    settings = Settings(short_videos="lambda")
    video = scale.planned(upload(10.0), settings)
    video["seconds_on_lambda"] = 1000.0
    simulation = walked(video, settings=settings)
    assert (simulation.account.entered["Yolov3OnLambda"], simulation.account.entered["Yolov3"]) == (8, 1)
    assert [step.compute.service for step in video["steps"] if step.name == "yolov3"] == ["ec2"], "one job, whole"
    assert len(simulation.finished) == 1


@pytest.mark.parametrize("uploads", [10, 100])
def test_clips_at_once_in_a_new_account_are_no_later_than_without_lambda(uploads):
    waits = {}
    for stack in ("batch", "lambda, new account"):
        done = short_videos.AtOnce(uploads, 10.0, *short_videos.STACKS[stack]).run()
        waits[stack] = max(ended - came for came, ended in done.finished)
        assert len(done.finished) == uploads
    assert waits["lambda, new account"] < 1.05 * waits["batch"]


def test_an_hour_read_by_ranges_is_done_sooner_and_cheaper():
    before, after = (hour.simulated(1, how) for how in (hour.BEFORE, hour.AFTER))
    (was,), (now,) = ([ended - came for came, ended in done.finished] for done in (before, after))
    download = 3600 * scale.BYTE_RATE / scale.DISK_BYTES
    assert 0 < was - now <= 2 * download, "of two children one after another on a GPU"
    assert scale.usd_per_video(after) < scale.usd_per_video(before)


def test_an_hour_goes_to_lambda_only_by_force():
    assert hour.simulated(1, hour.AFTER).account.entered["Yolov3OnLambda"] == 0
    forced = hour.simulated(1, hour.ON_LAMBDA)
    assert (forced.account.entered["Yolov3OnLambda"], forced.account.entered["Yolov3"]) == (40, 0)


def test_what_does_not_fit_lambda_runs_on_fargate_at_its_price():
    video = upload(3000.0)  # 908 s of speech recognition in one span
    walked(video)
    services = {step.name: step.compute.service for step in video["steps"]}
    assert services == {"ffmpeg": "lambda", "audio2srt": "fargate", "yolov3": "ec2", "merge": "lambda"}


def test_sizes_and_quotas_are_those_of_the_template():
    video = upload()
    walked(video, compute="cpu")
    sizes = {step.name: step.compute for step in video["steps"]}
    assert sizes["ffmpeg"] == replace(LAMBDA, memory_mb=3008, storage_gb=10.0)
    assert sizes["yolov3"] == FARGATE
    gpu = upload()
    walked(gpu)
    (detector,) = [step.compute for step in gpu["steps"] if step.name == "yolov3"]
    assert detector == SPOT
    parameters = scale.Sizes().template["Parameters"]
    assert Quotas().gpu_vcpus == parameters["MaxGpuVcpus"]["Default"]
    assert Quotas().fargate_vcpus == parameters["MaxCpuVcpus"]["Default"]
    assert scale.RAISED[100_000].gpu_vcpus <= parameters["MaxGpuVcpus"]["MaxValue"]
    resources = scale.Sizes().template["Resources"]
    queues = {f"${{{name}Arn}}": facts for name, facts in resources.items() if facts["Type"] == "AWS::Batch::JobQueue"}
    assert {name: facts["Properties"]["Priority"] for name, facts in queues.items()} == {
        name: PRIORITIES.get(name, 1) for name in Account(simpy.Environment(), Quotas()).pools
    }


def test_a_throttled_function_is_tried_again_and_then_left_to_batch():
    env = simpy.Environment()
    account = Account(env, Quotas(lambda_concurrency=0))
    states = scale.definition("gpu")
    simulation = scale.Simulation(scale.Scenario("test", 1, 1, Quotas()))
    simulation.account, simulation.env = account, env
    walk = Workflow(env, states, simulation.perform, account.transition, random.Random(1))
    env.process(walk.run({"video": upload()}))
    env.run(until=8 * 3600)
    assert account.entered["FFmpeg"] == 1 + 120  # Retry's MaxAttempts
    assert account.entered["FFmpegOnBatch"] == account.entered["MergeOnBatch"] == 1
    assert account.entered["Done"] == 1


def test_an_error_that_nobody_catches_is_the_executions():
    machine = {
        "StartAt": "Both",
        "States": {
            "Both": {
                "Type": "Parallel",
                "Branches": [
                    {"StartAt": "No", "States": {"No": {"Type": "Fail", "Error": "Broken"}}},
                    {"StartAt": "Yes", "States": {"Yes": {"Type": "Succeed"}}},
                ],
                "End": True,
            }
        },
    }
    env = simpy.Environment()
    account = Account(env, Quotas())
    env.process(Workflow(env, machine, None, account.transition, random.Random(1)).run({}))
    with pytest.raises(StateFailed, match="Broken"):
        env.run()


def test_a_token_bucket_gives_its_burst_and_then_its_refill():
    env = simpy.Environment()
    bucket = Bucket(env, size=3, refill=2)
    assert [bucket.wait() for _ in range(5)] == pytest.approx([0, 0, 0, 0.5, 1.0])
    env.run(until=2)
    assert bucket.take() and bucket.take() and not bucket.take()  # four came, two were owed


def test_a_warm_machine_starts_at_once_and_its_idle_time_is_billed():
    env = simpy.Environment()
    pool = Pool(env, "GPU", machines=1, start=100, idle=60)

    def jobs():
        yield from pool.run(10)
        yield env.timeout(30)
        yield from pool.run(10)  # warm
        yield env.timeout(1000)
        yield from pool.run(10)  # gone

    env.run(until=env.process(jobs()))
    assert env.now == 110 + 30 + 10 + 1000 + 110
    assert pool.billed_seconds == 110 + 30 + 10 + 60 + 110
