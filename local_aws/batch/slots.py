"""How many jobs run at once on one machine, and in which order; AWS would start an instance for each."""

from __future__ import annotations

import math
import threading
from collections import defaultdict, deque
from collections.abc import Callable, Iterable

from local_aws.batch.job import Job

#: MiB that no job of this project needs more of (docs/benchmarks.md, "peak memory", and the largest detector)
MOST_MB = 4096.0


class Slots:
    """Runs a limited number of jobs at once; the other jobs wait RUNNABLE.

    A free slot goes to the queue with the highest priority that has a job waiting, because all queues share this
    machine. Within one priority the jobs start in the order in which they came, children of arrays like other jobs
    (AWS Batch API Reference, "JobQueueDetail"; User Guide, "Fair-share scheduling policies"). A running job is never
    interrupted. A deadlock is impossible: a job waits for nothing but a slot, and gives its slot back when it ends.

    Parameters
    ----------
    limit:
        The number of jobs that run at once.
    cores:
        The number of cores that they share in equal parts; a job may ask for more than a laptop has.
    run:
        Runs a job to its end; called in a thread of its own.
    memory_mb:
        The memory in MiB that the jobs at once may ask for together; by default any. A job that asks for more runs
        alone. AWS Batch, too, places a job only where the memory that it asks for is free, and the jobs after it wait.
        A job that has an instance for itself asks for nearly all of its memory: here it counts as `MOST_MB` at most.
    """

    def __init__(self, limit: int, cores: int, run: Callable[[Job], None], memory_mb: float = math.inf) -> None:
        self.limit, self.memory_mb = limit, memory_mb
        self._cores, self._run = cores, run
        self._running: set[Job] = set()
        self._waiting: defaultdict[int, deque[Job]] = defaultdict(deque)
        self._lock = threading.Lock()

    def add(self, jobs: Iterable[Job], priority: int) -> None:
        """Queue jobs with the priority of their queue (higher goes first); they start at once if slots are free."""
        with self._lock:
            for job in jobs:
                job.status = "RUNNABLE"
                self._waiting[priority].append(job)
            self._fill()

    def withdraw(self, job: Job) -> bool:
        """Remove a waiting job; False if it does not wait (any more)."""
        with self._lock:
            for line in self._waiting.values():
                if job in line:
                    line.remove(job)
                    return True
            return False

    def close(self) -> None:
        """Start no more jobs; waiting jobs are forgotten."""
        with self._lock:
            self._waiting.clear()

    def _fill(self) -> None:
        for priority in sorted(self._waiting, reverse=True):
            line = self._waiting[priority]
            while line:
                if not self._fits(line[0]):
                    return
                share = self._cores // self._sharing(line[0])
                job = line.popleft()
                job.status, job.cores = "STARTING", max(1, share)
                self._running.add(job)
                threading.Thread(target=self._occupy, args=(job,), name=f"batch-{job.id}", daemon=True).start()

    def _fits(self, job: Job) -> bool:
        return not self._running or (len(self._running) < self.limit and _claim(job) <= self._free_memory())

    def _free_memory(self) -> float:
        return self.memory_mb - sum(map(_claim, self._running))

    def _sharing(self, job: Job) -> int:
        """The number of jobs that run at once if the waiting ones, which are like `job`, start now; at least 1."""
        waiting = sum(map(len, self._waiting.values()))
        fitting = max(1, min(waiting, self._free_memory() / _claim(job)))
        return min(self.limit, len(self._running) + int(fitting))

    def _occupy(self, job: Job) -> None:
        try:
            self._run(job)
        finally:
            with self._lock:
                self._running.discard(job)
                self._fill()


def _claim(job: Job) -> float:
    """MiB that are kept for a job."""
    return min(job.memory_mb(), MOST_MB)
