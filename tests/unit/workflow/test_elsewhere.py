"""What YOLOv3 would have cost elsewhere, worked by hand, and where it did not run."""

from dataclasses import replace
from fractions import Fraction

import pytest

from avflow.choices import Choices
from avflow.models.sources import ModelFile
from avflow.workflow import cost, elsewhere
from avflow.workflow.compute import LambdaCompute
from avflow.workflow.settings import Settings
from tests.reports import FARGATE, SPOT, segment_report, step

WEIGHTS = 248_007_048
SIZE = LambdaCompute("lambda", 3008, 10.0)


def boxes(*sizes, frames=250, seconds=20.0):
    """Reports of segments that ran on machines of these sizes."""
    report = segment_report(frames)
    model = replace(report.model, files=(ModelFile("yolov3.weights", WEIGHTS, "0" * 64),))
    return [replace(report, model=model, step=step("yolov3", seconds, size)) for size in sizes]


@pytest.mark.parametrize(("outputs", "encoded"), [(("avi",), 1), (("avi", "mp4"), 2)])
def test_ten_seconds_worked_by_hand(outputs, encoded):
    found = elsewhere.usd_of(250, Fraction(25), 1920 * 1080, WEIGHTS, Settings(choices=Choices(outputs=outputs)))
    # 1.6 s of a vCPU for the network and 0.0415 s for the pixels, twice with the MP4, by 1.7 vCPUs; 32 frames and 10 s
    # of start each
    function = 10 + 32 * (1.6 + encoded * 4 * 5e-9 * 1920 * 1080) / (3008 / 1769)
    memory, tmp = 3008 / 1024 * 0.0000166667, 9.5 * 0.0000000309
    assert found["lambda"] == pytest.approx(8 * (function * (memory + tmp) + 0.0000002))
    # the instance starts for three minutes, and detects 96 frames a second, for their decoding takes longer; the GPU
    # encodes the MP4
    assert found["gpu_spot"] == pytest.approx((180 + 8 + 250 * 5e-9 * 1920 * 1080) * 0.2369 / 3600, rel=1e-3)
    assert found["fargate"] == pytest.approx(
        (30 + 8 + 250 * (1.6 + encoded * 4 * 5e-9 * 1920 * 1080) / 4) * 0.2225 / 3600, rel=1e-3
    )


@pytest.mark.parametrize(
    ("sizes", "others"),
    [
        ([SIZE] * 3, {"gpu_spot", "fargate"}),
        ([SPOT], {"lambda", "fargate"}),
        ([replace(SPOT, market="on demand")], {"lambda", "fargate"}),
        ([FARGATE], {"lambda", "gpu_spot"}),
        ([SIZE, SPOT], {"fargate"}),  # a segment moved to a GPU
    ],
)
def test_the_manifest_compares_what_the_run_cost_with_where_it_did_not_run(sizes, others):
    found = elsewhere.yolov3_usd(boxes(*sizes))
    assert set(found) == {"as_run", *others}
    assert found["as_run"] == pytest.approx(sum(cost.step_usd(size, 20.0) for size in sizes), abs=1e-6)


def test_without_a_known_machine_only_the_predictions_are_there():
    assert set(elsewhere.yolov3_usd(boxes(None))) == {"lambda", "gpu_spot", "fargate"}


def test_without_video_there_is_nothing_to_compare():
    assert elsewhere.yolov3_usd([]) == {}


def test_the_cheapest_place_changes_with_the_length():
    """docs/scaling.md tells it: a clip on Lambda, then Fargate, and what is long on a GPU."""

    def cheapest(seconds, **settings):
        usd = elsewhere.usd_of(round(25 * seconds), Fraction(25), 1920 * 1080, WEIGHTS, Settings(**settings))
        return min(usd, key=usd.get)

    assert cheapest(1) == "lambda"
    assert cheapest(2) == cheapest(15) == "fargate"
    assert cheapest(20) == cheapest(600) == cheapest(3600) == "gpu_spot"
