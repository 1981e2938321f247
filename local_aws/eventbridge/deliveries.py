"""Delivers to targets: a queue, retries with back-off, and then the dead-letter queue.

EventBridge User Guide, "How EventBridge retries delivering events" and "Using dead-letter queues to process undelivered
events in EventBridge".
"""

from __future__ import annotations

import heapq
import itertools
import logging
import random
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ClientError

from local_aws.eventbridge.events import Event
from local_aws.eventbridge.targets import NotDelivered, Targets

logger = logging.getLogger(__name__)
#: threads that deliver
WORKERS = 4
#: of a target without a RetryPolicy: tries after the first, and seconds
DEFAULT_RETRIES, DEFAULT_AGE = 185, 24 * 3600
#: seconds before the second try and the longest between two, doubled each time, with full jitter
FIRST_DELAY, LAST_DELAY = 1.0, 60.0
#: a word in a service's error code -> EventBridge's code for what further tries do not mend
_LASTING = {"NotFound": "RESOURCE_NOT_FOUND", "DoesNotExist": "RESOURCE_NOT_FOUND", "NonExistent": "RESOURCE_NOT_FOUND",
            "AccessDenied": "NO_PERMISSIONS", "Invalid": "INVALID_PARAMETER"}  # fmt: skip
_THROTTLED = ("Throttl", "TooManyRequests", "LimitExceeded")


@dataclass
class Delivery:
    """An event for one target of a rule."""

    rule_arn: str
    target: Mapping[str, Any]
    event: Event
    began: float = field(default_factory=time.monotonic)
    tries: int = 0

    def exhausted(self, delay: float) -> str | None:
        """The condition of the retry policy that forbids one more try after `delay` seconds."""
        policy = self.target.get("RetryPolicy", {})
        if self.tries > int(policy.get("MaximumRetryAttempts", DEFAULT_RETRIES)):
            return "MaximumRetryAttempts"
        age = time.monotonic() - self.began + delay
        return "MaximumEventAgeInSeconds" if age > policy.get("MaximumEventAgeInSeconds", DEFAULT_AGE) else None


class Deliveries:
    """Does work on a few threads, now or later.

    Parameters
    ----------
    deliver:
        Delivers an event to a target.
    """

    def __init__(self, deliver: Callable[[Delivery], None], targets: Targets, first_delay: float = FIRST_DELAY) -> None:
        self._deliver, self._targets, self._first_delay = deliver, targets, first_delay
        self._changed = threading.Condition()
        self._due: list[tuple[float, int, Callable[[], None]]] = []
        self._numbers = itertools.count()
        self._workers = 0
        self._closed = False

    def close(self) -> None:
        """Deliver nothing any more."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def add(self, delivery: Delivery) -> None:
        """Deliver as soon as possible."""
        self.do(lambda: self._try(delivery))

    def do(self, work: Callable[[], None], delay: float = 0.0) -> None:
        """Do some work on one of the threads."""
        with self._changed:
            heapq.heappush(self._due, (time.monotonic() + delay, next(self._numbers), work))
            if self._workers < WORKERS:
                self._workers += 1
                threading.Thread(target=self._work, name="event-deliveries", daemon=True).start()
            self._changed.notify()

    def _work(self) -> None:
        while True:
            with self._changed:
                while not self._closed and (not self._due or self._due[0][0] > time.monotonic()):
                    self._changed.wait(self._due[0][0] - time.monotonic() if self._due else None)
                if self._closed:
                    return
                work = heapq.heappop(self._due)[2]
            try:
                work()
            except Exception:
                if not self._closed:
                    logger.exception("EventBridge could not deliver an event")

    def _try(self, delivery: Delivery) -> None:
        delivery.tries += 1
        try:
            self._deliver(delivery)
        except Exception as error:
            failure = failure_of(error)
            delay = min(LAST_DELAY, self._first_delay * 2 ** (delivery.tries - 1))
            delay *= random.random()  # noqa: S311 - jitter
            condition = None if failure.lasting else delivery.exhausted(delay)
            if not failure.lasting and condition is None:
                self.do(lambda: self._try(delivery), delay)
            elif queue := delivery.target.get("DeadLetterConfig", {}).get("Arn"):
                self._bury(queue, delivery, failure, condition)
            else:
                logger.warning("an event was not delivered to %s: %s", delivery.target["Arn"], failure)

    def _bury(self, queue: str, delivery: Delivery, failure: NotDelivered, condition: str | None) -> None:
        attributes = {
            "RULE_ARN": delivery.rule_arn,
            "TARGET_ARN": delivery.target["Arn"],
            "ERROR_CODE": failure.code,
            "ERROR_MESSAGE": str(failure) or failure.code,
            "RETRY_ATTEMPTS": str(delivery.tries - 1),
            **({"EXHAUSTED_RETRY_CONDITION": condition} if condition else {}),
        }
        self._targets.dead_letter(queue, delivery.event, attributes)


def failure_of(error: Exception) -> NotDelivered:
    """Any failure in EventBridge's words, and whether further tries are of no use."""
    if isinstance(error, NotDelivered):
        return error
    if isinstance(error, ClientError):
        code = str(error.response.get("Error", {}).get("Code", ""))
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 500)
        if status < 500 and not any(word in code for word in _THROTTLED):
            words = (meaning for word, meaning in _LASTING.items() if word in code)
            return NotDelivered(next(words, "SDK_CLIENT_ERROR"), str(error))
        return NotDelivered("THROTTLING" if status < 500 else "INTERNAL_ERROR", str(error), lasting=False)
    return NotDelivered("INTERNAL_ERROR", f"{type(error).__name__}: {error}", lasting=False)
