"""Transitions of a state machine that lead nowhere, which moto's parser does not see.

Amazon States Language, "State Types": the table of fields; AWS Step Functions API Reference,
"ValidateStateMachineDefinitionDiagnostic".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

#: states that have neither `Next` nor `End`
_ENDS = ("Succeed", "Fail")
#: fields of a Map state that hold a state machine
_MAPS = ("ItemProcessor", "Iterator")


def problems(machine: Any, where: str = "") -> Iterator[dict[str, str]]:
    """A diagnostic for each transition that is missing or leads nowhere; `where` is the path of the state machine."""
    states = machine.get("States") if isinstance(machine, Mapping) else None
    if not isinstance(states, Mapping):
        return  # a question of the grammar
    yield from _missing(states, machine.get("StartAt"), "StartAt", where)
    for name, state in states.items():
        if isinstance(state, Mapping):
            yield from _of_state(states, state, f"{where}/States/{name}")


def _of_state(states: Mapping[str, Any], state: Mapping[str, Any], here: str) -> Iterator[dict[str, str]]:
    kind = state.get("Type")
    if kind not in (*_ENDS, "Choice") and ("Next" in state) == (state.get("End") is True):
        yield _diagnostic("SCHEMA_VALIDATION_FAILED", "A state must have either 'Next' or 'End: true'", here)
    for field in ("Next", "Default"):
        if field in state:
            yield from _missing(states, state[field], field, here)
    for field in ("Catch", "Choices"):
        for number, each in enumerate(_listed(state.get(field))):
            if "Next" in each:
                yield from _missing(states, each["Next"], "Next", f"{here}/{field}[{number}]")
    for number, branch in enumerate(_listed(state.get("Branches"))):
        yield from problems(branch, f"{here}/Branches[{number}]")
    for field in _MAPS:
        yield from problems(state.get(field), f"{here}/{field}")


def _missing(states: Mapping[str, Any], target: Any, field: str, here: str) -> Iterator[dict[str, str]]:
    if not (isinstance(target, str) and target in states):
        yield _diagnostic("MISSING_TRANSITION_TARGET", f"Missing '{field}' target: {target}", f"{here}/{field}")


def _listed(value: Any) -> list[Mapping[str, Any]]:
    return [each for each in value if isinstance(each, Mapping)] if isinstance(value, list) else []


def _diagnostic(code: str, message: str, location: str) -> dict[str, str]:
    return {"severity": "ERROR", "code": code, "message": f"{message} at {location}", "location": location}
