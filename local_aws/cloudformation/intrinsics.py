"""CloudFormation's parameters, conditions and intrinsic functions (User Guide, "Intrinsic function reference")."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Mapping
from typing import Any

from local_aws.names import ACCOUNT, PARTITION, REGION


class DeployError(Exception):
    """The stack can't be created; the message names the resource and says why."""


_REMOVED = object()
#: gives a resource's Ref (attribute None) or attribute
Lookup = Callable[[str, str | None], Any]


def parameter_values(template: Mapping[str, Any], given: Mapping[str, str]) -> dict[str, Any]:
    """Each parameter's value, in its type, checked against what the template allows.

    Raises
    ------
    DeployError
        A parameter is unknown, missing, or has a value that the template doesn't allow.
    """
    declared = template.get("Parameters", {})
    if unknown := set(given) - set(declared):
        raise DeployError(f"the template has no parameter {', '.join(sorted(unknown))}")
    values = {}
    for name, facts in declared.items():
        value = given.get(name, facts.get("Default"))
        if value is None:
            raise DeployError(f"parameter {name} needs a value")
        is_list = facts["Type"] == "CommaDelimitedList" or facts["Type"].startswith("List<")
        values[name] = [item.strip() for item in str(value).split(",")] if is_list else str(value)
        for each in values[name] if is_list else [values[name]]:  # a list is checked by each of its values
            _check_parameter(name, each, facts)
    return values


def _check_parameter(name: str, value: str, facts: Mapping[str, Any]) -> None:
    wrong = f"parameter {name}: {value!r} is not allowed"
    hint = facts.get("ConstraintDescription", "")
    if "AllowedValues" in facts and value not in map(str, facts["AllowedValues"]):
        raise DeployError(f"{wrong}; one of {', '.join(map(str, facts['AllowedValues']))} is")
    if "AllowedPattern" in facts and not re.fullmatch(facts["AllowedPattern"], value):
        raise DeployError(f"{wrong}: {hint or 'it does not match ' + facts['AllowedPattern']}")
    if facts["Type"] == "Number":
        try:
            number = float(value)
        except ValueError:
            raise DeployError(f"{wrong}: it is not a number") from None
        if not float(facts.get("MinValue", number)) <= number <= float(facts.get("MaxValue", number)):
            raise DeployError(f"{wrong}: from {facts.get('MinValue')} to {facts.get('MaxValue')}")


def check_rules(template: Mapping[str, Any], resolver: Resolver) -> None:
    """Hold the parameters together to the template's rules (User Guide, "CloudFormation template Rules syntax").

    Raises
    ------
    DeployError
        An assertion of a rule whose condition holds does not; its own description says which.
    """
    for name, rule in template.get("Rules", {}).items():
        if "RuleCondition" in rule and not resolver.condition(rule["RuleCondition"]):
            continue
        for assertion in rule["Assertions"]:
            if not resolver.condition(assertion["Assert"]):
                raise DeployError(f"rule {name}: {assertion.get('AssertDescription', 'not met')}")


class Resolver:
    """Replaces intrinsic functions by their values.

    Parameters
    ----------
    template:
        In CloudFormation's terms.
    parameters:
        The parameters' values.
    lookup:
        Asked for a resource's Ref or attribute; creates the resource where necessary.
    """

    def __init__(
        self, template: Mapping[str, Any], parameters: Mapping[str, Any], stack_name: str, lookup: Lookup
    ) -> None:
        self._template = template
        self._lookup = lookup
        stack_id = f"arn:{PARTITION}:cloudformation:{REGION}:{ACCOUNT}:stack/{stack_name}/local"
        self._values = {
            **parameters,
            "AWS::AccountId": ACCOUNT,
            "AWS::Partition": PARTITION,
            "AWS::Region": REGION,
            "AWS::StackName": stack_name,
            "AWS::StackId": stack_id,
            "AWS::URLSuffix": "amazonaws.com",
            "AWS::NotificationARNs": [],
            "AWS::NoValue": _REMOVED,
        }
        self._functions = {
            "Ref": self._ref,
            "Fn::GetAtt": self._get_att,
            "Fn::Sub": self._sub,
            "Fn::Join": lambda a: str(self.resolve(a[0])).join(map(str, self.resolve(a[1]))),
            "Fn::If": lambda a: self._resolve(a[1] if self.condition(a[0]) else a[2]),
            "Fn::Select": lambda a: self.resolve(a[1])[int(self.resolve(a[0]))],
            "Fn::Split": lambda a: self.resolve(a[1]).split(a[0]),
            "Fn::GetAZs": lambda _: [REGION + zone for zone in "abc"],
            "Fn::FindInMap": lambda a: template["Mappings"][a[0]][self.resolve(a[1])][self.resolve(a[2])],
            "Fn::Base64": lambda a: base64.b64encode(self.resolve(a).encode()).decode(),
        }

    def resolve(self, value: Any) -> Any:
        """The value without intrinsic functions; what is AWS::NoValue is left out, or None at the top.

        Raises
        ------
        DeployError
            An intrinsic function or a name is unknown.
        """
        resolved = self._resolve(value)
        return None if resolved is _REMOVED else resolved

    def condition(self, condition: Any) -> bool:
        """Whether a condition, by its name or as a function, holds."""
        if isinstance(condition, str):
            if condition not in self._template.get("Conditions", {}):
                raise DeployError(f"condition {condition}: not in the template")
            return self.condition(self._template["Conditions"][condition])
        ((name, argument),) = condition.items()
        match name:
            case "Condition":
                return self.condition(argument)
            case "Fn::Equals":
                return str(self.resolve(argument[0])) == str(self.resolve(argument[1]))
            case "Fn::Not":
                return not self.condition(argument[0])
            case "Fn::And":
                return all(map(self.condition, argument))
            case "Fn::Or":
                return any(map(self.condition, argument))
        raise DeployError(f"condition {name}: unknown to the embedded AWS")

    def _resolve(self, value: Any) -> Any:
        if isinstance(value, list):
            return [item for item in map(self._resolve, value) if item is not _REMOVED]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            ((name, argument),) = value.items()
            if name in self._functions:
                return self._functions[name](argument)
            if name.startswith("Fn::"):
                raise DeployError(f"{name}: unknown to the embedded AWS")
        resolved = {name: self._resolve(item) for name, item in value.items()}
        return {name: item for name, item in resolved.items() if item is not _REMOVED}

    def _ref(self, name: str) -> Any:
        return self._values[name] if name in self._values else self._lookup(name, None)

    def _get_att(self, argument: Any) -> Any:
        name, attribute = argument.split(".", 1) if isinstance(argument, str) else (argument[0], argument[1])
        return self._lookup(name, self.resolve(attribute))

    def _sub(self, argument: Any) -> str:
        text, values = (argument, {}) if isinstance(argument, str) else argument

        def put(match: re.Match[str]) -> str:
            name = match[1]
            if name.startswith("!"):
                return "${" + name[1:] + "}"
            if name in values:
                return str(self.resolve(values[name]))
            if "." in name:
                return str(self._get_att(name))
            return str(self._ref(name))

        return re.sub(r"\$\{([^}]+)\}", put, text)
