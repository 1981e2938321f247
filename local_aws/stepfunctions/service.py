"""Step Functions: checks requests, answers what moto does not, and adds the executions of earlier sessions.

AWS Step Functions API Reference. moto runs the executions.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Mapping
from typing import Any

from botocore.exceptions import ClientError, ParamValidationError

from local_aws.coverage import AS_AWS, Operation, differs
from local_aws.names import role_arn
from local_aws.stepfunctions import trials
from local_aws.stepfunctions.archive import Archive
from local_aws.stepfunctions.checks import check_start, replace_body
from local_aws.stepfunctions.transitions import problems
from local_aws.wire import Environ, Reply, ServiceError, read_json

_TARGET = "AWSStepFunctions."
_JSON = "application/x-amz-json-1.0"
#: most executions and events on a page
_MAX_PAGE = 1000
_DEFAULT_PAGE = 100
Answer = dict[str, Any] | None


class StatesApi:
    """Answers requests that are signed for `states`.

    Parameters
    ----------
    client:
        Returns the boto3 client of Step Functions.
    moto:
        Answers a request by moto.
    archive:
        The executions of earlier sessions; None if they are not kept.
    """

    def __init__(self, client: Callable[[], Any], moto: Callable[[Environ], Reply], archive: Archive | None) -> None:
        self.client, self._moto, self.archive = client, moto, archive

    def __call__(self, environ: Environ) -> Reply:
        """Answer one request."""
        operation = OPERATIONS.get(str(environ.get("HTTP_X_AMZ_TARGET", "")).removeprefix(_TARGET))
        if operation is None:
            return self._moto(environ)
        request = read_json(environ)
        replace_body(environ, request)
        try:
            answer = operation.handler(self, request)
        except ClientError as error:  # of a request that the operation makes itself
            known = error.response["Error"]
            raise ServiceError(known["Code"] or "InvalidDefinition", known.get("Message", ""), 400) from error
        except ParamValidationError as error:
            raise ServiceError("ValidationException", str(error)) from error
        if operation.name == "ListExecutions" and self.archive:
            return self._list(environ, request, self.archive.of_machine(str(request.get("stateMachineArn"))))
        if answer is not None:
            return Reply.of_json(answer, 200, **{"Content-Type": _JSON})
        replace_body(environ, request)
        reply = self._moto(environ)
        if operation.name == "StartExecution" and reply.status == 200 and self.archive:
            self.archive.started(json.loads(reply.body)["executionArn"])
        if operation.name == "RedriveExecution" and reply.status == 200 and self.archive:
            self.archive.redriven(request["executionArn"])
        if operation.name == "DescribeExecution" and reply.status == 200:
            return Reply.of_json(self._described(json.loads(reply.body)), 200, **{"Content-Type": _JSON})
        return reply

    def _described(self, execution: dict[str, Any]) -> dict[str, Any]:
        """What moto leaves out: whether all is there, and when an execution that timed out has ended."""
        added: dict[str, Any] = {"inputDetails": {"included": True}, "redriveCount": 0}
        if execution["status"] == "TIMED_OUT":
            asked = {"executionArn": execution["executionArn"], "reverseOrder": True, "maxResults": 1}
            (last,) = self.client().get_execution_history(**asked)["events"]
            added["stopDate"] = last["timestamp"].timestamp()
        return added | execution

    def _list(self, environ: Environ, request: dict[str, Any], earlier: list[dict[str, Any]]) -> Reply:
        """The executions of this session and those of earlier ones, newest first."""
        asked = {name: request[name] for name in ("stateMachineArn", "statusFilter") if name in request}
        found: list[dict[str, Any]] = []
        token: str | None = ""
        while token is not None:
            replace_body(environ, asked | ({"nextToken": token} if token else {}))
            reply = self._moto(environ)
            if reply.status != 200:
                return reply
            document = json.loads(reply.body)
            found += document["executions"]
            token = document.get("nextToken")
        kept = (
            "executionArn",
            "stateMachineArn",
            "name",
            "status",
            "startDate",
            "stopDate",
            "redriveCount",
            "redriveDate",
        )
        found += [
            {name: each[name] for name in kept if name in each}
            for each in earlier
            if request.get("statusFilter") in (None, each["status"])
        ]
        page, more = _page(sorted(found, key=lambda each: -each["startDate"]), request)
        return Reply.of_json({"executions": page, **more}, 200, **{"Content-Type": _JSON})


def _start(api: StatesApi, request: dict[str, Any]) -> Answer:
    check_start(request)
    machine = request.get("stateMachineArn")
    if not isinstance(machine, str):
        raise ServiceError("ValidationException", "stateMachineArn must be a text.")
    arn = f"{machine.replace(':stateMachine:', ':execution:')}:{request['name']}"
    if api.archive and api.archive.find(arn):
        raise ServiceError("ExecutionAlreadyExists", f"Execution Already Exists: '{arn}'")
    return None


def _start_sync(api: StatesApi, request: dict[str, Any]) -> Answer:
    check_start(request)
    states = api.client()
    machine = states.describe_state_machine(stateMachineArn=request["stateMachineArn"])
    if machine.get("type") != "EXPRESS":
        message = "This operation is not supported by this type of state machine"
        raise ServiceError("StateMachineTypeNotSupported", message)
    ended = trials.run(states, request["stateMachineArn"], request.get("input") or "{}", trials.MAX_SECONDS)
    kept = ("executionArn", "stateMachineArn", "name", "status", "error", "cause", "input", "output")
    times = {name: ended[name].timestamp() for name in ("startDate", "stopDate") if name in ended}
    return {name: ended[name] for name in kept if name in ended} | times


def _test_state(api: StatesApi, request: dict[str, Any]) -> Answer:
    if not isinstance(request.get("definition"), str):
        raise ServiceError("ValidationException", "definition must be a text.")
    check_start(request)
    return trials.test_state(api.client(), request)


def _validate(api: StatesApi, request: dict[str, Any]) -> Answer:
    """Let moto read the definition, as for a state machine that is deleted at once."""
    definition = request.get("definition")
    if not isinstance(definition, str):
        raise ServiceError("ValidationException", "definition must be a text.")
    states = api.client()
    try:
        role = role_arn("validate")
        name = f"validate-{time.time_ns()}"
        made = states.create_state_machine(name=name, definition=definition, roleArn=role)
    except ClientError as error:
        message = error.response["Error"].get("Message") or error.response["Error"]["Code"]
        found = [{"severity": "ERROR", "code": "SCHEMA_VALIDATION_FAILED", "message": message}]
        return {"result": "FAIL", "diagnostics": found, "truncated": False}
    states.delete_state_machine(stateMachineArn=made["stateMachineArn"])
    lead_nowhere = list(problems(json.loads(definition)))
    return {"result": "FAIL" if lead_nowhere else "OK", "diagnostics": lead_nowhere, "truncated": False}


def _redrive(api: StatesApi, request: dict[str, Any]) -> Answer:
    """moto has the executions of this session; of earlier ones only the history is known."""
    arn = str(request.get("executionArn"))
    if api.archive and api.archive.find(arn):
        advice = "The embedded AWS was started again since it ended: start another execution."
        raise ServiceError("ExecutionNotRedrivable", f"Execution is not redrivable: '{arn}'. {advice}")
    return None


def _describe(api: StatesApi, request: dict[str, Any]) -> Answer:
    return api.archive.find(str(request.get("executionArn"))) if api.archive else None


def _stop(api: StatesApi, request: dict[str, Any]) -> Answer:
    found = _describe(api, request)
    return {"stopDate": found["stopDate"]} if found else None


def _history(api: StatesApi, request: dict[str, Any]) -> Answer:
    found = _describe(api, request)
    if not found or not api.archive:
        return None
    events = api.archive.history(found["executionArn"])
    page, more = _page(events[::-1] if request.get("reverseOrder") else events, request)
    return {"events": page, **more}


def _list(api: StatesApi, request: dict[str, Any]) -> Answer:
    """moto lists the executions of this session; `StatesApi` adds the earlier ones."""
    return None


def _page(items: list[dict[str, Any]], request: Mapping[str, Any]) -> tuple[list[dict[str, Any]], dict[str, str]]:
    token, size = str(request.get("nextToken") or "0"), request.get("maxResults") or _DEFAULT_PAGE
    if not re.fullmatch(r"\d{1,9}", token) or not isinstance(size, int) or not 0 < size <= _MAX_PAGE:
        raise ServiceError("InvalidToken", f"Invalid Token: '{token}'")
    first = int(token)
    more = {"nextToken": str(first + size)} if first + size < len(items) else {}
    return items[first : first + size], more


#: by the name behind `AWSStepFunctions.`; None as an answer means that moto answers
OPERATIONS: dict[str, Operation[Callable[[StatesApi, dict[str, Any]], Answer]]] = {
    "StartExecution": Operation("StartExecution", _start, AS_AWS),
    "StartSyncExecution": Operation("StartSyncExecution", _start_sync, differs("for at most five minutes")),
    "TestState": Operation(
        "TestState", _test_state, differs("without inspection data and variables; `RETRIABLE` is not reported")
    ),
    "ValidateStateMachineDefinition": Operation(
        "ValidateStateMachineDefinition",
        _validate,
        differs("one diagnostic of the syntax, without a location; no warnings"),
    ),
    "RedriveExecution": Operation(
        "RedriveExecution",
        _redrive,
        differs("not after a restart; the history shows again that a state is entered; a Distributed Map runs again"),
    ),
    "StopExecution": Operation("StopExecution", _stop, AS_AWS),
    "DescribeExecution": Operation("DescribeExecution", _describe, AS_AWS),
    "GetExecutionHistory": Operation("GetExecutionHistory", _history, AS_AWS),
    "ListExecutions": Operation("ListExecutions", _list, AS_AWS),
}
