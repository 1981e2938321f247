"""Walks a state machine as Step Functions would, in simulated time: what a task takes, and gives, is told by a stub.

Only what decides the way is carried out: Choice, Parallel, inline Map, Retry with its waits, Catch, and JSONPath
references ("Amazon States Language"). Of the intrinsic functions only States.ArrayContains is carried out. The others
are left as they stand, for no way depends on them.
"""

from __future__ import annotations

import fnmatch
import json
import random
import re
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import simpy

Steps = Generator[simpy.Event, Any, Any]


class StateFailed(Exception):
    """A state ended with an error's name and its cause."""

    def __init__(self, error: str, cause: str = "") -> None:
        super().__init__(error, cause)
        self.error, self.cause = error, cause


@dataclass
class Workflow:
    """A state machine's definition and what is around it.

    Parameters
    ----------
    perform:
        `perform(resource, parameters, data)` takes a task's time and returns its result, after its ResultSelector.
    enter:
        `enter(name)` takes the time of one state transition.
    timeouts:
        Whether tasks end by their TimeoutSeconds.
    """

    env: simpy.Environment
    definition: Mapping[str, Any]
    perform: Callable[[str, Mapping[str, Any], Mapping[str, Any]], Steps]
    enter: Callable[[str], Steps]
    random: random.Random
    timeouts: bool = False

    def run(self, data: Any) -> Steps:
        """One execution; returns its output.

        Raises
        ------
        StateFailed
        """
        return (yield from self._walk(self.definition, data, {}))

    def _walk(self, machine: Mapping[str, Any], data: Any, context: Mapping[str, Any]) -> Steps:
        name: str | None = machine["StartAt"]
        while name is not None:
            state = machine["States"][name]
            yield from self.enter(name)
            try:
                data, name = yield from self._state(state, name, data, context)
            except StateFailed as failed:
                catcher = next((each for each in state.get("Catch", ()) if _covers(each, failed)), None)
                if catcher is None:
                    raise
                data = _placed(catcher, data, {"Error": failed.error, "Cause": failed.cause})
                name = catcher["Next"]
        return data

    def _state(self, state: Mapping[str, Any], name: str, data: Any, context: Mapping[str, Any]) -> Steps:
        """The state's output and the next state's name; None after the last."""
        match state["Type"]:
            case "Choice":
                rules = (rule["Next"] for rule in state["Choices"] if _holds(rule, data, context))
                following = next(rules, state.get("Default"))
                if following is None:
                    raise StateFailed("States.NoChoiceMatched")
                return data, following
            case "Succeed":
                return data, None
            case "Fail":
                path = state.get("ErrorPath", "")  # an intrinsic function would only make the name longer
                raise StateFailed(_lookup(path, data, context) if path.startswith("$") else state.get("Error", path))
            case "Wait":
                yield self.env.timeout(state["Seconds"])
                return data, state["Next"]
            case "Pass":
                data = _lookup(state.get("InputPath", "$"), data, context)
                given = state.get(
                    "Result", _filled(state["Parameters"], data, context) if "Parameters" in state else data
                )
                return _placed(state, data, given), state.get("Next")
            case _:
                result = yield from self._tried(state, name, data, context)
                return _placed(state, data, result), state.get("Next")

    def _tried(self, state: Mapping[str, Any], name: str, data: Any, context: Mapping[str, Any]) -> Steps:
        work = {"Task": self._task, "Parallel": self._parallel, "Map": self._map}[state["Type"]]
        retriers = state.get("Retry", ())
        tries = [0] * len(retriers)
        while True:
            try:
                return (yield from work(state, data, context))
            except StateFailed as failed:
                which = next((number for number, each in enumerate(retriers) if _covers(each, failed)), None)
                if which is None or tries[which] >= retriers[which].get("MaxAttempts", 3):
                    raise
                wait = self._backoff(retriers[which], tries[which])
                tries[which] += 1
            yield self.env.timeout(wait)
            yield from self.enter(name)  # a retry is a state transition ("AWS Step Functions Pricing")

    def _backoff(self, retrier: Mapping[str, Any], tried: int) -> float:
        longest = retrier.get("IntervalSeconds", 1) * retrier.get("BackoffRate", 2.0) ** tried
        longest = min(longest, retrier.get("MaxDelaySeconds", longest))
        return self.random.uniform(0, longest) if retrier.get("JitterStrategy") == "FULL" else longest

    def _task(self, state: Mapping[str, Any], data: Any, context: Mapping[str, Any]) -> Steps:
        parameters = _filled(state.get("Parameters", {}), data, context)
        work = self.perform(state["Resource"], parameters, data)
        if self.timeouts and "TimeoutSeconds" in state:
            return (yield from self._within_time(work, state["TimeoutSeconds"]))
        return (yield from work)

    def _within_time(self, work: Steps, seconds: float) -> Steps:
        """The outcome of work, which is given up after so many seconds."""
        task = self.env.process(_outcome(work))
        yield self.env.any_of([task, self.env.timeout(seconds)])
        if not task.triggered:
            task.interrupt()
            raise StateFailed("States.Timeout")
        found = task.value
        if isinstance(found, StateFailed):
            raise found
        return found

    def _parallel(self, state: Mapping[str, Any], data: Any, context: Mapping[str, Any]) -> Steps:
        return (yield from self._all([self._walk(branch, data, context) for branch in state["Branches"]]))

    def _map(self, state: Mapping[str, Any], data: Any, context: Mapping[str, Any]) -> Steps:
        items = _lookup(state.get("ItemsPath", "$"), data, context)
        path = state.get("MaxConcurrencyPath")
        most = _lookup(path, data, context) if path else state.get("MaxConcurrency", 0)
        limit = simpy.Resource(self.env, most) if 0 < most < len(items) else None
        walks = []
        for number, item in enumerate(items):
            inner = {"Map": {"Item": {"Index": number, "Value": item}}}
            given = _filled(state["ItemSelector"], data, inner) if "ItemSelector" in state else item
            walks.append(self._walk(state["ItemProcessor"], given, inner))
        found = yield from self._all([self._within(limit, walk) for walk in walks] if limit else walks)
        return _filled(state["ResultSelector"], found, context) if "ResultSelector" in state else found

    def _within(self, limit: simpy.Resource, walk: Steps) -> Steps:
        with limit.request() as turn:
            yield turn
            return (yield from walk)

    def _all(self, walks: Sequence[Steps]) -> Steps:
        """The outputs of walks side by side; all end, even after one has failed, where AWS would stop them."""
        if len(walks) == 1:
            return [(yield from walks[0])]
        processes = [self.env.process(_outcome(walk)) for walk in walks]
        yield self.env.all_of(processes)
        for process in processes:
            if isinstance(process.value, StateFailed):
                raise process.value
        return [process.value for process in processes]


