"""An execution's history as the tasks that run in it.

AWS Step Functions API Reference, "GetExecutionHistory": each event names the one before it,
which is how a task's events find their state, and the item of the Map around it, also where
branches and items run side by side.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from avflow_cli import interrupt

POLL_SECONDS = 0.1
#: events to ask for at a time
_PAGE = 20
SHOWN = ("lambda", "batch")


@dataclass(frozen=True)
class Task:
    """What runs in a state, on "lambda" or "batch".

    `parts` is how many items the Map around it has, or how many children the array job; `part` is the
    item's number from 0, None outside a Map.
    """

    state: str
    where: str
    part: int | None = None
    parts: int = 1


@dataclass(frozen=True)
class TaskEvent:
    """A task began (`seconds` is None), or ended, with an error's name or without."""

    task: Task
    seconds: float | None = None
    error: str | None = None


@dataclass(frozen=True)
class _Place:
    """Where in the state machine an event happened."""

    state: str = ""
    part: int | None = None
    parts: int = 1


class History:
    """Reads an execution's events, each once."""

    def __init__(self, states: Any, execution_arn: str) -> None:
        self._states, self._arn = states, execution_arn
        self._places: dict[int, _Place] = {}
        self._running: dict[_Place, tuple[Task, datetime]] = {}

    def new(self) -> Iterator[TaskEvent]:
        """What happened since the last call."""
        for event in reversed(list(self._unread())):
            yield from self._read(event)

    def _unread(self) -> Iterator[dict[str, Any]]:
        """The events that came since the last call, newest first: there are few, and of the others many."""
        pages = self._states.get_paginator("get_execution_history").paginate(
            executionArn=self._arn, reverseOrder=True, PaginationConfig={"PageSize": _PAGE}
        )
        for page in pages:
            for event in page["events"]:
                if event["id"] in self._places:
                    return
                yield event

    def _read(self, event: dict[str, Any]) -> Iterator[TaskEvent]:
        place = _place(event, self._places.get(event.get("previousEventId", 0), _Place()))
        self._places[event["id"]] = place
        kind = event["type"]
        if kind == "TaskScheduled":
            task = _task(event["taskScheduledEventDetails"], place)
            if task.where in SHOWN:
                self._running[place] = (task, event["timestamp"])
                yield TaskEvent(task)
        elif kind in ("TaskSucceeded", "TaskFailed", "TaskTimedOut") and place in self._running:
            task, began = self._running.pop(place)
            details = event.get("taskFailedEventDetails") or event.get("taskTimedOutEventDetails") or {}
            error = None if kind == "TaskSucceeded" else details.get("error", kind)
            yield TaskEvent(task, (event["timestamp"] - began).total_seconds(), error)


def _place(event: dict[str, Any], before: _Place) -> _Place:
    """Where `event` happened, by where the one before it did."""
    if entered := event.get("stateEnteredEventDetails"):
        return replace(before, state=entered["name"])
    if started := event.get("mapStateStartedEventDetails"):
        return replace(before, parts=started["length"])
    if item := event.get("mapIterationStartedEventDetails"):
        return replace(before, part=item["index"])
    if event["type"] in ("MapStateExited", "ParallelStateExited"):
        return _Place()
    return before


def _task(scheduled: dict[str, Any], place: _Place) -> Task:
    task = Task(place.state, scheduled["resourceType"], place.part, place.parts)
    if task.where != "batch":
        return task
    array = json.loads(scheduled["parameters"]).get("ArrayProperties") or {}
    return replace(task, parts=array.get("Size", task.parts))


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
