"""What a step is given, and the record it leaves."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from avflow.progress import Progress, Report, ignore
from avflow.workflow import cost
from avflow.workflow.budget import Budget
from avflow.workflow.layout import VideoRef
from avflow.workflow.storage import ObjectStore

RanOn = Literal["lambda", "batch"]


@dataclass(frozen=True)
class StepContext:
    """Where a step reads and writes, what it may use, and whom it tells how far it is.

    `settings` are the environment's: SPEECH_MODEL, YOLOV3_MODEL and the like. `part` is the number
    of the segment (of the picture) or span (of the sound) that the step is to work on.
    """

    store: ObjectStore
    ran_on: RanOn
    budget: Budget = field(default_factory=Budget)
    report: Report = ignore
    settings: Mapping[str, str] = field(default_factory=dict)
    part: int = 0


Step = Callable[[VideoRef, StepContext], dict[str, Any]]


class StepTimer:
    """When a step began, where it ran and how long it took, for the manifest."""

    def __init__(self, name: str, context: StepContext) -> None:
        self._name, self._ran_on = name, context.ran_on
        self._compute = cost.compute(context.settings)
        self._started_at = datetime.now(UTC)
        self._started = time.monotonic()

    def record(self) -> dict[str, Any]:
        """`{"name", "ran_on", "compute" (see `cost.compute`), "started" (ISO 8601, UTC), "seconds"}`."""
        return {
            "name": self._name,
            "ran_on": self._ran_on,
            "compute": self._compute,
            "started": self._started_at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "seconds": round(time.monotonic() - self._started, 3),
        }


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
