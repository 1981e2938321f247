"""Read the video and the error of a failed execution from the failed function's event.

AWS Step Functions Developer Guide, "Automating Step Functions event delivery with EventBridge".
"""

from __future__ import annotations

import json
from typing import Any

#: error by status. An execution that FAILED names its error itself
ERRORS = {"TIMED_OUT": "ExecutionTimedOut", "ABORTED": "ExecutionAborted"}


def data_of(event: dict[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    """The video and the error, from the state machine's own data or from an "Execution Status Change" event.

    Raises
    ------
    ValueError
        The event has no input of the execution. EventBridge leaves out an input that is too large.
    """
    if "detail" not in event:
        return event["video"], event["error"]
    detail = event["detail"]
    if not detail.get("input"):
        raise ValueError(f"{detail['executionArn']} ended {detail['status']}; its event has no input")
    name = ERRORS.get(detail["status"], str(detail.get("error")))
    error = {"Error": name.removeprefix("Unreported."), "Cause": detail.get("cause") or ""}
    return json.loads(detail["input"])["video"], error
