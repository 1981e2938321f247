"""The cost estimate: equal to figures calculated by hand, and clear about what it leaves out."""

import datetime
from dataclasses import replace

import pytest

from avflow.workflow import cost, manifest
from avflow.workflow.compute import Ec2Compute, FargateCompute, LambdaCompute, compute
from avflow.workflow.context import StepContext, StepTimer
from avflow.workflow.layout import VideoRef
from avflow.workflow.reports import MediaReport, Plan, SegmentPlan
from avflow.workflow.settings import Settings
from tests.reports import FARGATE, LAMBDA, SPOT, media, step

#: one hour of video, 4 GiB
MEDIA = media(4 << 30, 3600.0)


def estimate(steps, media=MEDIA, *, on_aws=True, converted=False):
    return cost.estimate(steps, media, on_aws=on_aws, converted=converted)


STEPS = [
    step("ffmpeg", 100, LAMBDA),
    step("audio2srt", 300, LAMBDA),
    step("yolov3", 1620, SPOT),
    step("merge", 570, FARGATE),
]


def test_a_known_run_worked_by_hand():
    found = estimate(STEPS)
    # 400 s of 3 GB of memory and of 10 GB of /tmp beyond the free 0.5 GB, and two requests
    assert found.by["lambda"] == pytest.approx(400 * (3 * 0.0000166667 + 10 * 0.0000000309) + 2 * 0.0000002, abs=1e-6)
    # half an hour with the start: the instance, 100 GB of disk (a month has 730 hours), a public address
    assert found.by["ec2"] == pytest.approx(0.5 * (0.526 * 0.42 + 100 * 0.08 / 730 + 0.005), abs=1e-6)
    # ten minutes including the start
    hourly = 4 * 0.04048 + 8 * 0.004445 + 180 * 0.000111 + 0.005
    assert found.by["fargate"] == pytest.approx(hourly / 6, abs=1e-6)
    assert found.usd == pytest.approx(sum(found.by.values()), abs=1e-5)
    assert found.not_priced == ()


def test_s3_requests_of_a_known_run():
    writes, reads = cost.s3_requests(STEPS, MEDIA, converted=False)
    small = 8 + 2 * 2
    # WAV 115.2 MB = 7 parts; annotated 1.8 GB = 108; with audio 1.944 GB = 116; each plus 2 requests
    assert writes == small + (7 + 2) + (108 + 2) + (116 + 2)
    # three times the source of 256 parts, and the annotated video, each plus a HEAD; the WAV plus one for its size
    assert reads == small + 3 * 257 + (7 + 2) + 109


def test_s3_requests_of_a_run_whose_boxes_merge_draws():
    """The segments have no videos. Merge reads what the detector has read, which it has already if there is audio."""
    usual = cost.s3_requests(STEPS, MEDIA, converted=False)
    late = cost.s3_requests(STEPS, MEDIA, converted=False, drawn_late=True)
    assert [before - after for before, after in zip(usual, late, strict=True)] == [108 + 2, 109]
    converted = cost.s3_requests(STEPS, MEDIA, converted=True, drawn_late=True)
    assert converted[1] - late[1] == (117 - 257) + 117  # the detector and Merge read 1.944 GB in 116 parts


def test_each_span_reads_its_own_part_of_the_sound_and_the_first_for_its_language():
    spans = [step("audio2srt", 50, LAMBDA) for _ in range(6)]
    one = cost.s3_requests([STEPS[0], spans[0]], MEDIA, converted=False)[1]
    # each span of 19.2 MB is read whole after two requests for its size, plus 2 small requests: not in 7 parts
    assert cost.s3_requests([STEPS[0], *spans], MEDIA, converted=False)[1] - one == (6 + 5) * 3 + 6 * 2 - (7 + 2 + 2)


def test_a_conversion_is_written_read_in_place_of_the_source_and_kept():
    plain, converted = (cost.s3_requests(STEPS, MEDIA, converted=made) for made in (False, True))
    # 1.944 GB = 116 parts are written. The detector reads these instead of the source's 256
    assert converted[0] - plain[0] == 116 + 2
    assert converted[1] - plain[1] == 117 - 257
    usd = [estimate(STEPS, converted=made).by["s3"] for made in (False, True)]
    kept = 1.944e9 / 2**30 * 0.023 * cost.KEPT_DAYS / 730 * 24
    assert usd[1] - usd[0] == pytest.approx(118 * 0.000005 - 140 * 0.0000004 + kept, abs=2e-6)
    silent = cost.s3_requests(STEPS, replace(MEDIA, audio=None), converted=True)
    assert silent[0] == converted[0] - (116 - 108)


def test_a_job_of_a_second_is_billed_a_minute_of_fargate():
    hourly = 4 * 0.04048 + 8 * 0.004445 + 180 * 0.000111 + 0.005
    assert cost.step_usd(FARGATE, 1) == pytest.approx(hourly / 60)
    assert cost.step_usd(FARGATE, 60) == pytest.approx(hourly / 40)


