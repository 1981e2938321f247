"""What functions and jobs are doing, as it happens: for whoever shows it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(frozen=True)
class _Step:
    """`kind` is "lambda" or "batch"; `name` the function's or job's name; `id` the request's or job's id."""

    kind: str
    name: str
    id: str
    time: float = field(default_factory=time.time, kw_only=True)


@dataclass(frozen=True)
class StepStarted(_Step):
    """An invocation or a job's attempt began."""


@dataclass(frozen=True)
class StepLog(_Step):
    """One line of what it printed, without the line's end."""

    line: str


@dataclass(frozen=True)
class StepEnded(_Step):
    """It ended: `error` is None, or the name under which Step Functions or Batch reports the failure."""

    seconds: float
    error: str | None = None


Activity = StepStarted | StepLog | StepEnded
Listener = Callable[[Activity], None]


def ignore(activity: Activity) -> None:
    """Listen to nothing."""
