"""Which events a rule's pattern matches (EventBridge User Guide, "Creating event patterns")."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from ipaddress import ip_address, ip_network
from typing import Any

from local_aws.coverage import AS_AWS, Operation

_COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    "=": operator.eq,
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
}


#: operators that do not compare a value: whether a field is there, and alternatives of patterns
EXISTS, OR = "exists", "$or"


class InvalidPattern(ValueError):
    """The pattern has an operator that EventBridge does not know, or a value that is not a list of alternatives."""


def matches(pattern: Mapping[str, Any], event: Mapping[str, Any]) -> bool:
    """Whether each field of the pattern matches the event; other fields of the event are ignored.

    >>> matches({"detail": {"key": [{"prefix": "start/"}]}}, {"detail": {"key": "start/a.mkv"}})
    True

    Raises
    ------
    InvalidPattern
        The pattern is not valid.
    """
    return all(_field_matches(name, wanted, event) for name, wanted in pattern.items())


def _field_matches(name: str, wanted: Any, event: Mapping[str, Any]) -> bool:
    if name == OR:
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
        return present and bool(value == rule) and isinstance(value, bool) == isinstance(rule, bool)
    if len(rule) != 1:
        raise InvalidPattern(f"{rule}: one operator expected")
    ((name, operand),) = rule.items()
    if name == EXISTS:
        return present is operand
    return present and _apply(name, operand, value)


def _apply(name: str, operand: Any, value: Any) -> bool:
    found = OPERATORS.get(name)
    if found is None:
        raise InvalidPattern(f"{name}: not an operator of EventBridge")
    return found.handler(operand, value)


def _anything_but(operand: Any, value: Any) -> bool:
    return not any(_excluded(each, value) for each in (operand if isinstance(operand, list) else [operand]))


def _excluded(rule: Any, value: Any) -> bool:
    """Whether a value is one that anything-but excludes; an operator below anything-but may list several operands."""
    if isinstance(rule, Mapping):
        ((name, operand),) = rule.items()
        return any(_apply(name, each, value) for each in (operand if isinstance(operand, list) else [operand]))
    return bool(value == rule)


def _numeric(operand: Any, value: Any) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    pairs = zip(operand[::2], operand[1::2], strict=True)
    return all(_COMPARISONS[comparison](value, number) for comparison, number in pairs)


def _text(compare: Callable[[str, str], bool]) -> Callable[[Any, Any], bool]:
    """An operator on text; its operand may be `{"equals-ignore-case": …}`."""

    def apply(operand: Any, value: Any) -> bool:
        if not isinstance(value, str):
            return False
        if isinstance(operand, Mapping):
            return compare(value.lower(), operand["equals-ignore-case"].lower())
        return compare(value, operand)

    return apply


def _wildcard(operand: str) -> re.Pattern[str]:
    """`*` stands for any text; a backslash escapes the character behind it."""
    parts = re.findall(r"\\.|\*|[^*\\]+", operand, re.S)
    return re.compile("".join(".*" if part == "*" else re.escape(part.removeprefix("\\")) for part in parts), re.S)


#: operators that compare a value, by name
OPERATORS: dict[str, Operation[Callable[[Any, Any], bool]]] = {
    "prefix": Operation("prefix", _text(str.startswith), AS_AWS),
    "suffix": Operation("suffix", _text(str.endswith), AS_AWS),
    "equals-ignore-case": Operation(
        "equals-ignore-case", _text(lambda value, operand: value.lower() == operand.lower()), AS_AWS
    ),
    "wildcard": Operation("wildcard", _text(lambda value, operand: bool(_wildcard(operand).fullmatch(value))), AS_AWS),
    "cidr": Operation("cidr", _text(lambda value, operand: ip_address(value) in ip_network(operand)), AS_AWS),
    "numeric": Operation("numeric", _numeric, AS_AWS),
    "anything-but": Operation("anything-but", _anything_but, AS_AWS),
}
