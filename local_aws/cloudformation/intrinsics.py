"""Conditions and intrinsic functions of a template (User Guide, "Intrinsic function reference")."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Mapping
from typing import Any

from local_aws.cloudformation.errors import DeployError
from local_aws.coverage import AS_AWS, Operation, differs
from local_aws.names import ACCOUNT, PARTITION, REGION

_REMOVED = object()
#: Regions in which a new account has two zones (AWS Global Infrastructure, "Regions and Availability Zones")
TWO_ZONES = ("us-west-1",)
#: returns the Ref (attribute None) or an attribute of a resource
Lookup = Callable[[str, str | None], Any]


def pseudo_parameters(stack_name: str) -> dict[str, Any]:
    """CloudFormation's own parameters."""
    return {
        "AWS::AccountId": ACCOUNT,
        "AWS::Partition": PARTITION,
        "AWS::Region": REGION,
        "AWS::StackName": stack_name,
        "AWS::StackId": f"arn:{PARTITION}:cloudformation:{REGION}:{ACCOUNT}:stack/{stack_name}/local",
        "AWS::URLSuffix": "amazonaws.com",
        "AWS::NotificationARNs": [],
        "AWS::NoValue": _REMOVED,
    }


class Resolver:
    """Replaces intrinsic functions by their values.

    Parameters
    ----------
    template:
        The template after SAM's translation.
    parameters:
        The values of its parameters.
    lookup:
        Returns a resource's Ref or attribute; creates the resource if necessary.
    """

    def __init__(
        self, template: Mapping[str, Any], parameters: Mapping[str, Any], stack_name: str, lookup: Lookup
    ) -> None:
        self.template = template
        self._lookup = lookup
        self._values = {**parameters, **pseudo_parameters(stack_name)}

    def resolve(self, value: Any) -> Any:
        """The value without intrinsic functions; AWS::NoValue is left out, or None if it is the whole value.

        Raises
        ------
        DeployError
            An intrinsic function or a name is unknown.
        """
        resolved = self.resolve_inner(value)
        return None if resolved is _REMOVED else resolved

    def condition(self, condition: Any) -> bool:
        """Whether a condition holds; it is given by its name or as a function.

        Raises
        ------
        DeployError
            The condition is unknown.
        """
        if isinstance(condition, str):
            if condition not in self.template.get("Conditions", {}):
                raise DeployError(f"condition {condition}: not in the template")
            return self.condition(self.template["Conditions"][condition])
        ((name, argument),) = condition.items()
        if name not in CONDITIONS:
            raise DeployError(f"condition {name}: unknown to the embedded AWS")
        return CONDITIONS[name].handler(self, argument)

    def check_mappings(self, value: Any) -> None:
        """Look up every Fn::FindInMap below `value`, also in branches that no Fn::If takes.

        Fn::FindInMap fails for a missing key wherever it is (aws-cloudformation/aws-cloudformation-templates#271).

        Raises
        ------
        DeployError
            A mapping lacks a key.
        """
        if isinstance(value, dict):
            if argument := value.get("Fn::FindInMap"):
                _find_in_map(self, argument)
            for each in value.values():
                self.check_mappings(each)
        elif isinstance(value, list):
            for each in value:
                self.check_mappings(each)

    def resolve_inner(self, value: Any) -> Any:
        """As `resolve`, but AWS::NoValue stays, for the list or the object around it."""
        if isinstance(value, list):
            return [item for item in map(self.resolve_inner, value) if item is not _REMOVED]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            ((name, argument),) = value.items()
            if name in FUNCTIONS:
                return FUNCTIONS[name].handler(self, argument)
            if name.startswith("Fn::"):
                raise DeployError(f"{name}: unknown to the embedded AWS")
        resolved = {name: self.resolve_inner(item) for name, item in value.items()}
        return {name: item for name, item in resolved.items() if item is not _REMOVED}

    def ref(self, name: str) -> Any:
        """The value of a parameter, or the Ref of a resource."""
        return self._values[name] if name in self._values else self._lookup(name, None)

    def get_att(self, argument: Any) -> Any:
        """An attribute of a resource, from `Resource.Attribute` or `[Resource, Attribute]`."""
        name, attribute = argument.split(".", 1) if isinstance(argument, str) else (argument[0], argument[1])
        return self._lookup(name, self.resolve(attribute))


