"""The tasks of an execution, read from its history.

Each event of the history names the event before it (AWS Step Functions API Reference, "GetExecutionHistory"). By that a
task's events are assigned to their state and to the item of its Map, also while branches and items run side by side.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from avflow_cli import interrupt
from avflow_cli.events import PAGE_SIZE, events_after
from avflow_cli.reasons import in_words

POLL_SECONDS = 0.1
#: endings of the names of states that run a step elsewhere after an error, and the place as messages name it
_FALLBACK = re.compile(r"On(Batch|Demand|Cpu)$")
_ELSEWHERE = {"Batch": "Batch", "Demand": "on demand", "Cpu": "the CPU"}
#: the state that sends a segment of a short video to Batch, from inside of its Map
_MOVES = "MoveToBatch"
#: services whose tasks are shown, and how messages name them
WHERE = {"lambda": "Lambda", "batch": "Batch"}


@dataclass(frozen=True)
class Task:
    """What runs in a state.

    Parameters
    ----------
    where:
        "lambda" or "batch".
    part:
        The number of the Map's item, from 0; None outside a Map.
    parts:
        The number of the Map's items, or of the array job's children.
    """

    state: str
    where: str
    part: int | None = None
    parts: int = 1


@dataclass(frozen=True)
class TaskEvent:
    """The start or the end of a task.

    Parameters
    ----------
    seconds:
        How long the task ran; None at its start.
    error, cause:
        The error's name and Cause; None and empty without an error.
    moved_to:
        Where the step goes on after an error: "Batch", "on demand", "the CPU", or AGAIN; None if it doesn't.
    began:
        When the task began, by the clock of Step Functions; None at its end, and if nobody knows.
    """

    task: Task
    seconds: float | None = None
    error: str | None = None
    cause: str = ""
    moved_to: str | None = None
    began: datetime | None = field(default=None, compare=False)

    def to_dict(self) -> dict[str, Any]:
        """What `--json` prints."""
        task = self.task
        told = {"step": task.state, "on": task.where, "part": task.part, "parts": task.parts}
        if self.seconds is None:
            return told | {"event": "started"}
        reason = in_words(self.error, self.cause) if self.error else None
        ended = {"seconds": round(self.seconds, 3), "error": self.error, "reason": reason, "goes_on": self.moved_to}
        return told | {"event": "ended"} | ended


#: the state's Retry runs the task again
AGAIN = "again"


@dataclass(frozen=True)
class _Place:
    """The place of an event in the state machine. `after_error` is the number of the error event that led there."""

    state: str = ""
    part: int | None = None
    parts: int = 1
    after_error: int | None = None


class History:
    """Reads each event of an execution once.

    After an error, only later events tell whether the step has failed, is tried again, or goes on elsewhere: the state
    that its Catch leads to may have to look at the reason first.
    """

    def __init__(self, states: Any, execution_arn: str, page_size: int = PAGE_SIZE) -> None:
        self._states, self._arn, self._page_size = states, execution_arn, page_size
        self._last = 0
        self._places: dict[int, _Place] = {}
        self._running: dict[_Place, tuple[Task, datetime]] = {}
        #: tasks that ended with an error, by the number of the event
        self._errors: dict[int, TaskEvent] = {}

    def new(self) -> Iterator[TaskEvent]:
        """The task events since the last call."""
        for event in events_after(self._states, self._arn, self._last, self._page_size):
            self._last = event["id"]
            yield from self._read(event)

    def rest(self) -> Iterator[TaskEvent]:
        """Errors after which nothing happened. To be called when the execution has ended."""
        yield from self._errors.values()
        self._errors.clear()

    def _read(self, event: dict[str, Any]) -> Iterator[TaskEvent]:
        place = _place(event, self._places.get(event.get("previousEventId", 0), _Place()))
        kind = event["type"]
        if place.after_error is not None:
            yield from self._after_error(event, place)
            if place.after_error not in self._errors:
                place = replace(place, after_error=None)
        if kind == "TaskScheduled":
            task = _task(event["taskScheduledEventDetails"], place)
            if task.where in WHERE:
                self._running[place] = (task, event["timestamp"])
                yield TaskEvent(task, began=event["timestamp"])
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
            yield from self.rest()  # no task inside goes on
        self._places[event["id"]] = place

    def _after_error(self, event: dict[str, Any], place: _Place) -> Iterator[TaskEvent]:
        """What happens to a step after its error, if `event` tells."""
        failed = self._errors.get(place.after_error or 0)
        if failed is None:
            return
        scheduled = event.get("taskScheduledEventDetails")
        if elsewhere := _elsewhere(failed.task.state, place.state):
            failed = replace(failed, moved_to=elsewhere)
        elif scheduled and place.state == failed.task.state:
            failed = replace(failed, moved_to=AGAIN)
        elif event["type"] != "FailStateEntered" and not (scheduled and scheduled["resourceType"] in WHERE):
            return  # the event doesn't tell: it is of a Choice, or of a state that looks at the reason
        del self._errors[place.after_error or 0]
        yield failed


def _elsewhere(state: str, after: str) -> str | None:
    """Where a step that failed in `state` goes on; None if `after` is not another state of the same step."""
    if after == _MOVES:
        return "Batch"
    found = _FALLBACK.search(after)
    if found and after != state and _FALLBACK.sub("", after) == _FALLBACK.sub("", state):
        return _ELSEWHERE[found[1]]
    return None


def _place(event: dict[str, Any], before: _Place) -> _Place:
    """The place of `event`, given the place of the event before it."""
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


def execution_arn(machine: str, name: str) -> str:
    """The ARN of the execution of a state machine that has this name."""
    return f"{machine.replace(':stateMachine:', ':execution:')}:{name}"


def follow(
    states: Any, execution_arn: str, page_size: int = PAGE_SIZE, poll: float = POLL_SECONDS
) -> Iterator[TaskEvent]:
    """Every task event of an execution as it happens, looked for every `poll` seconds. Ends with the execution."""
    history = History(states, execution_arn, page_size)
    while True:
        interrupt.check()
        status = states.describe_execution(executionArn=execution_arn)["status"]
        yield from history.new()
        if status != "RUNNING":
            yield from history.rest()
            return
        time.sleep(poll)
