"""What happens at 10, 1 000 and 100 000 uploads an hour: throughput, queues, throttles and cost, simulated.

`python -m benchmarks.scale [--json FILE] [--quick]`

The real state machine is walked state by state (statemachine/av_workflow.asl.yaml, its Retry and Catch included)
against the quotas of an account; what a task takes is a stub: see STUBS and `video`. The sizes of the machines are
template.yaml's. The figures are those of the model, not of AWS; docs/scaling.md says what is assumed.
"""

from __future__ import annotations

import argparse
import gc
import math
import random
import statistics
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any

import simpy
import yaml

from avflow.media import Media, probe
from avflow.results.names import OUTPUTS
from avflow.workflow import cost, paces, plan
from avflow.workflow.compute import Compute
from avflow.workflow.reports import CostEstimate, StepRecord
from avflow.workflow.settings import Settings
from benchmarks.common import ROOT, SAMPLE, Result, columns
from benchmarks.simulated_aws import Account, Quotas
from benchmarks.simulated_workflow import StateFailed, Steps, Workflow
from benchmarks.sizes import Sizes

DEFINITION = ROOT / "statemachine" / "av_workflow.asl.yaml"
HOUR = 3600.0

#: uploads: seconds of video, log-normal; frames and bytes a second
MEDIAN_SECONDS, SPREAD, LONGEST = 180.0, 1.0, 7200.0
FRAME_RATE, BYTE_RATE = 25, 625_000
SEGMENT_SECONDS = SPAN_SECONDS = 600.0
MAX_SEGMENTS, MAX_SPANS = 16, 8
#: frames a second of YOLOv3 at 416, both assumed: on a GPU, and on Fargate's 4 vCPUs as docs/scaling.md derives it
GPU_FPS, CPU_FPS = 100.0, 2.5
#: from which on Lambda gives up, and what it takes to see that
LAMBDA_SECONDS, GIVES_UP_AFTER = 895.0, 5.0
#: bytes a second that the disk of a job's instance takes from a download: what gp3 has without any extra (Amazon EBS
#: User Guide, "General Purpose SSD volumes"). The model loads meanwhile
DISK_BYTES = 125 * 2**20
#: costs are estimated for so many of the finished uploads
PRICED = 2000

Video = Mapping[str, Any]
#: seconds of a task by what runs it, of a video and its part: assumed
STUBS: dict[str, Callable[[Video, int], float]] = {
    "FFmpeg": lambda video, part: 3 + 0.01 * video["seconds"],
    "Audio2srt": lambda video, part: 8 + 0.3 * video["seconds"] / len(video["media"]["plan"]["spans"]),
    "Yolov3": lambda video, part: 25 + video["frames_of_part"] / GPU_FPS,
    "Yolov3Cpu": lambda video, part: 15 + video["frames_of_part"] / CPU_FPS,
    "Yolov3OnLambda": lambda video, part: video["seconds_on_lambda"],
    "Merge": lambda video, part: 3 + 0.02 * video["seconds"],
    "Failed": lambda video, part: 1.0,
}
CALL_SECONDS = 0.05  # a call that answers at once: GetObject, PutEvents, Publish, ListJobs
STEP_NAMES = {"FFmpeg": "ffmpeg", "Audio2srt": "audio2srt", "Yolov3": "yolov3", "Yolov3Cpu": "yolov3", "Merge": "merge"}
#: pixels of a frame, and bytes of the weights of YOLOv3
PIXELS, WEIGHTS = 1920 * 1080, 248_007_048
#: the pixels where no GPU encodes the MP4
WORKED = paces.pixels_worked(PIXELS, OUTPUTS)


def video(number: int, rng: random.Random) -> dict[str, Any]:
    """An upload as the execution's input, and as the FFmpeg step would find and plan it."""
    seconds = min(LONGEST, rng.lognormvariate(0, SPREAD) * MEDIAN_SECONDS)
    segments = max(1, min(MAX_SEGMENTS, round(seconds / SEGMENT_SECONDS + 0.5)))
    spans = max(1, min(MAX_SPANS, round(seconds / SPAN_SECONDS + 0.5)))
    plan = {
        "segments": {"count": segments},
        "array": {"Size": segments} if segments > 1 else {},
        "spans": list(range(spans)),
        "spans_on_batch": [],
        "merge_on_batch": False,
    }
    return {
        "execution": str(number),
        "size": int(seconds * BYTE_RATE),
        "seconds": seconds,
        "frames_of_part": seconds * FRAME_RATE / segments,
        "media": {"has_sound": True, "has_picture": True, "plan": plan, "results": {}},
        "steps": [],
    }


