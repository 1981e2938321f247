"""What a run costs on AWS: an estimate from the steps' own times and one dated table of prices.

It is no bill. What is left out or assumed stands in the estimate itself.
"""

from __future__ import annotations

import math
import tomllib
from collections import Counter, defaultdict
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

from avflow.media import Media
from avflow.media.formats import AUDIO_BYTES_PER_SECOND, VIDEO_BYTES_PER_SECOND, WAV_BYTES_PER_SECOND
from avflow.workflow.compute import Compute, Ec2Compute, FargateCompute, LambdaCompute
from avflow.workflow.reports import CostEstimate, StepRecord

TABLE = Path(__file__).with_name("prices.toml")
HOUR = 3600
#: hours by which AWS divides a month's price of storage
MONTH_HOURS = 730

#: billed before a job's first line of code runs. No log tells it: an instance boots, joins its cluster and pulls the
#: detector's image of 4 GB; Fargate bills from the pull of the image on, and a minute at least.
INSTANCE_START_SECONDS = 180
FARGATE_START_SECONDS = 30
FARGATE_LEAST_SECONDS = 60
#: of the launch template
INSTANCE_DISK_GB = 100
#: whose price is taken for a type that the table has none for; the estimate says so
DEFAULT_INSTANCE = "g4dn.xlarge"

#: states that one execution enters whatever the video is, and those it enters more for each span and for a picture
TRANSITIONS = {"run": 12, "span": 2, "picture": 2}

#: as in avflow/workflow/storage.py
PART_BYTES, WHOLE_BYTES = 16 << 20, 32 << 20
#: whether a span fits the scratch space is asked before it is read
SIZE_REQUESTS = 1
#: small objects (JSON, subtitles, detections) that a run writes and reads, and those of each segment and span
SMALL_REQUESTS, SMALL_PART_REQUESTS = 8, 2
#: for which intermediates are kept: the template's IntermediateDays, unless changed, and a day as noncurrent versions
KEPT_DAYS = 4


@cache
def prices() -> dict[str, Any]:
    """The table, as `prices.toml` has it."""
    with TABLE.open("rb") as file:
        return tomllib.load(file)


def estimate(steps: Sequence[StepRecord], media: Media, *, on_aws: bool, converted: bool) -> CostEstimate:
    """What these steps, and what lies between them, cost on AWS.

    Parameters
    ----------
    steps:
        The record of each step, one for each segment and span.
    media:
        The upload.
    on_aws:
        False where the seconds are those of a machine that embeds AWS: what the run would cost if AWS's machines
        took as long.
    converted:
        Whether the detector read a conversion of the video.
    """
    by: defaultdict[str, float] = defaultdict(float)
    for step in steps:
        if step.compute:
            by[step.compute.service] += step_usd(step.compute, step.seconds)
    by["step_functions"] = transitions(steps) * prices()["step_functions"]["transition"]
    by["s3"] = _s3_usd(steps, media, converted)
    by["events"] = prices()["events"]["event"]
    return CostEstimate(
        usd=round(sum(by.values()), 6),
        by={service: round(usd, 6) for service, usd in by.items()},
        assumes=_assumptions(steps),
        not_priced=tuple(sorted({step.name for step in steps if not step.compute})),
        seconds_of="AWS" if on_aws else "this machine: what AWS would ask if its machines took as long",
        prices_of=prices()["date"],
        region=prices()["region"],
    )


def step_usd(size: Compute, seconds: float) -> float:
    """What a machine of this size costs for one step of so many seconds, its start included."""
    if isinstance(size, LambdaCompute):
        return _lambda_usd(size, seconds)
    if isinstance(size, FargateCompute):
        return _fargate_usd(size, max(FARGATE_LEAST_SECONDS, seconds + FARGATE_START_SECONDS))
    return (seconds + INSTANCE_START_SECONDS) * instance_second_usd(size.instance, size.market)


def instance_second_usd(instance: str, market: str) -> float:
    """A second of an instance, with its disk and its public address; of an unknown type, of `DEFAULT_INSTANCE`."""
    table = prices()
    hourly: float = table["ec2"][_priced_as(instance)]
    if market == "spot":
        hourly *= table["ec2_spot"]["share_of_on_demand"]
    disk = INSTANCE_DISK_GB * table["ebs"]["gb_month"] / MONTH_HOURS
    return float(hourly + disk + table["ipv4"]["hour"]) / HOUR


def transitions(steps: Sequence[StepRecord]) -> int:
    """State transitions of an execution without failures: one for each state ("AWS Step Functions Pricing")."""
    names = Counter(step.name for step in steps)
    return (
        TRANSITIONS["run"] + TRANSITIONS["span"] * names["audio2srt"] + TRANSITIONS["picture"] * bool(names["yolov3"])
    )


