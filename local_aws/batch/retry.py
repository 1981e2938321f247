"""When AWS Batch tries a job again (AWS Batch User Guide, "Automated job retries")."""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Any

TIMED_OUT = "Job attempt duration exceeded timeout"
TASK_EXITED = "Essential container in task exited"


def should_retry(strategy: Mapping[str, Any], attempt: int, exit_code: int, reason: str, status_reason: str) -> bool:
    """Whether another attempt follows a failed one.

    The first rule whose conditions all match decides. If no rule matches, the job is tried again.

    Parameters
    ----------
    strategy:
        `{"attempts": 1 to 10, "evaluateOnExit": [...]}`.
    attempt:
        The number of the attempt that failed, from 1.
    """
    if attempt >= int(strategy.get("attempts", 1)):
        return False
    seen = {"onExitCode": str(exit_code), "onReason": reason, "onStatusReason": status_reason}
    for rule in strategy.get("evaluateOnExit", []):
        conditions = [(seen[name], rule[name]) for name in seen if name in rule]
        if all(_matches(value, pattern) for value, pattern in conditions):
            action: str = rule["action"]
            return action.upper() == "RETRY"
    return True


def _matches(value: str, pattern: str) -> bool:
    """Compare without regard to case; a trailing `*` is the only wildcard."""
    escaped = "".join(f"[{char}]" if char in "?[" else char for char in pattern.lower())
    return fnmatchcase(value.lower(), escaped)