def test_on_demand_costs_more_than_spot():
    demand = replace(SPOT, market="on demand")
    assert cost.step_usd(demand, 0) == pytest.approx(180 / 3600 * (0.526 + 100 * 0.08 / 730 + 0.005))
    assert cost.step_usd(SPOT, 0) < cost.step_usd(demand, 0)


def test_an_instance_without_a_price_is_not_passed_off_as_one_that_has():
    unknown = replace(SPOT, instance="p4d.24xlarge")
    steps = [step("yolov3", 100, size) for size in (SPOT, unknown, replace(SPOT, instance="g5.xlarge"))]
    told = estimate(steps).assumes["ec2"]
    assert told.partition(";")[0].endswith(
        "p4d.24xlarge spot at the price of g4dn.xlarge, for prices.toml has none of p4d.24xlarge"
    )
    assert "g4dn.xlarge spot," in told and "g5.xlarge spot," in told
    assert cost.step_usd(unknown, 10) == cost.step_usd(SPOT, 10)


def test_the_instance_is_told_as_a_guess():
    told = estimate(STEPS).assumes["ec2"]
    assert told.startswith(
        "g4dn.xlarge spot; taken to be the first of GpuInstanceTypes, as no job tells which it had; 180 s"
    )


def test_each_segment_and_span_is_paid_for():
    parted = [
        STEPS[0],
        *(step("audio2srt", 100, LAMBDA) for _ in range(3)),
        *(step("yolov3", 405, SPOT) for _ in range(4)),
    ]
    whole, found = (estimate(steps).by for steps in ([*STEPS[:3]], parted))
    assert found["ec2"] - whole["ec2"] == pytest.approx(3 * cost.step_usd(SPOT, 0), abs=1e-6)  # three more starts
    assert found["lambda"] - whole["lambda"] == pytest.approx(2 * 0.0000002, abs=1e-6)
    assert cost.transitions(parted) - cost.transitions(STEPS) == 2 * cost.TRANSITIONS["span"]


def test_a_silent_film_pays_for_no_speech():
    silent = estimate([STEPS[0], *STEPS[2:]], replace(MEDIA, audio=None))
    assert silent.by["step_functions"] < estimate(STEPS).by["step_functions"]
    assert silent.by["s3"] < estimate(STEPS).by["s3"]


def test_the_estimate_says_what_it_is():
    found = estimate([*STEPS[:3], step("merge", 5, None)], on_aws=False)
    assert found.seconds_of == "this machine: what AWS would ask if its machines took as long"
    assert found.not_priced == ("merge",)
    assert found.prices_of == cost.prices()["date"] and found.region == "us-east-1"
    assert "moves" in found.assumes["spot"]
    assert estimate(STEPS).seconds_of == "AWS"


@pytest.mark.parametrize(
    ("environment", "size"),
    [
        (
            {"AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "3008", "COMPUTE_STORAGE_GB": "10"},
            LambdaCompute("lambda", 3008, 10.0),
        ),
        (
            {"COMPUTE_VCPUS": "8", "COMPUTE_MEMORY_MB": "16384", "COMPUTE_STORAGE_GB": "200", "FALLBACK_FROM": "gpu"},
            FargateCompute("fargate", 8.0, 16384, 200.0),
        ),
        ({"COMPUTE_INSTANCE": "g5.xlarge"}, Ec2Compute("ec2", "g5.xlarge", "spot")),
        (
            {"COMPUTE_INSTANCE": "g5.xlarge", "FALLBACK_FROM": "spot"},
            Ec2Compute("ec2", "g5.xlarge", "on demand"),
        ),
        ({"PATH": "/bin"}, None),
    ],
)
def test_a_step_knows_its_machine_by_the_environment(environment, size):
    assert compute(environment) == size


def test_every_price_names_its_page_and_how_sure_it_is():
    table = cost.prices()
    looked_up = datetime.date.fromisoformat(table["date"])
    for name, entry in table.items():
        if isinstance(entry, dict):
            assert entry["page"], name
            if entry["confirmed"] not in ("no", "undated"):
                assert datetime.date.fromisoformat(entry["confirmed"]) <= looked_up, name
                assert {*entry.get("undated", ())} <= {*entry}, name


def test_each_steps_record_names_its_machine_and_the_manifest_adds_them_up():
    def record(name, size=None):
        timer = StepTimer(name, StepContext(None, "lambda", settings=Settings(compute=size)))
        return replace(timer.record(), seconds=10.0)

    size = LambdaCompute("lambda", 2048, 10.0)
    audio = replace(MEDIA, video=None)
    found = manifest.build(
        VideoRef("bucket", "start/a.mkv", "run-1"),
        media=MediaReport(
            True, False, audio, ("rotated",), None, Plan(SegmentPlan(1, 0), {}, (), False), record("ffmpeg", size)
        ),
        speech=[],
        said=None,
        boxes=[],
        unique={},
        merge_step=record("merge"),
        results=[],
        on_aws=False,
    )
    assert found.steps[0].compute == size
    assert found.cost.not_priced == ("merge",)
    assert found.cost == estimate(found.steps, found.input, on_aws=False, converted=True)
    assert found.cost.by["lambda"] == pytest.approx(10 * (2 * 0.0000166667 + 9.5 * 0.0000000309), abs=1e-6)
