"""Starts of containers that fail: for a while AWS can't pull the image, or give the task a network or credentials.

DescribeJobs of such a job has no exit code and no start. On EC2 its statusReason is `Task failed to start`, with the
reason in `container`; on Fargate the reason is in `statusReason`.
"""

from __future__ import annotations

import threading
from collections import deque
from typing import NamedTuple


class FailedStart(NamedTuple):
    """How AWS Batch describes an attempt whose container never ran: `statusReason`, and `container.reason`."""

    status_reason: str
    reason: str = ""


class Starts:
    """Which of the next attempts can't start, by the name of their job definition."""

    def __init__(self) -> None:
        self._failing: dict[str, deque[FailedStart]] = {}
        self._lock = threading.Lock()

    def fail(self, definition: str, failure: FailedStart, attempts: int) -> None:
        """Let the next so many attempts of jobs of a definition fail before their container runs."""
        with self._lock:
            self._failing.setdefault(definition, deque()).extend([failure] * attempts)

    def next_failure(self, definition: str) -> FailedStart | None:
        """What keeps the next attempt from its start; None if it starts."""
        with self._lock:
            failing = self._failing.get(definition)
            return failing.popleft() if failing else None
