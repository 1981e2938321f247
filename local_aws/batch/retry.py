"""When AWS Batch tries a job again (AWS Batch User Guide, "Automated job retries")."""

from __future__ import annotations

import re
from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Any

TIMED_OUT = "Job attempt duration exceeded timeout"
TASK_EXITED = "Essential container in task exited"
_CONDITIONS = ("onExitCode", "onReason", "onStatusReason")


#: AWS Batch API Reference, "EvaluateOnExit": conditions of a strategy, and what a pattern may contain
MOST_CONDITIONS = 5
_PATTERN = re.compile(r"[A-Za-z0-9.:\s]*\*?")


def problem_of(strategy: Mapping[str, Any]) -> str | None:
    """Why AWS Batch would refuse a retry strategy; None if it would not."""
    rules = strategy.get("evaluateOnExit", [])
    if len(rules) > MOST_CONDITIONS:
        return f"evaluateOnExit has {len(rules)} conditions; the maximum is {MOST_CONDITIONS}"
    for rule in rules:
        for name in _CONDITIONS:
            if not _PATTERN.fullmatch(rule.get(name, "")):
                return (
                    f"{name} {rule[name]!r}: only letters, numbers, periods, colons, white space and a final asterisk"
                )
    return None


def should_retry(
    strategy: Mapping[str, Any], attempt: int, exit_code: int | None, reason: str, status_reason: str
) -> bool:
    """Whether another attempt follows a failed one.

    The first rule whose conditions all match decides. If no rule matches, the job is tried again.

    Parameters
    ----------
    strategy:
        `{"attempts": 1 to 10, "evaluateOnExit": [...]}`.
    attempt:
        The number of the attempt that failed, from 1.
    exit_code:
        None if the container did not start: no pattern for it applies.
    """
    if attempt >= int(strategy.get("attempts", 1)):
        return False
    code = None if exit_code is None else str(exit_code)
    seen = dict(zip(_CONDITIONS, (code, reason, status_reason), strict=True))
    for rule in strategy.get("evaluateOnExit", []):
        conditions = [(seen[name], rule[name]) for name in seen if name in rule]
        if all(value is not None and _matches(value, pattern) for value, pattern in conditions):
            action: str = rule["action"]
            return action.upper() == "RETRY"
    return True


def _matches(value: str, pattern: str) -> bool:
    """Compare without regard to case; a trailing `*` is the only wildcard."""
    escaped = "".join(f"[{char}]" if char in "?[" else char for char in pattern.lower())
    return fnmatchcase(value.lower(), escaped)
