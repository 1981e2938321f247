"""How many jobs one machine runs at once, where a cloud would start an instance for each, and which of them first."""

from __future__ import annotations

import threading
from collections import defaultdict, deque
from collections.abc import Callable, Iterable

from local_aws.batch.job import Job


class Slots:
    """Runs so many jobs at once; the others wait RUNNABLE.

    A free slot goes to the queue of the highest priority that has a job waiting, for locally all queues share one
    machine; within a priority the job that came first is the first, children of arrays like any other (AWS Batch
    API Reference, "JobQueueDetail"; User Guide, "Fair-share scheduling policies"). What runs is never interrupted.
    Jobs never wait for each other here but for a slot, and every one gives its slot back when it ends: there is no
    deadlock.

    Parameters
    ----------
    limit:
        How many run at once.
    cores:
        How many cores they share, in equal parts: what a job asks for may be more than a laptop has.
    run:
        Runs a job to its end; called in a thread of its own.
    """

    def __init__(self, limit: int, cores: int, run: Callable[[Job], None]) -> None:
        self._free, self._limit, self._cores, self._run = limit, limit, cores, run
        self._waiting: defaultdict[int, deque[Job]] = defaultdict(deque)
        self._lock = threading.Lock()

    def add(self, jobs: Iterable[Job], priority: int) -> None:
        """Let jobs of a queue of this priority (more goes first) wait for their turn, which may be at once."""
        with self._lock:
            for job in jobs:
                job.status = "RUNNABLE"
                self._waiting[priority].append(job)
            self._fill()

    def withdraw(self, job: Job) -> bool:
        """Take a job out of those that wait; False if it isn't among them (any more)."""
        with self._lock:
            for line in self._waiting.values():
                if job in line:
                    line.remove(job)
                    return True
            return False

    def close(self) -> None:
        """Start no more jobs: whoever waits waits for ever."""
        with self._lock:
            self._waiting.clear()

    def _fill(self) -> None:
        for priority in sorted(self._waiting, reverse=True):
            line = self._waiting[priority]
            while self._free and line:
                share = self._cores // self._sharing()
                job = line.popleft()
                job.status, job.cores = "STARTING", max(1, share)
                self._free -= 1
                threading.Thread(target=self._occupy, args=(job,), name=f"batch-{job.id}", daemon=True).start()

    def _sharing(self) -> int:
        """How many run at once if those that wait begin now; 1 at least, while one waits."""
        return min(self._limit, self._limit - self._free + sum(map(len, self._waiting.values())))

    def _occupy(self, job: Job) -> None:
        try:
            self._run(job)
        finally:
            with self._lock:
                self._free += 1
                self._fill()
