"""A thousand uploads at once against the quotas of a new account: does the policy of retries lose one? Simulated.

`python -m benchmarks.throttling [--write]`; `--write` puts the table into docs/scaling.md.

The real state machine is walked as in `benchmarks.scale`, with its Retry and Catch, and here also with the time-outs of
its tasks and of the execution. What a task takes is assumed, see `benchmarks.scale.STUBS`.
"""

from __future__ import annotations

import argparse
import random
import statistics
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import simpy

from benchmarks import scale
from benchmarks.common import ROOT, columns
from benchmarks.report import between
from benchmarks.simulated_aws import Quotas
from benchmarks.simulated_workflow import StateFailed, Steps, Workflow

PAGE = ROOT / "docs" / "scaling.md"
BEGIN, END = "<!-- throttling:start -->", "<!-- throttling:end -->"
UPLOADS = 1000
#: seconds over which the uploads come
_COME = 60.0
#: Lambda drops an asynchronous event after six hours (AWS Lambda Developer Guide, "Configuring error handling settings
#: for asynchronous invocations"); it reaches the dead-letter queue, so that an operator sees it
_EVENT_AGE = 6 * 3600.0
#: Batch refuses more than 50 SubmitJob a second; Fargate quota of a new account: 6 vCPUs, so one job of 4
NEW = Quotas(lambda_concurrency=10, fargate_vcpus=6)


@dataclass(frozen=True)
class Burst:
    """So many uploads of so many seconds of video, at once."""

    name: str
    seconds: float
    quotas: Quotas
    uploads: int = UPLOADS
    #: the share of invocations, and of SubmitJob calls, that a busy service refuses besides
    refused: float = 0.0


BURSTS = (
    Burst("new account, clips of 30 s", 30.0, NEW),
    Burst("new account, videos of 3 min", 180.0, NEW),
    Burst("new account, clips of 30 s, every second call refused", 30.0, NEW, refused=0.5),
    Burst("1 000 concurrent functions, videos of 3 min", 180.0, Quotas()),
    Burst("1 000 concurrent functions, videos of 3 min, every second call refused", 180.0, Quotas(), refused=0.5),
)


@dataclass
class Retries:
    """How often tasks were tried, and how often the tries did not suffice."""

    most: Counter[str] = field(default_factory=Counter)
    exhausted: Counter[str] = field(default_factory=Counter)


class _Counting(Workflow):
    """Counts the tries of each task."""

    def __init__(self, retries: Retries, **facts: Any) -> None:
        super().__init__(**facts, timeouts=True)
        self._retries = retries

    def _tried(self, state: Mapping[str, Any], name: str, data: Any, context: Mapping[str, Any]) -> Steps:
        count = Counter[str]()

        def counted(resource: str, parameters: Mapping[str, Any], inner: Mapping[str, Any]) -> Steps:
            count[name] += 1
            return (yield from self.perform(resource, parameters, inner))

        one = Workflow(self.env, self.definition, counted, self.enter, self.random, timeouts=True)
        tried = one if state["Type"] == "Task" else super()
        try:
            return (yield from tried._tried(state, name, data, context))
        except StateFailed as failed:
            if failed.error.endswith("TooManyRequestsException"):
                self._retries.exhausted[name] += 1
            raise
        finally:
            self._retries.most[name] = max(self._retries.most[name], count[name])


class Simulation(scale.Simulation):
    """One burst."""

    def __init__(self, burst: Burst, seed: int = 1) -> None:
        super().__init__(scale.Scenario(burst.name, burst.uploads, 60.0, burst.quotas), seed)
        self.burst, self.retries = burst, Retries()
        self.definition = scale.definition("gpu")
        self._workflow = _Counting(
            self.retries,
            env=self.env,
            definition=self.definition,
            perform=self.perform,
            enter=self.account.transition,
            random=self.random,
        )

    def _arrivals(self) -> Steps:
        for _ in range(self.burst.uploads):
            yield self.env.timeout(_COME / self.burst.uploads)
            self.arrived += 1
            self.env.process(self.upload(_video(self.arrived, self.burst.seconds, self.random)))

    def perform(self, resource: str, parameters: Mapping[str, Any], data: Mapping[str, Any]) -> Steps:
        calls = {"lambda:invoke": "Lambda", "batch:submitJob.sync": "Batch"}
        service = next((name for end, name in calls.items() if resource.endswith(end)), None)
        if service and self.random.random() < self.burst.refused:
            self.account.throttles["refused besides"] += 1
            yield self.env.timeout(scale.CALL_SECONDS)
            raise StateFailed(f"{service}.TooManyRequestsException")
        return (yield from super().perform(resource, parameters, data))

    def upload(self, upload: dict[str, Any]) -> Steps:
        """One upload, within the time of its event and of its execution."""
        came, limit = self.env.now, self.definition["TimeoutSeconds"]
        while self.env.now - came < _EVENT_AGE:
            try:
                yield from self.account.invoke("start", 0.5)
                break
            except StateFailed:
                yield self.env.timeout(self.random.uniform(1, 5))
        else:
            self.failed["event too old"] = self.failed.get("event too old", 0) + 1
            return
        run = self.env.process(_told(self._workflow.run({"video": upload})))
        yield self.env.any_of([run, self.env.timeout(limit)])
        error = run.value if run.triggered else "ExecutionTimedOut"
        if error:
            self.failed[error] = self.failed.get(error, 0) + 1
        else:
            self.finished.append((came, self.env.now))


def _told(run: Steps) -> Steps:
    try:
        yield from run
    except StateFailed as failed:
        return failed.error
    except simpy.Interrupt:
        return "interrupted"
    return None


def _video(number: int, seconds: float, rng: random.Random) -> dict[str, Any]:
    """An upload of about so many seconds, as the FFmpeg step would plan it."""
    made = scale.video(number, rng)
    length = seconds * rng.uniform(0.5, 1.5)
    made["media"]["plan"] |= {"segments": {"count": 1}, "array": {}, "spans": [0]}
    return made | {"seconds": length, "size": int(length * scale.BYTE_RATE), "frames_of_part": length * 25}


def row(burst: Burst) -> dict[str, str]:
    """What became of a burst, as the table shows it."""
    done = Simulation(burst).run()
    waits = sorted(ended - came for came, ended in done.finished)
    steps = {"FFmpeg": "FFmpegOnBatch", "Audio2srt": "Audio2srtOnBatch", "Merge": "MergeOnBatch"}
    entered = done.account.entered
    return {
        "1 000 uploads at once": burst.name,
        "results": str(len(done.finished)),
        "lost": str(burst.uploads - len(done.finished)),
        "refused calls": f"{sum(done.account.throttles.values()):,}".replace(",", " "),
        "most tries of a task": ", ".join(f"{name} {count}" for name, count in done.retries.most.most_common(3)),
        "moved to Batch": ", ".join(f"{step} {entered[moved]}" for step, moved in steps.items() if entered[moved])
        or "none",
        "median": scale._time(statistics.median(waits)) if waits else "-",
        "last": scale._time(max(waits)) if waits else "-",
    }


def table() -> str:
    """What became of all bursts, as Markdown."""
    return columns([row(burst) for burst in BURSTS])


def main() -> None:
    """Simulate, and print or write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true", help="put the table into docs/scaling.md")
    options = parser.parse_args()
    found = table()
    print(found)
    if options.write:
        PAGE.write_text(between(PAGE.read_text(encoding="utf-8"), found, BEGIN, END), encoding="utf-8")


if __name__ == "__main__":
    main()
