"""What the steps print, so that a failure can be shown with the log of the step that failed."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from local_aws.sandbox.activity import Activity, StepEnded, StepLog

#: lines that are kept of each step, and characters of each line
MAX_LINES, MAX_CHARACTERS = 2000, 4000
WHERE = {"lambda": "Lambda function", "batch": "Batch job"}


@dataclass(frozen=True)
class FailedStep:
    """An invocation or a job that failed, and its last lines."""

    kind: str
    name: str
    id: str
    error: str
    lines: Sequence[str]

    @property
    def title(self) -> str:
        """What it was, and how it failed."""
        return f"{WHERE[self.kind]} {self.name} ({self.id}): {self.error}"

    @property
    def text(self) -> str:
        """Its log with a heading."""
        return "\n".join([f"=== {self.title}", *(self.lines or ["(it printed nothing)"]), ""])


@dataclass
class StepLogs:
    """Listens to functions and jobs, from several threads; forgets those that succeed."""

    _running: dict[tuple[str, str], deque[str]] = field(default_factory=dict)
    _failed: list[FailedStep] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def hear(self, activity: Activity) -> None:
        """Note a line, or the end of a step."""
        step = activity.kind, activity.id
        with self._lock:
            if isinstance(activity, StepLog):
                lines = self._running.setdefault(step, deque(maxlen=MAX_LINES))
                lines.append(activity.line[:MAX_CHARACTERS])
            elif isinstance(activity, StepEnded):
                printed = list(self._running.pop(step, ()))
                if activity.error is not None:
                    self._failed.append(FailedStep(*step[:1], activity.name, activity.id, activity.error, printed))

    def behind(self, causes: Sequence[str], *, else_last: bool = True) -> list[FailedStep]:
        """The steps whose failure the Causes of failed tasks tell of; else, if wanted, the step that failed last.

        A Cause has the id of the invocation, of the job, or of the array job to whose children the step belongs.
        """
        with self._lock:
            failed = list(self._failed)
        named = [step for step in failed if any(step.id.partition(":")[0] in cause for cause in causes)]
        return named or (failed[-1:] if else_last else [])
