"""Which events an EventBridge rule matches (EventBridge User Guide, "Creating event patterns")."""

from __future__ import annotations

import re
from collections.abc import Mapping
from ipaddress import ip_address, ip_network
from typing import Any

_NUMERIC = {
    "=": lambda left, right: left == right,
    ">": lambda left, right: left > right,
    ">=": lambda left, right: left >= right,
    "<": lambda left, right: left < right,
    "<=": lambda left, right: left <= right,
}


class InvalidPattern(ValueError):
    """An operator that EventBridge doesn't know, or a value that isn't a list of alternatives."""


def matches(pattern: Mapping[str, Any], event: Mapping[str, Any]) -> bool:
    """Whether each field of the pattern matches the event; fields the pattern doesn't name are ignored.

    >>> matches({"detail": {"key": [{"prefix": "start/"}]}}, {"detail": {"key": "start/a.mkv"}})
    True

    Raises
    ------
    InvalidPattern
        See there.
    """
    return all(_field_matches(name, wanted, event) for name, wanted in pattern.items())


def _field_matches(name: str, wanted: Any, event: Mapping[str, Any]) -> bool:
    if name == "$or":
        return any(matches(alternative, event) for alternative in wanted)
    if isinstance(wanted, Mapping):
        inner = event.get(name)
        inners = inner if isinstance(inner, list) else [inner]
        return any(matches(wanted, each if isinstance(each, Mapping) else {}) for each in inners or [{}])
    if not isinstance(wanted, list):
        raise InvalidPattern(f"{name}: {wanted!r} must be a list of alternatives or an object")
    present = name in event
    value = event.get(name)
    values = value if isinstance(value, list) and value else [value]
    return any(_matches_one(rule, each, present) for rule in wanted for each in values)


def _matches_one(rule: Any, value: Any, present: bool) -> bool:
    if not isinstance(rule, Mapping):
        return present and value == rule and isinstance(value, bool) == isinstance(rule, bool)
    if len(rule) != 1:
        raise InvalidPattern(f"{rule}: one operator expected")
    ((operator, operand),) = rule.items()
    if operator == "exists":
        return present is operand
    return present and _apply(operator, operand, value)


def _apply(operator: str, operand: Any, value: Any) -> bool:
    text = value if isinstance(value, str) else None
    match operator:
        case "prefix" | "suffix" if isinstance(operand, Mapping):
            folded = operand["equals-ignore-case"].lower()
            return text is not None and _apply(operator, folded, text.lower())
        case "prefix":
            return text is not None and text.startswith(operand)
        case "suffix":
            return text is not None and text.endswith(operand)
        case "equals-ignore-case":
            return text is not None and text.lower() == operand.lower()
        case "wildcard":
            return text is not None and _wildcard(operand).fullmatch(text) is not None
        case "anything-but":
            return not any(_excluded(each, value) for each in (operand if isinstance(operand, list) else [operand]))
        case "numeric":
            return _numeric(operand, value)
        case "cidr":
            return text is not None and ip_address(text) in ip_network(operand)
    raise InvalidPattern(f"{operator}: no operator of EventBridge")


def _excluded(rule: Any, value: Any) -> bool:
    """One of the things a value must not be; an operator below anything-but may list several operands."""
    if isinstance(rule, Mapping):
        ((operator, operand),) = rule.items()
        return any(_apply(operator, each, value) for each in (operand if isinstance(operand, list) else [operand]))
    return value == rule


def _numeric(operand: list[Any], value: Any) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    pairs = zip(operand[::2], operand[1::2], strict=True)
    return all(_NUMERIC[comparison](value, number) for comparison, number in pairs)


def _wildcard(operand: str) -> re.Pattern[str]:
    """`*` stands for anything; a backslash takes the meaning of the character behind it away."""
    parts = re.findall(r"\\.|\*|[^*\\]+", operand, re.S)
    return re.compile("".join(".*" if part == "*" else re.escape(part.removeprefix("\\")) for part in parts), re.S)
