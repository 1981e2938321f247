"""Events that tell what functions and jobs are doing; the command line shows them."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(frozen=True)
class _Step:
    """Something happened to a function or a job.

    Parameters
    ----------
    kind:
        "lambda" or "batch".
    name:
        The function's or job's name.
    id:
        The request's or job's id.
    time:
        In seconds since 1970.
    """

    kind: str
    name: str
    id: str
    time: float = field(default_factory=time.time, kw_only=True)


@dataclass(frozen=True)
class StepStarted(_Step):
    """An invocation, or an attempt of a job, started."""


@dataclass(frozen=True)
class StepLog(_Step):
    """It printed a line (here without the line break)."""

    line: str


@dataclass(frozen=True)
class StepEnded(_Step):
    """It ended after `seconds`; `error` is the name by which Step Functions or Batch reports the failure, or None."""

    seconds: float
    error: str | None = None


Activity = StepStarted | StepLog | StepEnded
Listener = Callable[[Activity], None]


def ignore(activity: Activity) -> None:
    """The listener that does nothing."""
