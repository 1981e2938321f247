"""TestState and StartSyncExecution: executions for which the caller waits."""

from __future__ import annotations

import json
import time
import uuid
from typing import Any

from local_aws.names import role_arn
from local_aws.wire import ServiceError

#: longest time of a test of a state, in seconds (AWS Step Functions API Reference, "TestState": five minutes)
MAX_SECONDS = 300
_POLL_SECONDS = 0.05


def test_state(states: Any, request: dict[str, Any]) -> dict[str, Any]:
    """TestState: run one state in a state machine of its own, whose other states only end it.

    Raises
    ------
    ServiceError
        `InvalidDefinition` or `InvalidExecutionInput`.
    """
    try:
        state = json.loads(request["definition"])
    except (ValueError, TypeError) as error:
        raise ServiceError("InvalidDefinition", f"The definition is not JSON: {error}") from error
    if not isinstance(state, dict):
        raise ServiceError("InvalidDefinition", "The definition must be one state.")
    name = f"TestState-{uuid.uuid4()}"
    others = {other: {"Type": "Succeed"} for other in _next_states(state)}
    definition = {"StartAt": name, "States": {name: state, **others}}
    role = request.get("roleArn") or role_arn("test-state")
    machine = states.create_state_machine(name=name, definition=json.dumps(definition), roleArn=role)["stateMachineArn"]
    try:
        ended = run(states, machine, request.get("input") or "{}", MAX_SECONDS)
        events = states.get_execution_history(executionArn=ended["executionArn"], maxResults=1000)["events"]
    finally:
        states.delete_state_machine(stateMachineArn=machine)
    entered = [event["stateEnteredEventDetails"]["name"] for event in events if "stateEnteredEventDetails" in event]
    following = next((other for other in entered if other in others), None)
    failed = [details for event in events for details in (event.get("taskFailedEventDetails"),) if details]
    result = {name: ended[name] for name in ("output", "error", "cause") if ended.get(name) is not None}
    caught = bool(failed) and following in _catchers(state)
    if caught:
        result |= {"error": failed[-1].get("error"), "cause": failed[-1].get("cause")}
    status = "CAUGHT_ERROR" if caught else "SUCCEEDED" if ended["status"] == "SUCCEEDED" else "FAILED"
    return {**result, "status": status, **({"nextState": following} if following else {})}


def run(states: Any, machine: str, data: str, seconds: float) -> dict[str, Any]:
    """Run an execution to its end, and describe it."""
    arn = states.start_execution(stateMachineArn=machine, name=str(uuid.uuid4()), input=data)["executionArn"]
    end = time.monotonic() + seconds
    while True:
        found: dict[str, Any] = states.describe_execution(executionArn=arn)
        if found["status"] != "RUNNING":
            return found
        if time.monotonic() > end:
            states.stop_execution(executionArn=arn)
            return {**found, "status": "TIMED_OUT", "error": "States.Timeout"}
        time.sleep(_POLL_SECONDS)


def _catchers(state: dict[str, Any]) -> set[str]:
    return {each["Next"] for each in state.get("Catch", []) if isinstance(each, dict) and "Next" in each}


def _next_states(state: dict[str, Any]) -> set[str]:
    choices = {each["Next"] for each in state.get("Choices", []) if isinstance(each, dict) and "Next" in each}
    return {state[name] for name in ("Next", "Default") if name in state} | _catchers(state) | choices
