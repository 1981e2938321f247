"""Asynchronous invocations: tried again when they fail, then reported to a destination or a dead-letter queue.

AWS Lambda Developer Guide, "Error handling for asynchronous invocations".
"""

from __future__ import annotations

import json
import threading
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Protocol

from local_aws.awslambda.function import Function
from local_aws.awslambda.functions import Functions

#: seconds before the second and the third try; AWS waits one and two minutes
RETRY_DELAYS = (0.5, 1.0)


class Targets(Protocol):
    """Delivers messages to the resources of other services."""

    def send(self, target_arn: str, body: str, event_id: str) -> None:
        """Deliver a text to a queue, a topic or another resource."""

    def send_to_queue(self, queue_arn: str, body: str, attributes: Mapping[str, str]) -> None:
        """Deliver a text with message attributes to a queue."""


class AsyncInvocations:
    """Invokes functions of which nobody awaits the result."""

    def __init__(self, functions: Functions, targets: Targets) -> None:
        self._functions = functions
        self._targets = targets
        self._closed = threading.Event()

    def close(self) -> None:
        """Try nothing again."""
        self._closed.set()

    def start(self, function_arn: str, payload: bytes) -> None:
        """Invoke a function in a thread of its own."""
        threading.Thread(target=self._run, args=(function_arn, payload), daemon=True).start()

    def _run(self, function_arn: str, payload: bytes) -> None:
        function, _ = self._functions.get(function_arn)
        for attempt in range(1, function.max_retries + 2):
            invocation = self._functions.invoke(function_arn, payload)
            if invocation.error is None:
                if function.on_success:
                    record = _record(function_arn, payload, invocation.payload, "Success", attempt)
                    self._targets.send(function.on_success, json.dumps(record), invocation.request_id)
                return
            if attempt <= function.max_retries and self._closed.wait(RETRY_DELAYS[attempt - 1]):
                return
        self._give_up(function, function_arn, payload, invocation.payload, attempt)

    def _give_up(self, function: Function, function_arn: str, payload: bytes, response: bytes, attempts: int) -> None:
        if function.on_failure:
            record = _record(function_arn, payload, response, "RetriesExhausted", attempts)
            self._targets.send(function.on_failure, json.dumps(record), record["requestContext"]["requestId"])
        if function.dead_letter:
            attributes = {"ErrorCode": "200", "ErrorMessage": json.loads(response)["errorMessage"]}
            self._targets.send_to_queue(function.dead_letter, payload.decode(), attributes)


def _record(function_arn: str, payload: bytes, response: bytes, condition: str, attempts: int) -> dict[str, Any]:
    """The invocation record that a destination receives."""
    context = {
        "requestId": str(uuid.uuid4()),
        "functionArn": function_arn,
        "condition": condition,
        "approximateInvokeCount": attempts,
    }
    response_context: dict[str, Any] = {"statusCode": 200, "executedVersion": "$LATEST"}
    if condition != "Success":
        response_context["functionError"] = "Unhandled"
    return {
        "version": "1.0",
        "timestamp": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z",
        "requestContext": context,
        "requestPayload": json.loads(payload),
        "responseContext": response_context,
        "responsePayload": json.loads(response),
    }