def _sub(resolver: Resolver, argument: Any) -> str:
    text, values = (argument, {}) if isinstance(argument, str) else argument

    def put(match: re.Match[str]) -> str:
        name = match[1]
        if name.startswith("!"):
            return "${" + name[1:] + "}"
        if name in values:
            return str(resolver.resolve(values[name]))
        if "." in name:
            return str(resolver.get_att(name))
        return str(resolver.ref(name))

    return re.sub(r"\$\{([^}]+)\}", put, text)


def _join(resolver: Resolver, argument: Any) -> str:
    return str(resolver.resolve(argument[0])).join(map(str, resolver.resolve(argument[1])))


def _if(resolver: Resolver, argument: Any) -> Any:
    return resolver.resolve_inner(argument[1] if resolver.condition(argument[0]) else argument[2])


def _select(resolver: Resolver, argument: Any) -> Any:
    index, values = int(resolver.resolve(argument[0])), resolver.resolve(argument[1])
    if not 0 <= index < len(values):
        raise DeployError(f"Template error: Fn::Select cannot select nonexistent value at index {index}")
    return values[index]


def _split(resolver: Resolver, argument: Any) -> Any:
    return resolver.resolve(argument[1]).split(argument[0])


def _find_in_map(resolver: Resolver, argument: Any) -> Any:
    name, first, second = argument[0], resolver.resolve(argument[1]), resolver.resolve(argument[2])
    try:
        return resolver.template["Mappings"][name][first][second]
    except KeyError:
        raise DeployError(f"Template error: Unable to get mapping for {name}::{first}::{second}") from None


def _base64(resolver: Resolver, argument: Any) -> str:
    text: str = resolver.resolve(argument)
    return base64.b64encode(text.encode()).decode()


FUNCTIONS: dict[str, Operation[Callable[[Resolver, Any], Any]]] = {
    "Ref": Operation("Ref", Resolver.ref, AS_AWS),
    "Fn::GetAtt": Operation("Fn::GetAtt", Resolver.get_att, differs("only the attributes that templates here use")),
    "Fn::Sub": Operation("Fn::Sub", _sub, AS_AWS),
    "Fn::Join": Operation("Fn::Join", _join, AS_AWS),
    "Fn::If": Operation("Fn::If", _if, AS_AWS),
    "Fn::Select": Operation("Fn::Select", _select, AS_AWS),
    "Fn::Split": Operation("Fn::Split", _split, AS_AWS),
    "Fn::GetAZs": Operation(
        "Fn::GetAZs",
        lambda _, argument: [REGION + zone for zone in ("ab" if REGION in TWO_ZONES else "abc")],
        differs("three zones, or two where a new account has two; of the stack's Region, whatever the argument"),
    ),
    "Fn::FindInMap": Operation("Fn::FindInMap", _find_in_map, differs("no DefaultValue")),
    "Fn::Base64": Operation("Fn::Base64", _base64, AS_AWS),
}

CONDITIONS: dict[str, Operation[Callable[[Resolver, Any], bool]]] = {
    "Condition": Operation("Condition", Resolver.condition, AS_AWS),
    "Fn::Equals": Operation(
        "Fn::Equals", lambda resolver, a: str(resolver.resolve(a[0])) == str(resolver.resolve(a[1])), AS_AWS
    ),
    "Fn::Not": Operation("Fn::Not", lambda resolver, a: not resolver.condition(a[0]), AS_AWS),
    "Fn::And": Operation("Fn::And", lambda resolver, a: all(map(resolver.condition, a)), AS_AWS),
    "Fn::Or": Operation("Fn::Or", lambda resolver, a: any(map(resolver.condition, a)), AS_AWS),
    "Fn::Contains": Operation(
        "Fn::Contains",
        lambda resolver, a: resolver.resolve(a[1]) in resolver.resolve(a[0]),
        differs("not only in rules"),
    ),
}