def s3_requests(steps: Sequence[StepRecord], media: Media, *, converted: bool) -> tuple[int, int]:
    """Writes and reads of a run, from the sizes of its files; the upload itself is the user's."""
    names = Counter(step.name for step in steps)
    spans, segments = names["audio2srt"], names["yolov3"]
    seconds, source = media.duration, media.size
    conversion = _conversion_bytes(media) if converted else 0.0
    small = SMALL_REQUESTS + SMALL_PART_REQUESTS * (spans + segments)
    writes, reads = small, small + _gets(source)
    if spans:
        span = WAV_BYTES_PER_SECOND * seconds / spans
        writes += spans * _puts(span)
        # a span's own audio, and of all but the first also the first one's, for the language
        reads += (2 * spans - 1) * (SIZE_REQUESTS + _gets(span))
        reads += _gets(source)  # Merge takes the sound from the source
    if segments:
        part = VIDEO_BYTES_PER_SECOND * seconds / segments
        result = (VIDEO_BYTES_PER_SECOND + AUDIO_BYTES_PER_SECOND * bool(spans)) * seconds
        writes += segments * _puts(part) + _puts(result)
        reads += segments * (_gets(conversion or source) + _gets(part))
    if converted:
        writes += _puts(conversion)
    return writes, reads


def _conversion_bytes(media: Media) -> float:
    return float((VIDEO_BYTES_PER_SECOND + AUDIO_BYTES_PER_SECOND * bool(media.audio)) * media.duration)


def _lambda_usd(size: LambdaCompute, seconds: float) -> float:
    price = prices()["lambda"]
    storage = max(0.0, size.storage_gb - price["storage_included_gb"])
    gb = size.memory_mb / 1024
    return float(price["request"] + seconds * (gb * price["gb_second"] + storage * price["storage_gb_second"]))


def _fargate_usd(size: FargateCompute, seconds: float) -> float:
    price = prices()["fargate"]
    storage = max(0.0, size.storage_gb - price["storage_included_gb"])
    hourly = size.vcpus * price["vcpu_hour"] + size.memory_mb / 1024 * price["gb_hour"]
    return float(hourly + storage * price["storage_gb_hour"] + prices()["ipv4"]["hour"]) * seconds / HOUR


def _s3_usd(steps: Sequence[StepRecord], media: Media, converted: bool) -> float:
    price = prices()["s3"]
    writes, reads = s3_requests(steps, media, converted=converted)
    kept = (WAV_BYTES_PER_SECOND * bool(media.audio) + VIDEO_BYTES_PER_SECOND * bool(media.video)) * media.duration
    kept += _conversion_bytes(media) if converted else 0.0
    storage = kept / 2**30 * price["gb_month"] * KEPT_DAYS * 24 / MONTH_HOURS
    return float(writes * price["write"] + reads * price["read"] + storage)


def _puts(size: float) -> int:
    """Requests that write so many bytes: whole, or in parts with one request before and one after them."""
    return 1 if size < WHOLE_BYTES else math.ceil(size / PART_BYTES) + 2


def _gets(size: float) -> int:
    """Requests that read so many bytes: HEAD, then the whole or its parts."""
    return 1 + (1 if size < WHOLE_BYTES else math.ceil(size / PART_BYTES))


def _priced_as(instance: str) -> str:
    return instance if instance in prices()["ec2"] else DEFAULT_INSTANCE


def _instance_told(size: Ec2Compute) -> str:
    """An instance as the estimate names it, and whose price it took where that is another's."""
    instance, priced_as = size.instance, _priced_as(size.instance)
    told = f"{instance} {size.market}"
    if priced_as == instance:
        return told
    return f"{told} at the price of {priced_as}, for {TABLE.name} has none of {instance}"


def _assumptions(steps: Sequence[StepRecord]) -> dict[str, str]:
    sizes = [step.compute for step in steps if step.compute]
    services = {size.service for size in sizes}
    found = {
        "attempts": "only those that succeeded are counted: not what Spot or a fallback cut short",
        "s3": (
            "requests from the files' sizes, with a speech model of many languages; "
            f"intermediates kept for {KEPT_DAYS} days; no source, no result"
        ),
        "left_out": "logs, metrics, alarms, image storage, the free tier, data out of AWS",
    }
    if "lambda" in services:
        found["lambda"] = "without the time in which a cold function loads"
    if "fargate" in services:
        found["fargate"] = f"on demand, {FARGATE_START_SECONDS} s for each job's image and a minute at least"
    if "ec2" in services:
        told = sorted({_instance_told(size) for size in sizes if isinstance(size, Ec2Compute)})
        found["ec2"] = (
            f"{', '.join(told)}; taken to be the first of GpuInstanceTypes, as no job tells which it had; "
            f"{INSTANCE_START_SECONDS} s for each job's instance to boot and pull the image, "
            "none for its wait for another job"
        )
        if any(isinstance(size, Ec2Compute) and size.market == "spot" for size in sizes):
            share = prices()["ec2_spot"]["share_of_on_demand"]
            found["spot"] = f"{share:.0%} of the price on demand, one typical point: Spot moves by the hour"
    return found
