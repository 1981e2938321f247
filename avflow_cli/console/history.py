"""What became of each state of an execution, read from its history: also in branches, and in items of a Map.

Each event names the event before it (AWS Step Functions API Reference, "HistoryEvent"). By that an event is assigned to
its state, also while branches and items run side by side. A state that is entered twice, as in a loop or in two items
of a Map, has two runs.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

Event = Mapping[str, Any]
#: what a run can be; CAUGHT: it failed, and its Catch leads on. RETRYING: its Retry waits
OPEN = ("RUNNING", "RETRYING")
_ENTERED, _EXITED = "StateEntered", "StateExited"


@dataclass
class Attempt:
    """A try of a Task: what was asked of a service, and what became of it.

    Parameters
    ----------
    service:
        `resourceType` of the event, such as "lambda" or "batch".
    parameters, output:
        JSON texts.
    job:
        The id of the AWS Batch job.
    """

    service: str
    resource: str
    parameters: str
    began: datetime
    ended: datetime | None = None
    output: str | None = None
    error: str | None = None
    cause: str | None = None
    job: str | None = None


@dataclass
class StateRun:
    """A state from its entry to its exit.

    Parameters
    ----------
    id:
        The number of the event of its entry.
    kind:
        "Task", "Choice", "Map" and so on.
    path:
        The runs of the Maps and Parallels around it, the outermost first: (id, number of the item; None in a branch).
    length:
        Of a Map: the number of its items.
    items:
        Of a Map: the status of each item that has begun.
    changed_by:
        The number of the event that changed it last.
    """

    id: int
    name: str
    kind: str
    path: tuple[tuple[int, int | None], ...]
    entered: datetime
    input: str = ""
    status: str = "RUNNING"
    left: datetime | None = None
    output: str | None = None
    error: str | None = None
    cause: str | None = None
    attempts: list[Attempt] = field(default_factory=list)
    length: int | None = None
    items: dict[int, str] = field(default_factory=dict)
    changed_by: int = 0

    @property
    def is_open(self) -> bool:
        """Whether it may still change."""
        return self.status in OPEN

    def end(self, status: str, moment: datetime) -> None:
        """Note its end."""
        self.status, self.left = status, moment


@dataclass(frozen=True)
class _Place:
    """Where an event happened: in a run, or between the runs of an item or a branch."""

    run: int | None = None
    path: tuple[tuple[int, int | None], ...] = ()


class Runs:
    """The runs of an execution; `read` takes its events in their order."""

    def __init__(self) -> None:
        self.by_id: dict[int, StateRun] = {}
        #: the name of the state to which each event belongs
        self.names: dict[int, str] = {}
        #: the number of the last event
        self.last = 0
        self._places: dict[int, _Place] = {}

    def changed(self, since: int) -> list[StateRun]:
        """The runs that the events after this number have changed, in the order of their entry."""
        return [run for run in self.by_id.values() if run.changed_by > since]

    def abandon(self, moment: datetime) -> None:
        """End what is open, because the execution has ended and no event says so."""
        for run in self.by_id.values():
            if run.is_open:
                run.end("ABORTED", moment)
                run.changed_by = self.last + 1

    def read(self, event: Event) -> None:
        """Read the next event."""
        self.last = event["id"]
        before = self._places.get(event.get("previousEventId", 0), _Place())
        place = self._place(event, event["type"], before)
        self._places[event["id"]] = place
        if place.run is not None:
            self.names[event["id"]] = self.by_id[place.run].name

    def _place(self, event: Event, kind: str, before: _Place) -> _Place:
        if kind.endswith(_ENTERED):
            return self._enter(event, kind.removesuffix(_ENTERED), before)
        if kind.endswith(_EXITED):
            return self._exit(event, kind.removesuffix(_EXITED), before)
        if kind.startswith("MapIteration"):
            return self._item(event, kind.removeprefix("MapIteration"), before)
        if kind.startswith(("MapState", "ParallelState")):
            container, _, what = kind.partition("State")
            return self._container_event(event, container, what, before)
        if kind.startswith("Execution"):
            return self._execution_event(event, kind.removeprefix("Execution"), before)
        return self._abort(event, before) if kind.endswith("StateAborted") else self._task_event(event, kind, before)

    # ------------------------------------------------------------ states
    def _enter(self, event: Event, kind: str, before: _Place) -> _Place:
        details = event["stateEnteredEventDetails"]
        run = StateRun(
            event["id"], details["name"], kind, before.path, event["timestamp"], input=details.get("input", "")
        )
        self.by_id[run.id] = run
        if kind == "Fail":
            run.end("FAILED", event["timestamp"])
        return self._touch(run)

    def _exit(self, event: Event, kind: str, before: _Place) -> _Place:
        details = event["stateExitedEventDetails"]
        run = self._around(before, kind, details["name"])
        if run is None:
            return before
        run.output = details.get("output")
        run.end("CAUGHT" if run.error else "SUCCEEDED", event["timestamp"])
        return self._touch(run)

    def _abort(self, event: Event, before: _Place) -> _Place:
        run = self.by_id.get(before.run or 0)
        if run is None or not run.is_open:
            return before
        run.end("ABORTED", event["timestamp"])
        return self._touch(run)

    def _around(self, place: _Place, kind: str, name: str | None = None) -> StateRun | None:
        """The open run of this kind in which, or around which, an event happened; the innermost if no name is given."""

        def fits(run: StateRun) -> bool:
            return run.is_open and run.kind == kind and name in (None, run.name)

        ids = [*([place.run] if place.run else []), *(each for each, _ in reversed(place.path))]
        near = (self.by_id[each] for each in ids)
        far = reversed(self.by_id.values())  # the event before is of another branch
        return next(filter(fits, near), None) or next(filter(fits, far), None)

    # ------------------------------------------------------------ Map and Parallel
    def _container_event(self, event: Event, kind: str, what: str, before: _Place) -> _Place:
        run = self._around(before, kind)
        if run is None:
            return before
        if what == "Started":
            run.error = run.cause = None  # a Retry of the whole begins anew
            run.items.clear()
            if kind == "Map":
                run.length = event.get("mapStateStartedEventDetails", {}).get("length")
                return self._touch(run)
            run.changed_by = self.last
            return _Place(None, (*run.path, (run.id, None)))
        if what in ("Failed", "Aborted"):
            self._close(run, event["timestamp"])
            failed = self.by_id.get(before.run or 0)
            run.error = (failed.error if failed else None) or f"{kind}{what}"
            run.cause = failed.cause if failed else None
            run.status = "RETRYING"
            if what == "Aborted":
                run.end("ABORTED", event["timestamp"])
        return self._touch(run)

    def _item(self, event: Event, what: str, before: _Place) -> _Place:
        details = _details(event)
        run, index = self._around(before, "Map", details.get("name")), details.get("index", 0)
        if run is None:
            return before
        run.items[index] = "RUNNING" if what == "Started" else what.upper()
        run.changed_by = self.last
        if what == "Started":
            return _Place(None, (*run.path, (run.id, index)))
        failed = self.by_id.get(before.run or 0)
        if what != "Succeeded" and failed:
            run.error, run.cause = failed.error, failed.cause
        return self._touch(run)

    def _close(self, container: StateRun, moment: datetime) -> None:
        """End what still runs in a container that has failed."""
        for run in self.by_id.values():
            if run.is_open and any(each == container.id for each, _ in run.path):
                run.end("ABORTED" if run.status == "RUNNING" else "FAILED", moment)
                run.changed_by = self.last

    # ------------------------------------------------------------ tasks
    def _task_event(self, event: Event, kind: str, before: _Place) -> _Place:
        run = self.by_id.get(before.run or 0)
        details = _details(event)
        if kind == "TaskScheduled":
            run = run or next((each for each in reversed(self.by_id.values()) if each.kind == "Task"), None)
            if run is None:
                return before
            run.error = run.cause = run.left = None  # of the try before
            run.status = "RUNNING"
            run.attempts.append(
                Attempt(details["resourceType"], details["resource"], details.get("parameters", ""), event["timestamp"])
            )
            return self._touch(run)
        if run is None or not run.attempts:
            return before
        attempt = run.attempts[-1]
        if kind == "TaskSubmitted":
            attempt.job = _job(details.get("output"))
        elif kind == "TaskSucceeded":
            attempt.ended, attempt.output = event["timestamp"], details.get("output")
        elif kind.endswith(("Failed", "TimedOut")):
            attempt.ended = event["timestamp"]
            attempt.error = run.error = details.get("error") or kind
            attempt.cause = run.cause = details.get("cause")
            run.status = "RETRYING"  # unless the next event is another one
        return self._touch(run)

    # ------------------------------------------------------------ the execution
    def _execution_event(self, event: Event, what: str, before: _Place) -> _Place:
        if what in ("Started", "Redriven"):
            return _Place()
        details = _details(event)
        last = self.by_id.get(before.run or 0)
        for run in self.by_id.values():
            if run.is_open:
                failed = what != "Aborted" and (run is last or run.status == "RETRYING")
                run.end("FAILED" if failed else "ABORTED", event["timestamp"])
                run.changed_by = self.last
        if last is not None and last.status == "FAILED" and last.error is None:  # a Fail state
            last.error, last.cause = details.get("error"), details.get("cause")
            last.changed_by = self.last
        return before

    def _touch(self, run: StateRun) -> _Place:
        run.changed_by = self.last
        return _Place(run.id, run.path)


def _details(event: Event) -> Mapping[str, Any]:
    """What an event says beyond its type; empty if nothing."""
    return next((value for name, value in event.items() if name.endswith("EventDetails")), {})


def _job(submitted: str | None) -> str | None:
    """The id of the AWS Batch job that a task has submitted."""
    try:
        found = json.loads(submitted or "")["JobId"]
    except (ValueError, KeyError, TypeError):
        return None
    return str(found)


def inside(run: StateRun, runs: Mapping[int, StateRun]) -> Iterator[str]:
    """Where a run is, in words: "EachSpan 3" for the third item of that Map."""
    for container, item in run.path:
        name = runs[container].name
        yield name if item is None else f"{name} {item + 1}"
