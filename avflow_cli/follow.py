"""An execution's history as the tasks that run in it.

AWS Step Functions API Reference, "GetExecutionHistory": each event names the one before it,
which is how a task's events find their state, and the item of the Map around it, also where
branches and items run side by side.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from avflow_cli import interrupt

POLL_SECONDS = 0.1
#: the workflow's names for a step's second and third choice of compute, and what they are
_FALLBACK = re.compile(r"On(Batch|Demand|Cpu)$")
_ELSEWHERE = {"Batch": "Batch", "Demand": "on demand", "Cpu": "the CPU"}
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
    """A task began (`seconds` is None), or ended, with an error's name and Cause or without.

    `moved_to` is where the step goes on after an error: "Batch", "on demand", "the CPU", or AGAIN; None if it doesn't.
    """

    task: Task
    seconds: float | None = None
    error: str | None = None
    cause: str = ""
    moved_to: str | None = None


#: the state's Retry runs it once more
AGAIN = "again"


@dataclass(frozen=True)
class _Place:
    """Where in the state machine an event happened, and the number of the error event that led there, if any."""

    state: str = ""
    part: int | None = None
    parts: int = 1
    after_error: int | None = None


class History:
    """Reads an execution's events, each once.

    Whether a step that ended with an error has failed, is tried again, or goes on elsewhere, only the events after
    the error tell: the state that its Catch leads to may have to look at the reason first.
    """

    def __init__(self, states: Any, execution_arn: str) -> None:
        self._states, self._arn = states, execution_arn
        self._places: dict[int, _Place] = {}
        self._running: dict[_Place, tuple[Task, datetime]] = {}
        #: by the number of their event
        self._errors: dict[int, TaskEvent] = {}

    def new(self) -> Iterator[TaskEvent]:
        """What happened since the last call."""
        for event in reversed(list(self._unread())):
            yield from self._read(event)

    def rest(self) -> Iterator[TaskEvent]:
        """Errors that nothing came after: to be asked for when the execution has ended."""
        yield from self._errors.values()
        self._errors.clear()

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
        kind = event["type"]
        if place.after_error is not None:
            yield from self._after_error(event, place)
            if place.after_error not in self._errors:
                place = replace(place, after_error=None)
        if kind == "TaskScheduled":
            task = _task(event["taskScheduledEventDetails"], place)
            if task.where in SHOWN:
                self._running[place] = (task, event["timestamp"])
                yield TaskEvent(task)
        elif kind in ("TaskSucceeded", "TaskFailed", "TaskTimedOut") and place in self._running:
            task, began = self._running.pop(place)
            ended = TaskEvent(task, (event["timestamp"] - began).total_seconds())
            if kind == "TaskSucceeded":
                yield ended
            else:
                details = event.get("taskFailedEventDetails") or event.get("taskTimedOutEventDetails") or {}
                error, cause = details.get("error", kind), details.get("cause", "")
                self._errors[event["id"]] = replace(ended, error=error, cause=cause)
                place = replace(place, after_error=event["id"])
        elif kind in ("MapStateFailed", "ParallelStateFailed", "MapStateAborted", "ParallelStateAborted"):
            yield from self.rest()  # nothing of what was in it goes on
        self._places[event["id"]] = place

    def _after_error(self, event: dict[str, Any], place: _Place) -> Iterator[TaskEvent]:
        """What became of the step that ended with an error, once `event` tells."""
        failed = self._errors.get(place.after_error or 0)
        if failed is None:
            return
        scheduled = event.get("taskScheduledEventDetails")
        if elsewhere := _elsewhere(failed.task.state, place.state):
            failed = replace(failed, moved_to=elsewhere)
        elif scheduled and place.state == failed.task.state:
            failed = replace(failed, moved_to=AGAIN)
        elif event["type"] != "FailStateEntered" and not (scheduled and scheduled["resourceType"] in SHOWN):
            return  # it doesn't tell: a Choice, or a look at the reasons
        del self._errors[place.after_error or 0]
        yield failed


def _elsewhere(state: str, after: str) -> str | None:
    """Where a step that failed in `state` goes on if `after` is a state of the same step."""
    found = _FALLBACK.search(after)
    if found and after != state and _FALLBACK.sub("", after) == _FALLBACK.sub("", state):
        return _ELSEWHERE[found[1]]
    return None


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
            yield from history.rest()
            return
        time.sleep(POLL_SECONDS)
