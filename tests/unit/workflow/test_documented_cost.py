"""The figures of docs/scaling.md follow from the one table of prices, and no other page has prices of its own."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

from avflow.workflow import cost
from tests.reports import FARGATE, LAMBDA, SPOT, media, step

DOCS = Path(__file__).parents[3] / "docs"
SCALING = (DOCS / "scaling.md").read_text(encoding="utf-8")
#: the hour of video that the page describes: 2.25 GB
HOUR = media(2_250_000_000, 3600.0)
FUNCTION = replace(LAMBDA, memory_mb=3008, storage_gb=10.0)
STEPS = [
    step("ffmpeg", 39, FUNCTION),
    *(step("audio2srt", 188, FUNCTION) for _ in range(6)),
    *(step("yolov3", 150, SPOT) for _ in range(6)),
    step("merge", 75, replace(FUNCTION, memory_mb=2048)),
]
#: prices without a date in prices.toml, and the page's names for them
UNDATED = {
    "ec2.g4dn.xlarge": "g4dn.xlarge",
    "fargate.storage_gb_hour": "Fargate's storage",
    "fargate_spot": "Fargate Spot",
    "ebs": "EBS",
    "s3": "S3",
    "transfer": "the traffic inside a Region",
    "cloudwatch.alarm_month": "CloudWatch's alarms",
    "cloudwatch.gb_month": "stored logs",
}


def after(start):
    """The cells of the first table after these words, row by row, without the header."""
    lines = SCALING.partition(start)[2].splitlines()
    first = next(number for number, line in enumerate(lines) if line.startswith("|"))
    table = lines[first : next(n for n in range(first, len(lines)) if not lines[n].startswith("|"))]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table[2:]]


def dollars(text):
    return [float(figure) for figure in re.findall(r"\$([\d.]*\d)", text)]


def else_usd():
    found = cost.estimate(STEPS, HOUR, on_aws=True, converted=False)
    return found.usd - found.by["ec2"]


def test_no_other_page_has_a_price():
    # tests/unit/benchmarks/test_comparison.py judges those of comparison.md
    judged = {"scaling.md", "comparison.md"}
    pages = [page for page in (*DOCS.glob("*.md"), *DOCS.parent.glob("*.md")) if page.name not in judged]
    assert len(pages) >= 4
    assert [page.name for page in pages if dollars(page.read_text(encoding="utf-8"))] == []


def test_the_page_tells_the_tables_date_and_what_has_none():
    (told,) = re.findall(r"Found without a date were (.*?)\. Not found", SCALING.replace("\n", " "))
    entries = {name: entry for name, entry in cost.prices().items() if isinstance(entry, dict)}
    undated = {name for name, entry in entries.items() if entry["confirmed"] == "undated"}
    undated |= {f"{name}.{figure}" for name, entry in entries.items() for figure in entry.get("undated", ())}
    assert undated == {*UNDATED}
    assert [words for words in UNDATED.values() if words not in told] == []
    assert [name for name, entry in entries.items() if entry["confirmed"] == "no"] == ["ec2_spot"]
    dates = sorted(entry["confirmed"] for entry in entries.values() if entry["confirmed"].startswith("20"))
    for date in (cost.prices()["date"], dates[0], dates[-1]):
        assert date in SCALING


def test_an_hour_of_each_machine():
    price = cost.prices()
    spot = price["fargate_spot"]
    besides = 180 * price["fargate"]["storage_gb_hour"] + price["ipv4"]["hour"]
    worked = {
        f"{name}.xlarge on demand": 3600 * cost.instance_second_usd(f"{name}.xlarge", "on demand")
        for name in ("g4dn", "g5", "g6")
    }
    worked |= {
        f"Fargate, {vcpus} vCPUs": cost.step_usd(replace(FARGATE, vcpus=vcpus, memory_mb=2048 * vcpus), 3570)
        for vcpus in (4, 8, 16)
    }
    worked["g4dn.xlarge on Spot"] = 3600 * cost.instance_second_usd("g4dn.xlarge", "spot")
    worked["Fargate Spot, 4 vCPUs"] = 4 * spot["vcpu_hour"] + 8 * spot["gb_hour"] + besides
    shown = {machine: dollars(p)[0] for machine, p, _ in after("before a job's code runs:")}
    assert shown == pytest.approx(worked, abs=0.00006)


def test_an_hour_of_video_on_a_gpu():
    rows = after("**On a GPU")
    assert len(rows) == 5
    for rate, *shown in rows:
        demand, spot = (
            6 * cost.step_usd(replace(SPOT, market=market), 90_000 / int(rate) / 6) for market in ("on demand", "spot")
        )
        assert [dollars(usd)[0] for usd in shown] == pytest.approx([demand, spot, spot + else_usd()], abs=0.0006)


def test_an_hour_of_video_on_a_cpu():
    rows = after("**On a CPU")
    (spot,) = [
        dollars(p)[0] for machine, p, _ in after("before a job's code runs:") if machine.startswith("Fargate Spot")
    ]
    assert [row[0] for row in rows] == ["2.5", "6", "12"]
    for rate, *shown, _ in rows:
        demand = 6 * cost.step_usd(FARGATE, 90_000 / float(rate) / 6)
        worked = [demand, spot * (25 / float(rate) + 0.05)]
        assert [dollars(usd)[0] for usd in shown] == pytest.approx(worked, abs=0.006)


def test_everything_else_of_an_hour():
    rows = dict(after("**Everything else**"))
    found = cost.estimate(STEPS, HOUR, on_aws=True, converted=False).by
    assert dollars(rows["Lambda"])[-1] == pytest.approx(found["lambda"], abs=0.0006)
    assert dollars(rows["Step Functions"])[-1] == pytest.approx(found["step_functions"], abs=0.000006)
    assert f"{cost.transitions(STEPS)} transitions" in rows["Step Functions"]
    writes, reads = cost.s3_requests(STEPS, HOUR, converted=False)
    converted, _ = cost.s3_requests(STEPS, HOUR, converted=True)
    assert re.findall(r"[\d ]*\d", rows["S3"])[:2] == [str(writes), f" {reads:,}".replace(",", " ")]
    assert f"A conversion adds {converted - writes} writes" in rows["S3"]
    assert dollars(rows["S3"])[-1] == pytest.approx(found["s3"], abs=0.00006)
    (told,) = re.findall(r"\*\*Everything else\*\* costs \$([\d.]+),", SCALING)
    assert float(told) == pytest.approx(else_usd(), abs=0.0006)


def test_an_idle_stack():
    rows, price = dict(after("## An idle stack")), cost.prices()
    assert dollars(rows["S3"]) == [price["s3"]["gb_month"]]
    assert dollars(rows["ECR"]) == [price["ecr"]["gb_month"]]
    figures = ("gb_month", "gb_ingested", "metric_month", "alarm_month", "dashboard_month")
    assert dollars(rows["CloudWatch"]) == [price["cloudwatch"][figure] for figure in figures]
