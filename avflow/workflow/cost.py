"""Estimate what a run costs on AWS, from the durations of its steps and one dated table of prices.

The estimate is not a bill. It states what it assumes and what it leaves out.
"""

from __future__ import annotations

import math
import tomllib
from collections import Counter, defaultdict
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

from avflow.isolation.ranges import MOST_RANGE
from avflow.media import Media
from avflow.media.formats import (
    AAC_BYTES_PER_SECOND,
    AUDIO_BYTES_PER_SECOND,
    H264_BYTES_PER_SECOND,
    VIDEO_BYTES_PER_SECOND,
    WAV_BYTES_PER_SECOND,
)
from avflow.media.ranged import BLOCK
from avflow.results.names import ALWAYS
from avflow.workflow.compute import Compute, Ec2Compute, FargateCompute, LambdaCompute
from avflow.workflow.reports import CostEstimate, StepRecord
from avflow.workflow.source import WHOLE_BELOW

TABLE = Path(__file__).with_name("prices.toml")
HOUR = 3600
#: AWS divides a monthly storage price by this number of hours
MONTH_HOURS = 730

#: seconds that AWS bills before a job's first line of code runs. No log shows them. An EC2 instance boots, joins its
#: cluster and pulls the detector's image of 4 GB. Fargate bills from the pull of the image, for one minute at least.
INSTANCE_START_SECONDS = 180
FARGATE_START_SECONDS = 30
FARGATE_LEAST_SECONDS = 60
#: disk of the launch template
INSTANCE_DISK_GB = 100
#: instance type whose price stands in for a type that the table lacks; the estimate says so
DEFAULT_INSTANCE = "g4dn.xlarge"

#: state transitions of every execution, and those added by each span, by a video stream on Batch or on Lambda, and by
#: each of its segments there
TRANSITIONS = {"run": 12, "span": 2, "video": 3, "short video": 3, "segment": 1}

#: part size of a multipart transfer and the size from which one is used, as in avflow/workflow/storage.py
PART_BYTES, WHOLE_BYTES = 16 << 20, 32 << 20
#: HEAD requests per span: its size is checked against the scratch space before the download
SIZE_REQUESTS = 1
#: small objects (JSON, subtitles, detections) that a run writes and reads: in all, and per segment or span
SMALL_REQUESTS, SMALL_PART_REQUESTS = 8, 2
#: days for which S3 keeps intermediates: the default of the template's IntermediateDays, and one as noncurrent versions
KEPT_DAYS = 4


@cache
def prices() -> dict[str, Any]:
    """The table of prices, as in `prices.toml`."""
    with TABLE.open("rb") as file:
        return tomllib.load(file)


def estimate(
    steps: Sequence[StepRecord],
    media: Media,
    *,
    on_aws: bool,
    converted: bool,
    outputs: Sequence[str] = ALWAYS,
    drawn_late: bool = False,
) -> CostEstimate:
    """The cost of these steps on AWS, and of what connects them (Step Functions, S3, events).

    Parameters
    ----------
    steps:
        The records of all steps, one per segment and span.
    media:
        The upload.
    on_aws:
        False if the steps ran on a machine with the embedded AWS. The estimate is then the cost if AWS's machines took
        as long.
    converted:
        Whether the detector read a conversion of the video.
    outputs:
        The results that are made (`avflow.results.names.OUTPUTS`).
    drawn_late:
        Whether Merge draws the boxes: then the segments have no videos.
    """
    by: defaultdict[str, float] = defaultdict(float)
    for step in steps:
        if step.compute:
            by[step.compute.service] += step_usd(step.compute, step.seconds)
    by["step_functions"] = transitions(steps) * prices()["step_functions"]["transition"]
    by["s3"] = _s3_usd(steps, media, converted, outputs, drawn_late)
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
    """US dollars for one step of `seconds` on a machine of this size, including the machine's start."""
    if isinstance(size, LambdaCompute):
        return _lambda_usd(size, seconds)
    if isinstance(size, FargateCompute):
        return _fargate_usd(size, max(FARGATE_LEAST_SECONDS, seconds + FARGATE_START_SECONDS))
    return (seconds + INSTANCE_START_SECONDS) * instance_second_usd(size.instance, size.market)


def instance_second_usd(instance: str, market: str) -> float:
    """US dollars per second of an instance, its disk and its public address. `DEFAULT_INSTANCE` for an unknown type."""
    table = prices()
    hourly: float = table["ec2"][_priced_as(instance)]
    if market == "spot":
        hourly *= table["ec2_spot"]["share_of_on_demand"]
    disk = INSTANCE_DISK_GB * table["ebs"]["gb_month"] / MONTH_HOURS
    return float(hourly + disk + table["ipv4"]["hour"]) / HOUR


def transitions(steps: Sequence[StepRecord]) -> int:
    """State transitions of an execution without failures: one per state ("AWS Step Functions Pricing")."""
    names = Counter(step.name for step in steps)
    found = TRANSITIONS["run"] + TRANSITIONS["span"] * names["audio2srt"]
    yolov3 = [step for step in steps if step.name == "yolov3"]
    if yolov3 and all(isinstance(step.compute, LambdaCompute) for step in yolov3):
        return found + TRANSITIONS["short video"] + TRANSITIONS["segment"] * len(yolov3)
    return found + TRANSITIONS["video"] * bool(yolov3)