def definition(compute: str) -> dict[str, Any]:
    """The state machine with the stack's DetectorCompute; its other substitutions stay names."""
    return dict(yaml.safe_load(DEFINITION.read_text(encoding="utf-8").replace("${DetectorCompute}", compute)))


def planned(upload: dict[str, Any], settings: Settings, *, even_if_long: bool = False) -> dict[str, Any]:
    """The same upload as a stack with these settings plans it: first on Lambda, if it is short (or `even_if_long`)."""
    frames, rate = max(1, round(upload["seconds"] * FRAME_RATE)), Fraction(FRAME_RATE)
    segments = plan.functions(frames, rate, WORKED, WEIGHTS, settings)
    is_short = even_if_long or plan.is_short(segments, WORKED, WEIGHTS, settings)
    if settings.short_videos != "lambda" or not is_short:
        return upload
    first = upload["media"]["plan"]["segments"]["count"]
    upload["media"]["plan"]["segments"]["on_lambda"] = list(range(first, first + segments.count))
    upload["seconds_on_lambda"] = paces.on_lambda(segments.frames, WORKED, WEIGHTS, settings.short_videos_memory)
    return upload


@cache
def _media() -> Media:
    return probe(SAMPLE)


@dataclass(frozen=True)
class Scenario:
    """Uploads an hour, on how many stacks in Regions or accounts of their own, with which quotas, for how long."""

    name: str
    uploads: int
    hours: float
    quotas: Quotas
    stacks: int = 1
    compute: str = "gpu"
    #: of the FFmpeg step, which plans where a short video is detected
    settings: Settings = field(default_factory=Settings)
    #: every job of YOLOv3 downloads the whole source, as it once did
    whole_source: bool = False


