"""Why a step went on elsewhere, in words: from the error that Step Functions caught, and its Cause."""

from __future__ import annotations

import json
import re
from typing import Any

_ASLEEP, _NOT_STARTED = "the function is not ready yet", "its container could not be started"
#: errors of Lambda and Step Functions after which the state machine's Catch runs the step on Batch (statemachine/)
_WORDS = {
    "Sandbox.Timedout": "ran out of Lambda's time",
    "Lambda.Unknown": "ran out of Lambda's time, or Lambda lost it",
    "OSError": "Lambda's /tmp is full",
    "States.Timeout": "took longer than its state may",
    "Lambda.TooManyRequestsException": "Lambda had no capacity left",
    "Lambda.CodeArtifactUserPendingException": _ASLEEP,
    "Lambda.ResourceNotReadyException": _ASLEEP,
    "Lambda.ResourceConflictException": _ASLEEP,
    "Lambda.CodeArtifactUserFailedException": "Lambda can't use the function's image",
}
#: the beginning of a Batch job's StatusReason
_STATUS_REASONS = {
    "Host EC2": "Spot took the machine away",
    "Canceled by JobStateTimeLimit": "no machine came in time",
    "Task failed to start": _NOT_STARTED,
    "ResourceInitializationError": _NOT_STARTED,
    "Cannot": _NOT_STARTED,
    "Timeout waiting": _NOT_STARTED,
}


def in_words(error: str, cause: str) -> str:
    """What an error's name and Cause mean. An unknown name is returned unchanged."""
    if error == "LambdaBudgetExceeded":
        return _budget(_field(cause, "errorMessage"))
    if error == "Runtime.ExitError":
        killed = "signal: killed" in _field(cause, "errorMessage")
        return "was killed for Lambda's memory" if killed else "crashed on Lambda"
    if error == "States.TaskFailed":
        return _job(cause)
    return _WORDS.get(error, error)


def _budget(message: str) -> str:
    """The meaning of a message that `avflow.workflow.budget` or `avflow.workflow.entry` wrote."""
    if "scratch space" in message or re.search(r"does not fit into Lambda: .*(No space|too large)", message):
        return "does not fit into Lambda's /tmp"
    if "does not fit into Lambda" in message:
        return "does not fit into Lambda's memory"
    return "would not finish in Lambda's time"


def _job(cause: str) -> str:
    """The meaning of a failed job's Cause, which is its description (AWS Batch API Reference, "JobDetail")."""
    status = _field(cause, "StatusReason")
    for beginning, words in _STATUS_REASONS.items():
        if status.startswith(beginning):
            return words
    return "some of its parts were lost" if _field(cause, "ArrayProperties") else status or "the job was lost"


def _field(cause: str, name: str) -> Any:
    try:
        return json.loads(cause).get(name) or ""
    except (ValueError, AttributeError):
        return ""