def s3_requests(
    steps: Sequence[StepRecord],
    media: Media,
    *,
    converted: bool,
    outputs: Sequence[str] = ALWAYS,
    drawn_late: bool = False,
) -> tuple[int, int]:
    """The numbers of S3 writes and reads of a run, from the sizes of its files, without the upload itself."""
    names = Counter(step.name for step in steps)
    spans, segments = names["audio2srt"], names["yolov3"]
    seconds, source = media.duration, media.size
    conversion = _conversion_bytes(media) if converted else 0.0
    small = SMALL_REQUESTS + SMALL_PART_REQUESTS * (spans + segments)
    writes, reads = small, small + _gets(source)
    if spans:
        span = WAV_BYTES_PER_SECOND * seconds / spans
        writes += spans * _puts(span)
        # each span's own audio, and for all but the first also the first span's, for its language
        reads += (2 * spans - 1) * (SIZE_REQUESTS + _gets(span))
        reads += _gets(source)  # Merge takes the audio from the source
        writes += sum(output in outputs for output in ("vtt", "txt", "json"))
    if segments:
        made = [(VIDEO_BYTES_PER_SECOND, AUDIO_BYTES_PER_SECOND)]
        made += [(H264_BYTES_PER_SECOND, AAC_BYTES_PER_SECOND)] if "mp4" in outputs else []
        reads += segments * _range_gets(conversion or source, segments)
        for video_rate, audio_rate in made:
            part = video_rate * seconds / segments
            writes += _puts((video_rate + audio_rate * bool(spans)) * seconds)
            writes += 0 if drawn_late else segments * _puts(part)
            reads += 0 if drawn_late else segments * _gets(part)
        if "jpg" in outputs:  # pictures of each segment, and two of the film
            writes += 2 if drawn_late else segments + 2
            reads += 0 if drawn_late else segments * _gets(0)
        if drawn_late and (converted or not spans):  # else Merge has the source for its audio
            reads += _gets(conversion or source)
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


def _s3_usd(
    steps: Sequence[StepRecord], media: Media, converted: bool, outputs: Sequence[str], drawn_late: bool
) -> float:
    price = prices()["s3"]
    writes, reads = s3_requests(steps, media, converted=converted, outputs=outputs, drawn_late=drawn_late)
    video = 0 if drawn_late else VIDEO_BYTES_PER_SECOND + H264_BYTES_PER_SECOND * ("mp4" in outputs)
    kept = (WAV_BYTES_PER_SECOND * bool(media.audio) + video * bool(media.video)) * media.duration
    kept += _conversion_bytes(media) if converted else 0.0
    storage = kept / 2**30 * price["gb_month"] * KEPT_DAYS * 24 / MONTH_HOURS
    return float(writes * price["write"] + reads * price["read"] + storage)


def _puts(size: float) -> int:
    """Requests that write `size` bytes: one, or one per part with one before and one after them."""
    return 1 if size < WHOLE_BYTES else math.ceil(size / PART_BYTES) + 2


def _gets(size: float) -> int:
    """Requests that read `size` bytes: HEAD, then one for the whole or one per part."""
    return 1 + (1 if size < WHOLE_BYTES else math.ceil(size / PART_BYTES))


def _range_gets(size: float, segments: int) -> int:
    """Requests that read one of several segments of a source of `size` bytes, about: HEAD, then ranges that grow.

    What is read ahead is a sixteenth of what was read, in four requests (`avflow.isolation.ranges`).
    """
    if segments == 1 or size < WHOLE_BELOW:
        return _gets(size)
    share, grows_from, grows_to = size / segments, 64 * BLOCK, 64 * MOST_RANGE
    small, large = min(share, grows_from) / BLOCK, max(0.0, share - grows_to) / MOST_RANGE
    return 1 + math.ceil(small + 64 * math.log(max(1.0, min(share, grows_to) / grows_from)) + large)


def _priced_as(instance: str) -> str:
    return instance if instance in prices()["ec2"] else DEFAULT_INSTANCE


def _instance_text(size: Ec2Compute) -> str:
    """The estimate's words for an instance. They name the type whose price stands in, if there is one."""
    instance, priced_as = size.instance, _priced_as(size.instance)
    text = f"{instance} {size.market}"
    if priced_as == instance:
        return text
    return f"{text} at the price of {priced_as}, for {TABLE.name} has none of {instance}"


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
        instances = sorted({_instance_text(size) for size in sizes if isinstance(size, Ec2Compute)})
        found["ec2"] = (
            f"{', '.join(instances)}; taken to be the first of GpuInstanceTypes, as no job tells which it had; "
            f"{INSTANCE_START_SECONDS} s for each job's instance to boot and pull the image, "
            "none for its wait for another job"
        )
        if any(isinstance(size, Ec2Compute) and size.market == "spot" for size in sizes):
            share = prices()["ec2_spot"]["share_of_on_demand"]
            found["spot"] = f"{share:.0%} of the price on demand, one typical point: Spot moves by the hour"
    return found
