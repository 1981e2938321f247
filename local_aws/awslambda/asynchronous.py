"""Asynchronous invocations: a queue, retries, and then a destination or a dead-letter queue.

AWS Lambda Developer Guide, "How Lambda handles errors and retries with asynchronous invocation": a function's error is
tried again after one and two minutes. An event for which there is no concurrency, or that Lambda itself cannot run, as
while the function is Inactive or Pending, stays in the queue, at most for MaximumEventAgeInSeconds.
"""

from __future__ import annotations

import heapq
import itertools
import json
import logging
import threading
import time
import uuid
from collections import Counter, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Protocol

from local_aws.awslambda.concurrency import TooManyRequests
from local_aws.awslambda.function import Function
from local_aws.awslambda.functions import FunctionNotFound, Functions
from local_aws.awslambda.states import NotActive

logger = logging.getLogger(__name__)
#: seconds before the second and the third try after an error of the function
RETRY_DELAYS = (60.0, 120.0)
#: seconds between tries after a failure of Lambda itself: from the first to the last, doubled each time
FIRST_BACKOFF, LAST_BACKOFF = 1.0, 300.0
#: asynchronous invocations of one function that run at once; AWS, too, reads a long queue more slowly
AT_ONCE = 3
#: bytes of an error's message that a dead letter quotes
DEAD_LETTER_MESSAGE_BYTES = 1024


class Targets(Protocol):
    """Delivers messages to the resources of other services."""

    def send(self, target_arn: str, body: str, event_id: str) -> None:
        """Deliver a text to a queue, a topic or another resource."""

    def send_to_queue(self, queue_arn: str, body: str, attributes: Mapping[str, str | int]) -> None:
        """Deliver a text with message attributes to a queue."""


@dataclass(eq=False)
class _Event:
    """An event in the queue; `attempts` counts the errors of the function, `failures` those of Lambda."""

    arn: str
    payload: bytes
    queued: float = field(default_factory=time.monotonic)
    attempts: int = 0
    failures: int = 0
    response: bytes = b"{}"
    request_id: str = field(default_factory=lambda: str(uuid.uuid4()))


