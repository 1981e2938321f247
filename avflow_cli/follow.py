"""An execution's history as the tasks that run in it.

AWS Step Functions API Reference, "GetExecutionHistory": each event names the one before it,
which is how a task's events find their state, also where branches run side by side.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from avflow_cli import interrupt

POLL_SECONDS = 0.1
SHOWN = ("lambda", "batch")


@dataclass(frozen=True)
class TaskEvent:
    """A task began (`seconds` is None), or ended, with an error's name or without."""

    state: str
    where: str
    seconds: float | None = None
    error: str | None = None


class History:
    """Reads an execution's events, each once."""

    def __init__(self, states: Any, execution_arn: str) -> None:
        self._states, self._arn = states, execution_arn
        self._state_of: dict[int, str] = {}
        self._running: dict[str, tuple[str, datetime]] = {}

    def new(self) -> Iterator[TaskEvent]:
        """What happened since the last call."""
        pages = self._states.get_paginator("get_execution_history").paginate(
            executionArn=self._arn, PaginationConfig={"PageSize": 1000}
        )
        for page in pages:
            for event in page["events"]:
                if event["id"] not in self._state_of:
                    yield from self._read(event)

    def _read(self, event: dict[str, Any]) -> Iterator[TaskEvent]:
        entered = event.get("stateEnteredEventDetails")
        state = entered["name"] if entered else self._state_of.get(event.get("previousEventId", 0), "")
        self._state_of[event["id"]] = state
        kind = event["type"]
        if kind == "TaskScheduled":
            where = event["taskScheduledEventDetails"]["resourceType"]
            if where in SHOWN:
                self._running[state] = (where, event["timestamp"])
                yield TaskEvent(state, where)
        elif kind in ("TaskSucceeded", "TaskFailed", "TaskTimedOut") and state in self._running:
            where, began = self._running.pop(state)
            details = event.get("taskFailedEventDetails") or event.get("taskTimedOutEventDetails") or {}
            error = None if kind == "TaskSucceeded" else details.get("error", kind)
            yield TaskEvent(state, where, (event["timestamp"] - began).total_seconds(), error)


def follow(states: Any, execution_arn: str) -> Iterator[TaskEvent]:
    """Every task event of an execution as it happens; ends with the execution."""
    history = History(states, execution_arn)
    while True:
        interrupt.check()
        status = states.describe_execution(executionArn=execution_arn)["status"]
        yield from history.new()
        if status != "RUNNING":
            return
        time.sleep(POLL_SECONDS)
