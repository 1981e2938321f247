"""What a step receives (`StepContext`), and the record of its run (`StepTimer`).

`paced` joins a step's progress with its time budget: it stops a step that would not finish in Lambda's time. See
`avflow.workflow.entry` for how such a step moves to Batch.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from avflow.isolation.policy import Isolation
from avflow.isolation.workplace import Workplace
from avflow.progress import Progress, Report, ignore
from avflow.workflow.budget import Budget
from avflow.workflow.isolating import Start, Worker, start
from avflow.workflow.layout import VideoRef
from avflow.workflow.reports import RanOn, StepRecord
from avflow.workflow.settings import Settings
from avflow.workflow.storage import ObjectStore


@dataclass(frozen=True)
class StepContext:
    """Where a step reads and writes, its budget, its settings, and the receiver of its progress.

    `part` is the number of the segment (of the video) or the span (of the audio) that the step works on, from 0.
    """

    store: ObjectStore
    ran_on: RanOn
    budget: Budget = field(default_factory=Budget)
    report: Report = ignore
    settings: Settings = field(default_factory=Settings)
    part: int = 0
    #: starts the media process; tests that are not about it work in their own process
    start: Start = start

    @contextmanager
    def media_process(self, step: str, place: Workplace, *, makes: Sequence[Path] = ()) -> Iterator[Worker]:
        """The process that does the media work of `step`, a module of `avflow.media_work`."""
        tasks = step if "." in step else f"avflow.media_work.{step}"
        with self.start(tasks, place, self.settings, self.budget, makes=makes) as worker:
            yield worker

    def within(self, seconds: float | None, video: VideoRef) -> StepContext:
        """This context with at most so many seconds of Lambda; see `lambda_seconds` of Choices.

        Raises
        ------
        LambdaBudgetExceeded
            The step's seconds have no room for any work.
        """
        return replace(self, budget=self.budget.within(seconds, video.shown_name))


class StepReport(Protocol):
    """What every step's report has at least."""

    @property
    def step(self) -> StepRecord:
        """Where and when the step ran."""
        ...


Step = Callable[[VideoRef, StepContext], StepReport]


class StepTimer:
    """Measures one step for the manifest: when it began, where it ran and how long it took."""

    def __init__(self, name: str, context: StepContext) -> None:
        self._name, self._ran_on = name, context.ran_on
        self._compute = context.settings.compute
        self._started_at = datetime.now(UTC)
        self._started = time.monotonic()

    def record(self, isolation: Isolation | None = None) -> StepRecord:
        """The record of the step, ended now. `isolation` is that of its media process, if it had one."""
        started = self._started_at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        seconds = round(time.monotonic() - self._started, 3)
        return StepRecord(self._name, self._ran_on, self._compute, started, seconds, isolation=isolation)


def paced(report: Report, budget: Budget, what: str) -> Report:
    """Wrap `report` so that each call also raises if `what` cannot finish within `budget`.

    The clock starts with this call. Progress without a total has no pace: then only the deadline counts.

    Raises
    ------
    LambdaBudgetExceeded
        The returned report raises it, this function does not.
    """
    started = time.monotonic()

    def tell(progress: Progress) -> None:
        report(progress)
        budget.check_pace(min(1.0, progress.done / progress.total) if progress.total else 0.0, started, what)

    return tell
