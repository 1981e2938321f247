"""The statuses of an execution, and the events of its history, each read once."""

from __future__ import annotations

import json
from typing import Any

#: what an execution can be (AWS Step Functions API Reference, "DescribeExecution")
STATUSES = ("RUNNING", "SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED")
#: events that one request returns
PAGE_SIZE = 20


def events_after(states: Any, execution_arn: str, last: int, page_size: int = PAGE_SIZE) -> list[dict[str, Any]]:
    """The events after the one with the number `last`, the oldest first; 0 for all.

    They are asked for newest first, so that old events need not be read again (AWS Step Functions API Reference,
    "GetExecutionHistory"). An event's number is one more than that of the event before it.
    """
    found: list[dict[str, Any]] = []
    pages = states.get_paginator("get_execution_history").paginate(
        executionArn=execution_arn, reverseOrder=True, PaginationConfig={"PageSize": page_size}
    )
    for page in pages:
        for event in page["events"]:
            if event["id"] <= last:
                return found[::-1]
            found.append(event)
    return found[::-1]


def object_of(text: str | None) -> dict[str, Any]:
    """What the JSON text of an input, an output or a cause says, if it is an object; else empty."""
    try:
        found = json.loads(text or "")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
