"""An account's quotas as things that run out, in simulated time: token buckets, Lambda's concurrency, Batch's pools.

docs/scaling.md names the AWS page of each quota.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Generator
from dataclasses import dataclass, field
from typing import Any

import simpy

from benchmarks.simulated_workflow import StateFailed, Steps

#: by which a function's running copies may grow: at once, and then every second
LAMBDA_GROWTH_BURST, LAMBDA_GROWTH = 1000, 100
FARGATE_LAUNCH_BURST, FARGATE_LAUNCHES = 100, 20
#: of the job queues that share a compute environment, by the template; the others' is 1
PRIORITIES = {"${CpuJobQueueArn}": 2}
#: vCPUs of the instance and of each Fargate job, by the template
INSTANCE_VCPUS = JOB_VCPUS = 4
#: seconds, assumed: until a job's code runs on a new instance, and until an idle one is taken away; on Fargate
INSTANCE_START, INSTANCE_IDLE, FARGATE_START = 180.0, 120.0, 45.0


@dataclass(frozen=True)
class Quotas:
    """What one stack may use. The defaults: AWS's of us-east-1, and the template's where those are smaller."""

    lambda_concurrency: int = 1000
    starts: tuple[int, int] = (1300, 300)
    transitions: tuple[int, int] = (5000, 1500)
    submits: int = 50
    gpu_vcpus: int = 16
    fargate_vcpus: int = 64


class Bucket:
    """A token bucket: `size` at once, then `refill` a second."""

    def __init__(self, env: simpy.Environment, size: float, refill: float) -> None:
        self._env, self._size, self._refill = env, size, refill
        self._tokens, self._at = float(size), 0.0

    def take(self) -> bool:
        """A token, if there is one."""
        self._fill()
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True

    def wait(self) -> float:
        """Take the next token in turn; the seconds until it is there."""
        self._fill()
        self._tokens -= 1
        return max(0.0, -self._tokens / self._refill)

    def _fill(self) -> None:
        now = self._env.now
        self._tokens = min(self._size, self._tokens + (now - self._at) * self._refill)
        self._at = now


@dataclass
class Pool:
    """Machines of one compute environment: first come, first served in each priority; an idle one stays warm."""

    env: simpy.Environment
    name: str
    machines: int
    start: float
    idle: float
    longest_queue: int = 0
    busy_seconds: float = 0.0
    billed_seconds: float = 0.0
    _warm: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._slots = simpy.PriorityResource(self.env, self.machines)

    def run(self, seconds: float, priority: int = 1) -> Steps:
        """One job, from its place in a queue of this priority to its end."""
        with self._slots.request(priority=-priority) as turn:
            self.longest_queue = max(self.longest_queue, len(self._slots.queue))
            yield turn
            start = 0.0 if self._is_warm() else self.start
            yield self.env.timeout(start + seconds)
            self.busy_seconds += start + seconds
            self.billed_seconds += start + seconds
            self._warm.append(self.env.now)

    @property
    def waiting(self) -> int:
        """Jobs that wait now."""
        return len(self._slots.queue)

    def _is_warm(self) -> bool:
        """Take the machine that became idle last, unless they are all gone; idle time is billed."""
        if not self._warm:
            return False
        rest = self.env.now - self._warm.pop()
        if rest < self.idle:
            self.billed_seconds += rest
            return True
        self.billed_seconds += self.idle * (1 + len(self._warm))  # the others were idle for longer still
        self._warm.clear()
        return False


class Account:
    """Lambda, Step Functions and Batch of one account and Region."""

    def __init__(self, env: simpy.Environment, quotas: Quotas) -> None:
        self.env, self.quotas = env, quotas
        self.throttles: Counter[str] = Counter()
        self.entered: Counter[str] = Counter()
        self.starts = Bucket(env, *quotas.starts)
        self.submits = Bucket(env, quotas.submits, quotas.submits)
        self._transitions = Bucket(env, *quotas.transitions)
        self._launches = Bucket(env, FARGATE_LAUNCH_BURST, FARGATE_LAUNCHES)
        self._growth: defaultdict[str, Bucket] = defaultdict(lambda: Bucket(env, LAMBDA_GROWTH_BURST, LAMBDA_GROWTH))
        self._running: Counter[str] = Counter()
        self._copies: Counter[str] = Counter()
        self.lambda_running = self.lambda_most = 0
        self.lambda_seconds = 0.0
        gpus = quotas.gpu_vcpus // INSTANCE_VCPUS
        self.fargate = Pool(env, "Fargate", quotas.fargate_vcpus // JOB_VCPUS, FARGATE_START, 0)
        self.pools = {
            "${GpuSpotJobQueueArn}": Pool(env, "GPU, Spot", gpus, INSTANCE_START, INSTANCE_IDLE),
            "${GpuOnDemandJobQueueArn}": Pool(env, "GPU, on demand", gpus, INSTANCE_START, INSTANCE_IDLE),
            "${CpuJobQueueArn}": self.fargate,
            "${Yolov3CpuJobQueueArn}": self.fargate,
        }

    def transition(self, name: str) -> Steps:
        """One state is entered; too many are not refused but held back."""
        self.entered[name] += 1
        if wait := self._transitions.wait():
            self.throttles["transitions held back"] += 1
            yield self.env.timeout(wait)

    def invoke(self, function: str, seconds: float) -> Steps:
        """One invocation.

        Raises
        ------
        StateFailed
            Lambda.TooManyRequestsException: the account's concurrency, or the pace of its growth, is used up.
        """
        new = self._running[function] >= self._copies[function]
        full = self.lambda_running >= self.quotas.lambda_concurrency
        if full or (new and not self._growth[function].take()):
            self.throttles["Lambda"] += 1
            raise StateFailed("Lambda.TooManyRequestsException")
        self._copies[function] += new
        self._running[function] += 1
        self.lambda_running += 1
        self.lambda_most = max(self.lambda_most, self.lambda_running)
        try:
            yield self.env.timeout(seconds)
        finally:
            self.lambda_seconds += seconds
            self._running[function] -= 1
            self.lambda_running -= 1

    def submit(self, queue: str, seconds: list[float]) -> Steps:
        """A job, or an array of several; ends with its last child.

        Raises
        ------
        StateFailed
            Batch.TooManyRequestsException: too many SubmitJob calls.
        """
        if not self.submits.take():
            self.throttles["SubmitJob"] += 1
            raise StateFailed("Batch.TooManyRequestsException")
        pool = self.pools[queue]
        children = [self._child(pool, each, PRIORITIES.get(queue, 1)) for each in seconds]
        if len(children) == 1:
            yield from children[0]
        else:
            yield self.env.all_of([self.env.process(child) for child in children])

    def _child(self, pool: Pool, seconds: float, priority: int) -> Generator[simpy.Event, Any, None]:
        if pool is self.fargate and (wait := self._launches.wait()):
            yield self.env.timeout(wait)
        yield from pool.run(seconds, priority)

    def used(self, seconds: float) -> dict[str, float]:
        """Shares of what there is that were used over so many seconds: of Lambda's concurrency, of each pool."""
        shares = {pool.name: pool.busy_seconds / (pool.machines * seconds) for pool in self.pools.values()}
        return {"Lambda": self.lambda_seconds / (self.quotas.lambda_concurrency * seconds), **shares}
