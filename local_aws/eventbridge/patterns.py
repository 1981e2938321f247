"""Which events an EventBridge rule matches (EventBridge User Guide, "Creating event patterns")."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
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
    if operator == "anything-but":
        return not any(_excluded(each, value) for each in (operand if isinstance(operand, list) else [operand]))
    if operator == "numeric":
        return _numeric(operand, value)
    if operator not in _TEXT:
        raise InvalidPattern(f"{operator}: no operator of EventBridge")
    if not isinstance(value, str):
        return False
    if isinstance(operand, Mapping):  # {"prefix": {"equals-ignore-case": …}}
        return _TEXT[operator](value.lower(), operand["equals-ignore-case"].lower())
    return _TEXT[operator](value, operand)


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


_TEXT: dict[str, Callable[[str, str], bool]] = {
    "prefix": lambda value, operand: value.startswith(operand),
    "suffix": lambda value, operand: value.endswith(operand),
    "equals-ignore-case": lambda value, operand: value.lower() == operand.lower(),
    "wildcard": lambda value, operand: _wildcard(operand).fullmatch(value) is not None,
    "cidr": lambda value, operand: ip_address(value) in ip_network(operand),
}
