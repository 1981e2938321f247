"""One execution, as far as its history has been read; several pages share it."""

from __future__ import annotations

import json
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from avflow_cli.console.graph import Level, graph_of
from avflow_cli.console.history import Runs, StateRun, inside
from avflow_cli.events import events_after

#: executions whose histories are kept; one of the largest, of 25 000 events, takes some ten megabytes
KEPT = 16
#: the slowest pace of an execution in which nothing happens, in poll intervals
SLOWEST = 4
#: the last event of an execution
_ENDS = ("ExecutionSucceeded", "ExecutionFailed", "ExecutionAborted", "ExecutionTimedOut")
#: seconds without an event after which a look also asks for the status
_QUIET = 2.0
#: events that a request for many gets
_PAGE = 200


class Execution:
    """Reads an execution by DescribeExecution and GetExecutionHistory, each event once.

    Parameters
    ----------
    states:
        The client of Step Functions.
    """

    def __init__(self, states: Any, arn: str) -> None:
        self.arn, self._states = arn, states
        self.runs, self.events = Runs(), list[dict[str, Any]]()
        self.described: dict[str, Any] = {}
        self._graph: Level | None = None
        self._lock = threading.Lock()
        self._looked = self._moved = float("-inf")

    def refresh(self, poll: float) -> None:
        """Look for new events, unless another page has just done so.

        Parameters
        ----------
        poll:
            Seconds between two looks; more if nothing happens.
        """
        with self._lock:
            now = time.monotonic()
            if now - self._looked < min(max(poll, (now - self._moved) / 10), SLOWEST * poll) * 0.9:
                return
            self._looked = now
            new = events_after(self._states, self.arn, self.runs.last, _PAGE if not self.events else 20)
            for event in new:
                self.runs.read(event)
            self.events += new
            if new:
                self._moved = now
            if self.has_ended and not new:
                return
            # an execution that was stopped has no last event yet while its task goes on, in the embedded AWS
            if not self.described or _is_of_execution(new) or now - self._moved > _QUIET:
                self.describe()
            if self.has_ended and self.events[-1]["type"] not in _ENDS:
                self.runs.abandon(self.described.get("stopDate") or self.events[-1]["timestamp"])

    def describe(self) -> dict[str, Any]:
        """DescribeExecution's answer, asked for now."""
        self.described = self._states.describe_execution(executionArn=self.arn)
        return self.described

    def graph(self) -> Level:
        """The graph of the definition with which it was started; asked for once."""
        if self._graph is None:
            found = self._states.describe_state_machine_for_execution(executionArn=self.arn)
            self._graph = graph_of(json.loads(found["definition"]))
        return self._graph

    @property
    def has_ended(self) -> bool:
        """Whether nothing more will happen, unless it is redriven."""
        return bool(self.events) and self.described.get("status", "RUNNING") != "RUNNING"

    def summary(self, run: StateRun) -> dict[str, Any]:
        """What the page shows of a run at a glance."""
        last = run.attempts[-1] if run.attempts else None
        return {
            "id": run.id,
            "name": run.name,
            "kind": run.kind,
            "inside": list(inside(run, self.runs.by_id)),
            "path": [container for container, _ in run.path],
            "status": run.status,
            "entered": run.entered.timestamp(),
            "left": run.left.timestamp() if run.left else None,
            "tries": len(run.attempts),
            "service": last.service if last else None,
            "error": run.error,
            "length": run.length,
            "items": [sum(status == each for status in run.items.values()) for each in ("RUNNING", "SUCCEEDED")],
        }


def _is_of_execution(events: list[dict[str, Any]]) -> bool:
    """Whether an event says that the execution has ended, or goes on after a redrive."""
    return any(event["type"].startswith("Execution") for event in events)


class Executions:
    """The executions that pages look at; the one that was looked at longest ago is forgotten first."""

    def __init__(self, states: Callable[[], Any]) -> None:
        self._states = states
        self._kept: OrderedDict[str, Execution] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, arn: str) -> Execution:
        """The execution with this ARN, whether there is one or not."""
        with self._lock:
            found = self._kept.setdefault(arn, Execution(self._states(), arn))
            self._kept.move_to_end(arn)
            while len(self._kept) > KEPT:
                self._kept.popitem(last=False)
            return found