class Simulation:
    """One of a scenario's stacks, which gets its share of the uploads, evenly at random."""

    def __init__(self, scenario: Scenario, seed: int = 1) -> None:
        self.scenario, self.env = scenario, simpy.Environment()
        self.random = random.Random(seed)  # noqa: S311  the same uploads at each run
        self.account = Account(self.env, scenario.quotas)
        self.sizes = Sizes({"ShortVideosMemory": str(scenario.settings.short_videos_memory)})
        self.arrived = 0
        self.in_flight_at_half = 0
        self.finished: list[tuple[float, float]] = []  # when it came, when it ended
        self.failed: dict[str, int] = {}
        self.priced: list[CostEstimate] = []
        self.machine = definition(scenario.compute)
        self._workflow = Workflow(self.env, self.machine, self.perform, self.account.transition, self.random)
        self._known: dict[tuple[str, bool], Compute | None] = {}

    def run(self) -> Simulation:
        """Let the window pass."""
        self.env.process(self._arrivals())
        self.env.run(until=self.window / 2)
        self.in_flight_at_half = self.in_flight
        self.env.run(until=self.window)
        return self

    @property
    def window(self) -> float:
        """Simulated seconds."""
        return self.scenario.hours * HOUR

    @property
    def in_flight(self) -> int:
        """Uploads that have neither finished nor failed."""
        return self.arrived - len(self.finished) - sum(self.failed.values())

    def _arrivals(self) -> Steps:
        rate = self.scenario.uploads / self.scenario.stacks / HOUR
        while True:
            yield self.env.timeout(self.random.expovariate(rate))
            self.arrived += 1
            self.env.process(self.upload(planned(video(self.arrived, self.random), self.scenario.settings)))

    def upload(self, upload: dict[str, Any]) -> Steps:
        came = self.env.now
        while True:  # an event waits in Lambda's own queue until there is room
            try:
                yield from self.account.invoke("start", 0.5)
                break
            except StateFailed:
                yield self.env.timeout(self.random.uniform(1, 5))
        yield self.env.timeout(self.account.starts.wait())
        try:
            yield from self._workflow.run({"video": upload})
        except StateFailed as failed:
            self.failed[failed.error] = self.failed.get(failed.error, 0) + 1
            return
        self.finished.append((came, self.env.now))
        if len(self.priced) < PRICED:
            media = replace(_media(), size=upload["size"], duration=upload["seconds"])
            self.priced.append(cost.estimate(upload["steps"], media, on_aws=False, converted=False))

    def perform(self, resource: str, parameters: Mapping[str, Any], data: Mapping[str, Any]) -> Steps:
        upload = data["video"]
        if resource.endswith("lambda:invoke"):
            return (yield from self._function(parameters["FunctionName"], upload))
        if "batch:submitJob" in resource:
            return (yield from self._job(parameters, upload))
        yield self.env.timeout(CALL_SECONDS)
        return {"video": upload, "media": {"found": upload["media"], "max_spans": MAX_SPANS}, "reasons": "[]"}

    def _function(self, arn: str, upload: dict[str, Any]) -> Steps:
        name = arn.removeprefix("${").removesuffix("FunctionArn}")
        seconds = STUBS[f"{name}OnLambda" if name == "Yolov3" else name](upload, 0)
        fits = seconds <= LAMBDA_SECONDS
        yield from self.account.invoke(name, seconds if fits else GIVES_UP_AFTER)
        if not fits:
            raise StateFailed("LambdaBudgetExceeded")
        self._note(name, arn, upload, seconds, {})
        return {"error": "Simulated", "message": "", "text": "", "moved": False}

    def _job(self, parameters: Mapping[str, Any], upload: dict[str, Any]) -> Steps:
        arn = parameters["JobDefinition"]
        name = arn.removeprefix("${").removesuffix("JobDefinitionArn}")
        children = (parameters.get("ArrayProperties") or {}).get("Size", 1)
        seconds = [STUBS[name](upload, part) for part in range(children)]
        if self.scenario.whole_source and name.startswith("Yolov3"):
            wait = max(0.0, upload["size"] / DISK_BYTES - paces.JOB_LOAD_SECONDS)
            seconds = [each + wait for each in seconds]
        yield from self.account.submit(parameters["JobQueue"], seconds)
        listed = parameters.get("ContainerOverrides", {}).get("Environment", ())
        for each in seconds:
            self._note(name, arn, upload, each, {pair["Name"]: pair["Value"] for pair in listed})
        return {}

    def _note(self, name: str, arn: str, upload: dict[str, Any], seconds: float, overrides: Mapping[str, str]) -> None:
        """The record that the step would leave for the manifest."""
        key = (arn, bool(overrides))
        if key not in self._known:
            self._known[key] = self.sizes.of(arn, overrides)
        if name in STEP_NAMES:
            upload["steps"].append(StepRecord(STEP_NAMES[name], "batch", self._known[key], "", seconds))


@dataclass(frozen=True)
class Outcome:
    """What a scenario came to; figures a stack times its stacks."""

    scenario: Scenario
    uploads: int
    finished: int
    failed: int
    in_flight: int
    finished_per_hour: float
    growth_per_hour: float
    median: float
    p95: float
    queue: str
    throttles: str
    used: str
    usd_per_video: float

    @classmethod
    def of(cls, simulation: Simulation) -> Outcome:
        """The figures; rates are those of the window's second half, when the queues have found their length."""
        scenario, half = simulation.scenario, simulation.window / 2
        hours = scenario.hours / 2
        late = sum(ended > half for _, ended in simulation.finished)
        waits = sorted(ended - came for came, ended in simulation.finished)
        longest = max(simulation.account.pools.values(), key=lambda pool: pool.longest_queue)
        used = simulation.account.used(simulation.window)
        return cls(
            scenario,
            uploads=simulation.arrived * scenario.stacks,
            finished=len(simulation.finished) * scenario.stacks,
            failed=sum(simulation.failed.values()) * scenario.stacks,
            in_flight=simulation.in_flight * scenario.stacks,
            finished_per_hour=late / hours * scenario.stacks,
            growth_per_hour=(simulation.in_flight - simulation.in_flight_at_half) / hours * scenario.stacks,
            median=statistics.median(waits) if waits else math.nan,
            p95=waits[int(0.95 * len(waits))] if waits else math.nan,
            queue=f"{longest.longest_queue} at {longest.name}" if longest.longest_queue else "none",
            throttles=", ".join(f"{count} {name}" for name, count in sorted(simulation.account.throttles.items()))
            or "none",
            used=", ".join(f"{name} {share:.0%}" for name, share in used.items() if share >= 0.005),
            usd_per_video=usd_per_video(simulation),
        )


