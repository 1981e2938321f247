"""What an execution that ended without its own report says about itself.

AWS Step Functions Developer Guide, "Automating Step Functions event delivery with EventBridge".
"""

from __future__ import annotations

import json
from typing import Any

#: what the status stands for; an execution that FAILED names its error
_ERRORS = {"TIMED_OUT": "ExecutionTimedOut", "ABORTED": "ExecutionAborted"}


def data_of(event: dict[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    """Video and error: of the state machine's own data, or of an "Execution Status Change" event.

    Raises
    ------
    ValueError
        The event is without the execution's input, which EventBridge leaves out when it is too large.
    """
    if "detail" not in event:
        return event["video"], event["error"]
    detail = event["detail"]
    if not detail.get("input"):
        raise ValueError(f"{detail['executionArn']} ended {detail['status']}; its event is without input")
    name = _ERRORS.get(detail["status"], str(detail.get("error")))
    error = {"Error": name.removeprefix("Unreported."), "Cause": detail.get("cause") or ""}
    return json.loads(detail["input"])["video"], error
