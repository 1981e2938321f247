"""Helpers that read requests of CloudWatch Logs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from local_aws.wire import ServiceError

Item = TypeVar("Item")


def text_of(request: Mapping[str, Any], name: str) -> str:
    """A text, "" if it is not there; `InvalidParameterException` if it is something else."""
    value = request.get(name)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise ServiceError("InvalidParameterException", f"{name} must be a text.")
    return value


def required(request: Mapping[str, Any], name: str) -> str:
    """A text that must not be empty."""
    value = text_of(request, name)
    if not value:
        raise ServiceError("InvalidParameterException", f"{name} must not be empty.")
    return value


def integer(request: Mapping[str, Any], name: str, least: int, most: int, default: int | None = None) -> int:
    """A number within bounds."""
    value = request.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise ServiceError("InvalidParameterException", f"{name} must be a number from {least} to {most}.")
    return value


def page_of(items: Sequence[Item], request: Mapping[str, Any], most: int) -> tuple[Sequence[Item], dict[str, str]]:
    """The page of a list that a request asks for by `limit` and `nextToken`, and the token of the next page."""
    limit, token = integer(request, "limit", 1, most, most), text_of(request, "nextToken")
    if token and not (token.isascii() and token.isdigit()):
        raise ServiceError("InvalidParameterException", "The specified nextToken is invalid.")
    first = int(token[:18] or 0)
    more = {"nextToken": str(first + limit)} if first + limit < len(items) else {}
    return items[first : first + limit], more