def _outcome(walk: Steps) -> Steps:
    """A process that never fails, for an unheard failure would end the simulation."""
    try:
        return (yield from walk)
    except StateFailed as failed:
        return failed
    except simpy.Interrupt:  # its time is over, and nobody asks any more
        return None


def _covers(rule: Mapping[str, Any], failed: StateFailed) -> bool:
    """Whether a retrier or catcher names this error."""
    names = rule["ErrorEquals"]
    return (
        failed.error in names
        or "States.ALL" in names
        or ("States.TaskFailed" in names and failed.error != "States.Timeout")
    )


def _lookup(path: str, data: Any, context: Mapping[str, Any]) -> Any:
    """A reference path's value; None where there is none."""
    found = context if path.startswith("$$") else data
    for step in path.lstrip("$").strip(".").split("."):
        if step:
            found = found.get(step) if isinstance(found, Mapping) else None
    return found


def _filled(template: Any, data: Any, context: Mapping[str, Any]) -> Any:
    """A payload template with its references filled in."""
    if not isinstance(template, Mapping):
        return template
    filled = {}
    for key, value in template.items():
        if key.endswith(".$"):
            filled[key[:-2]] = _value(value, data, context)
        else:
            filled[key] = _filled(value, data, context)
    return filled


def _value(text: str, data: Any, context: Mapping[str, Any]) -> Any:
    """What a reference, or a call that the state machine makes with some, stands for; others stand for themselves."""
    if call := _CONTAINS.fullmatch(text):
        array, sought = (_lookup(path, data, context) for path in call.groups())
        return sought in array
    if call := _EACH.fullmatch(text):
        return json.dumps([each[call[1]] for each in data])
    return _lookup(text, data, context) if text.startswith("$") else text


def _placed(state: Mapping[str, Any], data: Any, result: Any) -> Any:
    """The state's output by its ResultPath."""
    path = state.get("ResultPath", "$")
    if path is None:
        return data
    return result if path == "$" else {**data, path.removeprefix("$."): result}


_CONTAINS = re.compile(r"States\.ArrayContains\((\$[\w.$]+), (\$[\w.$]+)\)")
_EACH = re.compile(r"States\.JsonToString\(\$\[\*\]\.(\w+)\)")
_TESTS: dict[str, Callable[[Any, Any], bool]] = {
    "BooleanEquals": lambda value, wanted: value is wanted,
    "StringEquals": lambda value, wanted: value == wanted,
    "StringMatches": lambda value, wanted: isinstance(value, str) and fnmatch.fnmatchcase(value, wanted),
    "NumericEquals": lambda value, wanted: isinstance(value, int | float) and value == wanted,
    "NumericGreaterThan": lambda value, wanted: isinstance(value, int | float) and value > wanted,
    "NumericGreaterThanEquals": lambda value, wanted: isinstance(value, int | float) and value >= wanted,
    "NumericLessThan": lambda value, wanted: isinstance(value, int | float) and value < wanted,
    "IsPresent": lambda value, wanted: (value is not None) is wanted,
    "IsNull": lambda value, wanted: (value is None) is wanted,
}


def _holds(rule: Mapping[str, Any], data: Any, context: Mapping[str, Any]) -> bool:
    """Whether a Choice rule applies.

    Raises
    ------
    KeyError
        The state machine compares in a way that is not known here.
    """
    if "And" in rule:
        return all(_holds(each, data, context) for each in rule["And"])
    if "Or" in rule:
        return any(_holds(each, data, context) for each in rule["Or"])
    if "Not" in rule:
        return not _holds(rule["Not"], data, context)
    (test,) = (key for key in rule if key not in ("Variable", "Next", "Comment"))
    return _TESTS[test](_lookup(rule["Variable"], data, context), rule[test])