def usd_per_video(simulation: Simulation) -> float:
    """The manifests' estimates, but for the GPUs, of which it is known here how long each was kept."""
    if not simulation.priced:
        return math.nan
    rest = statistics.mean(each.usd - each.by.get("ec2", 0) for each in simulation.priced)
    pools = simulation.account.pools
    gpus = sum(
        pools[queue].billed_seconds * cost.instance_second_usd(cost.DEFAULT_INSTANCE, market)
        for queue, market in (("${GpuSpotJobQueueArn}", "spot"), ("${GpuOnDemandJobQueueArn}", "on demand"))
    )
    return float(rest + gpus / len(simulation.finished))


RAISED = {
    10: Quotas(),  # the defaults suffice
    1000: Quotas(gpu_vcpus=256, fargate_vcpus=256),
    100_000: Quotas(lambda_concurrency=5000, gpu_vcpus=4096, fargate_vcpus=1024),
}
STACKS = {100_000: 4}


def scenarios(quick: bool) -> list[Scenario]:
    """The three rates, by default and as docs/scaling.md recommends."""
    hours = {10: 48.0, 1000: 2.0, 100_000: 0.1} if quick else {10: 240.0, 1000: 6.0, 100_000: 0.4}
    return [
        scenario
        for uploads, raised in RAISED.items()
        for scenario in (
            Scenario("default", uploads, hours[uploads] / (2 if uploads > 1000 else 1), Quotas()),
            Scenario("raised", uploads, hours[uploads], raised, STACKS.get(uploads, 1)),
        )
        if uploads > 10 or scenario.name == "default"  # for which the defaults suffice
    ]


def _time(seconds: float) -> str:
    if math.isnan(seconds):  # nothing has finished
        return "-"
    return f"{seconds / 60:.1f} min" if seconds < 2 * HOUR else f"{seconds / HOUR:.1f} h"


def cells(found: Outcome) -> dict[str, str]:
    """A scenario's figures as they are shown, by what they are."""
    scenario = found.scenario
    return {
        "uploads/h": f"{scenario.uploads:,}".replace(",", " "),
        "quotas": scenario.name + (f", {scenario.stacks} stacks" if scenario.stacks > 1 else ""),
        "simulated": f"{scenario.hours:g} h",
        "finished/h": f"{found.finished_per_hour:.0f}",
        "failed": str(found.failed),
        "waiting grows by": f"{max(0, found.growth_per_hour):.0f}/h",
        "median": _time(found.median),
        "95 %": _time(found.p95),
        "longest queue": found.queue,
        "throttled": found.throttles,
        "used": found.used,
        "USD a video": f"{found.usd_per_video:.4f}",
        "USD an hour": f"{found.usd_per_video * found.finished_per_hour:.2f}",
    }


def result(outcomes: list[Outcome], quick: bool) -> Result:
    """The same for benchmarks that are put together; no ratio, for nothing here is a speed of this machine."""
    found = Result("Uploads an hour, simulated", quick=quick)
    for outcome in outcomes:
        where = f"{outcome.scenario.uploads} uploads/h, {outcome.scenario.name} quotas"
        found.row(f"{where}: finished", round(outcome.finished_per_hour), "an hour")
        found.row(f"{where}: waiting grows by", max(0, round(outcome.growth_per_hour)), "an hour")
        if outcome.finished:
            found.row(f"{where}: median", round(outcome.median / 60, 1), "min")
            found.row(f"{where}: cost", round(100 * outcome.usd_per_video, 2), "US cents a video")
    found.series["scenarios"] = [cells(outcome) for outcome in outcomes]
    found.notes.append("This is a simulation, not AWS. docs/scaling.md lists its assumptions and has the whole table.")
    return found


def main() -> None:
    """Simulate, and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the results there")
    parser.add_argument("--quick", action="store_true", help="shorter windows")
    options = parser.parse_args()
    gc.disable()  # everything simulated stays reachable: a collector would only walk through it again and again
    outcomes = [Outcome.of(Simulation(scenario).run()) for scenario in scenarios(options.quick)]
    found = result(outcomes, options.quick)
    print(columns(found.series["scenarios"]))
    found.publish(options.json)


if __name__ == "__main__":
    main()
