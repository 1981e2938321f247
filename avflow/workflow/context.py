"""What a step is given, and the record it leaves."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from avflow.progress import Progress, Report, ignore
from avflow.workflow.budget import Budget
from avflow.workflow.layout import VideoRef
from avflow.workflow.reports import RanOn, StepRecord
from avflow.workflow.settings import Settings
from avflow.workflow.storage import ObjectStore


@dataclass(frozen=True)
class StepContext:
    """Where a step reads and writes, what it may use, and whom it tells how far it is.

    `part` is the number of the segment (of the video) or span (of the audio) that the step is to work on.
    """

    store: ObjectStore
    ran_on: RanOn
    budget: Budget = field(default_factory=Budget)
    report: Report = ignore
    settings: Settings = field(default_factory=Settings)
    part: int = 0


class StepReport(Protocol):
    """What every step reports, at least."""

    @property
    def step(self) -> StepRecord:
        """Where and when it ran."""
        ...


Step = Callable[[VideoRef, StepContext], StepReport]


class StepTimer:
    """When a step began, where it ran and how long it took, for the manifest."""

    def __init__(self, name: str, context: StepContext) -> None:
        self._name, self._ran_on = name, context.ran_on
        self._compute = context.settings.compute
        self._started_at = datetime.now(UTC)
        self._started = time.monotonic()

    def record(self) -> StepRecord:
        """The record of the step as if it ended now."""
        started = self._started_at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        seconds = round(time.monotonic() - self._started, 3)
        return StepRecord(self._name, self._ran_on, self._compute, started, seconds)


@contextmanager
def scratch() -> Iterator[Path]:
    """A folder that is gone afterwards, also after a failure: a warm Lambda keeps its /tmp."""
    with tempfile.TemporaryDirectory(prefix="avflow-") as folder:
        yield Path(folder)


def source_path(folder: Path, video: VideoRef) -> Path:
    """Where the video goes in a scratch folder: under its own name, which errors quote, apart from all else."""
    path = folder / "source" / video.scratch_name
    path.parent.mkdir()
    return path


def paced(report: Report, budget: Budget, what: str) -> Report:
    """`report`, which also raises once the pace of `what` shows that its `budget` is too short.

    The clock starts here. Without a total there is no pace: then the deadline alone counts.

    Raises (the report does)
    ------------------------
    LambdaBudgetExceeded
    """
    started = time.monotonic()

    def tell(progress: Progress) -> None:
        report(progress)
        budget.check_pace(min(1.0, progress.done / progress.total) if progress.total else 0.0, started, what)

    return tell
