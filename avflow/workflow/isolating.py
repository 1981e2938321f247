"""Start the media process of a step, with limits that fit the machine and the step's budget."""

from __future__ import annotations

import math
import os
import shutil
from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Protocol, TypeVar

from avflow.cores import usable_cores
from avflow.isolation.linux import threads_of_user
from avflow.isolation.permissions import font_folders
from avflow.isolation.policy import Isolation, Limits
from avflow.isolation.ranges import RangedSource
from avflow.isolation.requests import Request
from avflow.isolation.time_limit import TimeLimit
from avflow.isolation.worker import MediaWorker, nursery_of
from avflow.isolation.workplace import Workplace
from avflow.media.contract import Contract
from avflow.models.store import ModelStore
from avflow.progress import Report, ignore
from avflow.workflow.budget import Budget
from avflow.workflow.compute import Compute, Ec2Compute, LambdaCompute
from avflow.workflow.settings import Settings

A = TypeVar("A", bound=Contract)

#: bytes of address space beyond the memory: libraries, and the stacks and arenas of each core's threads
_ADDRESSES, _ADDRESSES_PER_CORE = 4 << 30, 256 << 20
#: threads beyond those that the user has now
_THREADS, _THREADS_PER_CORE = 256, 16
#: seconds of processor time on each core where the step has no deadline: a job's longest (template.yaml)
_MOST_SECONDS = 12 * 3600


class Worker(Protocol):
    """What a step sees of its media process (`avflow.isolation.worker.MediaWorker`)."""

    @property
    def isolation(self) -> Isolation:
        """The isolation that is in force."""
        ...

    def begin(self, request: Request[Any]) -> None:
        """Send a request without waiting for its answer."""
        ...

    def finish(
        self,
        request: Request[A],
        report: Report = ignore,
        limit: TimeLimit | None = None,
        source: RangedSource | None = None,
    ) -> A:
        """Wait for the answer to the oldest request."""
        ...

    def do(
        self,
        request: Request[A],
        report: Report = ignore,
        limit: TimeLimit | None = None,
        source: RangedSource | None = None,
    ) -> A:
        """Send a request and wait for its answer."""
        ...


class Start(Protocol):
    """Starts a media process, as `start` does."""

    def __call__(
        self, tasks: str, place: Workplace, settings: Settings, budget: Budget, *, makes: Sequence[Path] = ...
    ) -> AbstractContextManager[Worker]:
        """The process as a context manager, which ends it."""
        ...


def start(
    tasks: str, place: Workplace, settings: Settings, budget: Budget, *, makes: Sequence[Path] = ()
) -> AbstractContextManager[Worker]:
    """Start a media process.

    Parameters
    ----------
    tasks:
        A module of `avflow.media_work`.
    makes:
        Folders that it may write into besides its own. It must not see an upload then.
    """
    step = tasks.rpartition(".")[2]
    return MediaWorker(
        tasks,
        place,
        limits=limits(place, settings.compute, budget),
        programs=step in ("ffmpeg", "merge"),
        gpu=settings.has_gpu,
        required=settings.isolation == "required",
        readable=[*ModelStore().readable, *(font_folders() if step == "merge" else ())],
        writable=makes,
        # a job works on one upload, and an environment of a function on many, one after another
        nursery=nursery_of(tasks) if isinstance(settings.compute, LambdaCompute) and not makes else None,
    )


def limits(place: Workplace, compute: Compute | None, budget: Budget) -> Limits:
    """The limits of each process that works on an upload."""
    cores = usable_cores()
    seconds = _MOST_SECONDS if math.isinf(budget.deadline) else max(1, math.ceil(budget.seconds_left()) + 5)
    disk = shutil.disk_usage(place.folder).free
    used = threads_of_user()
    return Limits(
        # CUDA reserves addresses for the memory of all GPUs
        memory=None if isinstance(compute, Ec2Compute) else _memory(compute) + _ADDRESSES + cores * _ADDRESSES_PER_CORE,
        file_size=max(1, disk if budget.disk_bytes is None else min(disk, budget.disk_bytes)),
        processes=None if used is None else used + _THREADS + cores * _THREADS_PER_CORE,
        cpu=cores * seconds,
    )


def _memory(compute: Compute | None) -> int:
    """Bytes of memory that the step has: those of its function or job, or else of the whole machine."""
    if compute is not None and not isinstance(compute, Ec2Compute):
        return compute.memory_mb << 20
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