class AsyncInvocations:
    """Invokes functions of which nobody awaits the result.

    Parameters
    ----------
    delays:
        Seconds before the second and the third try after an error of the function.
    """

    def __init__(self, functions: Functions, targets: Targets, delays: Sequence[float] = RETRY_DELAYS) -> None:
        self._functions, self._targets, self._delays = functions, targets, delays
        self._closed = threading.Event()
        self._queues: dict[str, deque[_Event]] = {}
        self._later: list[tuple[float, int, _Event]] = []
        self._numbers = itertools.count()
        self._running: Counter[str] = Counter()
        self._lock = threading.Lock()
        self._dispatcher: threading.Thread | None = None
        self._woken = threading.Event()

    def close(self) -> None:
        """Start nothing any more."""
        self._closed.set()
        self._woken.set()

    def start(self, function_arn: str, payload: bytes) -> None:
        """Queue an event; it survives whatever becomes of its function, but not this process."""
        self._put(_Event(function_arn, payload))

    def _put(self, event: _Event, delay: float = 0.0) -> None:
        with self._lock:
            if delay:
                heapq.heappush(self._later, (time.monotonic() + delay, next(self._numbers), event))
            else:
                self._queues.setdefault(event.arn, deque()).append(event)
            if self._dispatcher is None:
                self._dispatcher = threading.Thread(target=self._dispatch, name="lambda-queue", daemon=True)
                self._dispatcher.start()
        self._woken.set()

    def _dispatch(self) -> None:
        """Read the queues as far as there is concurrency."""
        while not self._closed.is_set():
            self._woken.clear()
            self._take_due()
            throttled = [arn for arn in list(self._queues) if self._read(arn)]
            if throttled:
                self._functions.concurrency.wait_for_end(FIRST_BACKOFF)
            else:
                self._woken.wait(self._until_next())

    def _take_due(self) -> None:
        with self._lock:
            while self._later and self._later[0][0] <= time.monotonic():
                event = heapq.heappop(self._later)[2]
                self._queues.setdefault(event.arn, deque()).append(event)

    def _until_next(self) -> float | None:
        with self._lock:
            return max(0.0, self._later[0][0] - time.monotonic()) if self._later else None

    def _read(self, arn: str) -> bool:
        """Start events of one function; whether some must wait for concurrency."""
        while True:
            with self._lock:
                queue = self._queues[arn]
                if not queue or self._running[arn] >= AT_ONCE:
                    return False
                event = queue.popleft()
            try:
                function, version = self._functions.get(arn)
            except FunctionNotFound:
                continue  # it was deleted: AWS drops the event
            if time.monotonic() - event.queued > function.max_age:
                self._give_up(function, event, "EventAgeExceeded")
                continue
            try:
                self._functions.states.require_active(function)
                self._functions.concurrency.take(function)
            except NotActive:
                self._put_off(event)
                continue
            except TooManyRequests:
                with self._lock:
                    queue.appendleft(event)
                return True
            with self._lock:
                self._running[arn] += 1
            run = threading.Thread(target=self._run, args=(function, version, event), daemon=True)
            run.start()

    def _run(self, function: Function, version: str, event: _Event) -> None:
        try:
            invocation = self._functions.run(function, version, event.payload)
        except Exception:  # Lambda itself cannot run it, as if it answered 5xx
            self._put_off(event)
        else:
            event.attempts += 1
            event.response = invocation.payload
            if invocation.error is None:
                if function.on_success:
                    self._tell(function.on_success, _record(event, "Success"))
            elif event.attempts > function.max_retries:
                self._give_up(function, event, "RetriesExhausted")
            else:
                self._put(event, self._delays[min(event.attempts, len(self._delays)) - 1])
        finally:
            with self._lock:
                self._running[event.arn] -= 1
            self._woken.set()

    def _put_off(self, event: _Event) -> None:
        event.failures += 1
        self._put(event, min(LAST_BACKOFF, FIRST_BACKOFF * 2 ** (event.failures - 1)))

    def _give_up(self, function: Function, event: _Event, condition: str) -> None:
        if self._closed.is_set():
            return
        if function.on_failure:
            self._tell(function.on_failure, _record(event, condition))
        if function.dead_letter:
            message = json.loads(event.response).get("errorMessage", condition)
            message = message.encode()[:DEAD_LETTER_MESSAGE_BYTES].decode(errors="ignore")
            attributes = {"RequestID": event.request_id, "ErrorCode": 200, "ErrorMessage": message}
            try:
                self._targets.send_to_queue(function.dead_letter, event.payload.decode(), attributes)
            except Exception:
                logger.exception("an event was lost: %s", function.dead_letter)

    def _tell(self, target_arn: str, record: dict[str, Any]) -> None:
        try:
            self._targets.send(target_arn, json.dumps(record), record["requestContext"]["requestId"])
        except Exception:
            logger.exception("the record of an asynchronous invocation was lost: %s", target_arn)


def _record(event: _Event, condition: str) -> dict[str, Any]:
    """The invocation record that a destination receives."""
    context = {
        "requestId": event.request_id,
        "functionArn": event.arn,
        "condition": condition,
        "approximateInvokeCount": event.attempts,
    }
    record: dict[str, Any] = {
        "version": "1.0",
        "timestamp": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z",
        "requestContext": context,
        "requestPayload": json.loads(event.payload),
    }
    if event.attempts:
        response_context: dict[str, Any] = {"statusCode": 200, "executedVersion": "$LATEST"}
        if condition != "Success":
            response_context["functionError"] = "Unhandled"
        record |= {"responseContext": response_context, "responsePayload": json.loads(event.response)}
    return record
