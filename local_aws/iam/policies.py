"""Policies: whether their statements allow or deny an action (IAM User Guide, "Policy evaluation logic")."""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from local_aws.names import PARTITION


class PolicyError(Exception):
    """A policy has something that nothing here can judge; the message says what."""


class Verdict(Enum):
    """What a policy says of a request. A denial outweighs everything, and no word is a denial, too."""

    ALLOW = "allow"
    DENY = "deny"
    NOTHING = "nothing"


@dataclass(frozen=True)
class Asked:
    """One action on one resource, as `s3:GetObject` on `arn:aws:s3:::bucket/key`.

    `context` has the condition keys of the request, in lower case.
    """

    action: str
    resource: str
    principal: str
    context: Mapping[str, str] = field(default_factory=dict)


@functools.lru_cache(maxsize=4096)
def _pattern(text: str, ignore_case: bool = False) -> re.Pattern[str]:
    """A pattern of IAM: `*` is any characters, slashes among them, and `?` is one."""
    parts = ({"*": ".*", "?": "."}.get(part, re.escape(part)) for part in re.split(r"([*?])", text))
    return re.compile("".join(parts), re.DOTALL | (re.IGNORECASE if ignore_case else 0))


def _like(wanted: str, found: str) -> bool:
    return bool(_pattern(wanted).fullmatch(found))


def _arn_like(wanted: str, found: str) -> bool:
    """Each of the six parts of an ARN by itself: a `*` does not reach over a colon but in the last."""
    patterns, parts = wanted.split(":", 5), found.split(":", 5)
    return len(patterns) == len(parts) and all(map(_like, patterns, parts))


#: what a condition's operator compares; IAM has more, which no policy here uses
_OPERATORS: Mapping[str, Callable[[str, str], bool]] = {
    "StringEquals": lambda wanted, found: wanted == found,
    "StringLike": _like,
    "ArnEquals": _arn_like,  # IAM User Guide, "ARN condition operators": the same as ArnLike
    "ArnLike": _arn_like,
    "Bool": lambda wanted, found: wanted.lower() == found.lower(),
}
_NEGATED = {name.replace("String", "StringNot").replace("Arn", "ArnNot"): name for name in _OPERATORS if name != "Bool"}


@dataclass(frozen=True)
class Policy:
    """The statements of a policy document."""

    statements: tuple[Mapping[str, Any], ...]

    @classmethod
    def of(cls, document: str) -> Policy:
        """Read a document.

        Raises
        ------
        PolicyError
            It has something that nothing here can judge.
        """
        return _read(document)

    def says(self, asked: Asked) -> Verdict:
        """The verdict of all its statements."""
        effects = {statement["Effect"] for statement in self.statements if _applies(statement, asked)}
        if "Deny" in effects:
            return Verdict.DENY
        return Verdict.ALLOW if effects else Verdict.NOTHING


def judge(policies: Iterable[Policy], asked: Asked) -> Verdict:
    """The verdict of several policies together."""
    verdicts = {policy.says(asked) for policy in policies}
    return next((verdict for verdict in (Verdict.DENY, Verdict.ALLOW) if verdict in verdicts), Verdict.NOTHING)


@functools.lru_cache(maxsize=1024)
def _read(document: str) -> Policy:
    try:
        statements = json.loads(document)["Statement"]
    except (ValueError, KeyError, TypeError) as error:
        raise PolicyError(f"not a policy document: {document[:200]}") from error
    policy = Policy(tuple(_listed(statements)))
    for statement in policy.statements:
        _check(statement)
    return policy


def _check(statement: Mapping[str, Any]) -> None:
    if statement.get("Effect") not in ("Allow", "Deny"):
        raise PolicyError(f"a statement's Effect is Allow or Deny, not {statement.get('Effect')!r}")
    if "NotPrincipal" in statement:
        raise PolicyError("NotPrincipal is not judged here: name the principals in a condition of aws:PrincipalArn")
    for operator in statement.get("Condition", {}):
        name = operator.removesuffix("IfExists")
        if name not in _OPERATORS and name not in _NEGATED:
            raise PolicyError(f"the condition operator {operator} is not judged here")
    if "${" in json.dumps([statement.get("Resource"), statement.get("Condition")]):
        raise PolicyError("policy variables (${…}) are not judged here")


def _applies(statement: Mapping[str, Any], asked: Asked) -> bool:
    return (
        _names_principal(statement, asked.principal)
        and _names(statement, "Action", asked.action, ignore_case=True)
        and _names(statement, "Resource", asked.resource)
        and all(_holds(operator, keys, asked) for operator, keys in statement.get("Condition", {}).items())
    )


def _names(statement: Mapping[str, Any], element: str, value: str, *, ignore_case: bool = False) -> bool:
    negated = f"Not{element}" in statement
    patterns = _listed(statement[f"Not{element}" if negated else element])
    return negated != any(_pattern(pattern, ignore_case).fullmatch(value) for pattern in patterns)


def _names_principal(statement: Mapping[str, Any], principal: str) -> bool:
    """Whether a statement is for the principal; one of a role's own policy is for the role."""
    named = statement.get("Principal", "*")
    if isinstance(named, Mapping):
        named = named.get("AWS", [])
    account = principal.split(":")[4]
    return any(each in ("*", principal, account, f"arn:{PARTITION}:iam::{account}:root") for each in _listed(named))


def _holds(operator: str, keys: Mapping[str, Any], asked: Asked) -> bool:
    name = operator.removesuffix("IfExists")
    negated = name in _NEGATED
    compare = _OPERATORS[_NEGATED.get(name, name)]
    for key, wanted in keys.items():
        found = asked.principal if key.lower() == "aws:principalarn" else asked.context.get(key.lower())
        if found is None:  # a negated comparison with a key that is not there holds, others do not
            if not (negated or operator.endswith("IfExists")):
                return False
        elif negated == any(compare(str(each), found) for each in _listed(wanted)):
            return False
    return True


def _listed(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else [value]
