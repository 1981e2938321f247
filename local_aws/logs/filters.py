"""Filter patterns (Amazon CloudWatch Logs User Guide, "Filter pattern syntax").

Terms, quoted phrases, `?optional` and `-excluded` terms, `%regular expressions%`, and patterns of JSON such as
`{ $.level = "ERROR" && $.seconds > 2 }`. Patterns of space-delimited events (`[…]`) are refused.
"""

from __future__ import annotations

import json
import operator
import re
from collections.abc import Callable
from typing import Any

from local_aws.wire import ServiceError

Matcher = Callable[[str], bool]

_TERM = re.compile(r'(?P<sign>[?-]?)(?:"(?P<phrase>(?:[^"\\]|\\.)*)"|%(?P<regex>[^%]+)%|(?P<word>[^\s"]+))')
_TOKEN = re.compile(
    r'\s*(?:(?P<string>"(?:[^"\\]|\\.)*")|(?P<symbol>&&|\|\||!=|<=|>=|[=<>()])|(?P<word>[^\s&|()=<>!"]+))'
)
_COMPARE: dict[str, Callable[[float, float], bool]] = {
    "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
}  # fmt: skip


def matcher(pattern: str) -> Matcher:
    """Whether a message matches a pattern; the empty pattern matches all.

    Raises
    ------
    ServiceError
        `InvalidParameterException`: the pattern is not valid, or of a kind that is not here.
    """
    text = pattern.strip()
    if text.startswith("["):
        raise ServiceError("InvalidParameterException", "The embedded CloudWatch Logs has no space-delimited patterns.")
    if text.startswith("{"):
        if not text.endswith("}"):
            raise _invalid(pattern)
        return _Json(text[1:-1], pattern).matcher()
    return _terms(text, pattern)


def _invalid(pattern: str) -> ServiceError:
    return ServiceError("InvalidParameterException", f"Invalid character(s) in term or invalid pattern: {pattern!r}")


def _terms(text: str, pattern: str) -> Matcher:
    wanted: list[Matcher] = []
    optional: list[Matcher] = []
    excluded: list[Matcher] = []
    position = 0
    while position < len(text):
        if text[position].isspace():
            position += 1
            continue
        found = _TERM.match(text, position)
        if found is None:
            raise _invalid(pattern)
        position = found.end()
        {"": wanted, "?": optional, "-": excluded}[found["sign"]].append(_term(found, pattern))

    def matches(message: str) -> bool:
        if not all(term(message) for term in wanted) or any(term(message) for term in excluded):
            return False
        return bool(wanted) or not optional or any(term(message) for term in optional)

    return matches


def _term(found: re.Match[str], pattern: str) -> Matcher:
    if found["regex"] is not None:
        try:
            regex = re.compile(found["regex"])
        except re.error as error:
            raise _invalid(pattern) from error
        return lambda message: regex.search(message) is not None
    text = found["word"] if found["phrase"] is None else re.sub(r"\\(.)", r"\1", found["phrase"])
    return lambda message: text in message


class _Json:
    """Reads `$.a.b[0] = "x" && ($.c > 1 || $.d IS NULL)`."""

    def __init__(self, text: str, pattern: str) -> None:
        self._pattern = pattern
        self._tokens: list[str] = []
        position = 0
        while text[position:].strip():
            found = _TOKEN.match(text, position)
            if found is None:
                raise _invalid(pattern)
            position = found.end()
            self._tokens.append(found[0].strip())

    def matcher(self) -> Matcher:
        """The function that tells whether a message is JSON for which the expression holds."""
        holds = self._either()
        if self._tokens:
            raise _invalid(self._pattern)

        def matches(message: str) -> bool:
            try:
                return holds(json.loads(message))
            except (ValueError, RecursionError):
                return False

        return matches

    def _take(self, *expected: str) -> str:
        if not self._tokens or (expected and self._tokens[0] not in expected):
            raise _invalid(self._pattern)
        return self._tokens.pop(0)

    def _either(self) -> Callable[[Any], bool]:
        options = [self._all()]
        while self._tokens[:1] == ["||"]:
            self._take()
            options.append(self._all())
        return lambda value: any(option(value) for option in options)

    def _all(self) -> Callable[[Any], bool]:
        parts = [self._one()]
        while self._tokens[:1] == ["&&"]:
            self._take()
            parts.append(self._one())
        return lambda value: all(part(value) for part in parts)

    def _one(self) -> Callable[[Any], bool]:
        if self._tokens[:1] == ["("]:
            self._take()
            inner = self._either()
            self._take(")")
            return inner
        selector = self._take()
        if not selector.startswith("$"):
            raise _invalid(self._pattern)
        path = re.findall(r"[^.\[\]]+", selector[1:])
        sign = self._take()
        if sign.upper() in ("IS", "NOT"):
            return _state(path, sign.upper(), self._take().upper())
        if sign not in ("=", "!=", *_COMPARE):
            raise _invalid(self._pattern)
        return _comparison(path, sign, self._take())


_MISSING = object()


def _find(value: Any, path: list[str]) -> Any:
    for name in path:
        if isinstance(value, dict):
            value = value.get(name, _MISSING)
        elif isinstance(value, list) and name.isdigit() and int(name) < len(value):
            value = value[int(name)]
        else:
            return _MISSING
    return value


def _state(path: list[str], sign: str, state: str) -> Callable[[Any], bool]:
    if sign == "NOT":
        return lambda value: _find(value, path) is _MISSING
    states = {"NULL": None, "TRUE": True, "FALSE": False}
    return lambda value: _find(value, path) is states.get(state, _MISSING)


def _comparison(path: list[str], sign: str, literal: str) -> Callable[[Any], bool]:
    text = re.sub(r"\\(.)", r"\1", literal[1:-1]) if literal.startswith('"') else literal
    like = re.compile(".*".join(re.escape(part) for part in text.split("*")), re.DOTALL)

    def equal(found: Any) -> bool:
        if isinstance(found, bool) or found is None or isinstance(found, dict | list):
            return False
        if isinstance(found, int | float):
            return _number(text) == found
        return like.fullmatch(str(found)) is not None

    def holds(value: Any) -> bool:
        found = _find(value, path)
        if found is _MISSING:
            return False
        if sign in _COMPARE:
            number = _number(text)
            numeric = isinstance(found, int | float) and not isinstance(found, bool)
            return numeric and number is not None and _COMPARE[sign](found, number)
        return equal(found) == (sign == "=")

    return holds


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
