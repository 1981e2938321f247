"""A stack that is being created, and who creates each type of its resources."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from local_aws.cloudformation.intrinsics import DeployError, Resolver, check_rules
from local_aws.sandbox.containers import ImageNotHere
from local_aws.wire import ServiceError

if TYPE_CHECKING:
    from local_aws.server import LocalAws


@dataclass(frozen=True)
class Created:
    """A resource's physical id, which `Ref` gives, and its attributes for `GetAtt`."""

    id: str
    attributes: Mapping[str, Any] = field(default_factory=dict)


@dataclass
class Stack:
    """A stack that is being created.

    Parameters
    ----------
    folder:
        The template's, which paths in it are relative to.
    """

    aws: LocalAws
    name: str
    template: Mapping[str, Any]
    folder: Path
    parameters: Mapping[str, Any]
    created: dict[str, Created] = field(default_factory=dict)
    _pending: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.resolver = Resolver(self.template, self.parameters, self.name, self._lookup)

    def create(self) -> dict[str, Any]:
        """Create all resources whose condition holds; the outputs."""
        check_rules(self.template, self.resolver)
        resources = self.template["Resources"]
        for logical_id in sorted(resources, key=lambda name: not resources[name]["Type"].startswith("Custom::")):
            if self._wanted(resources[logical_id]):  # custom ones first: their functions run while the rest is made
                self._create(logical_id)
        outputs = self.template.get("Outputs", {})
        return {name: self.resolver.resolve(facts["Value"]) for name, facts in outputs.items() if self._wanted(facts)}

    def physical_name(self, logical_id: str) -> str:
        """The name of a resource that the template doesn't name."""
        return f"{self.name}-{logical_id}"

    def _wanted(self, facts: Mapping[str, Any]) -> bool:
        return "Condition" not in facts or self.resolver.condition(facts["Condition"])

    def _lookup(self, logical_id: str, attribute: str | None) -> Any:
        if logical_id not in self.template["Resources"]:
            raise DeployError(f"{logical_id}: neither a parameter nor a resource of the template")
        created = self._create(logical_id)
        if attribute is None:
            return created.id
        if attribute not in created.attributes:
            kind = self.template["Resources"][logical_id]["Type"]
            raise DeployError(f"{logical_id}.{attribute}: {kind} has no such attribute in the embedded AWS")
        return created.attributes[attribute]

    def _create(self, logical_id: str) -> Created:
        if logical_id in self.created:
            return self.created[logical_id]
        if logical_id in self._pending:
            raise DeployError(f"circular dependency: {' -> '.join([*self._pending, logical_id])}")
        self._pending.append(logical_id)
        resource = self.template["Resources"][logical_id]
        if not self._wanted(resource):
            raise DeployError(f"{logical_id}: something needs it, but its condition {resource['Condition']} is false")
        depends_on = resource.get("DependsOn", [])
        for name in [depends_on] if isinstance(depends_on, str) else depends_on:
            self._create(name)
        properties = self.resolver.resolve(resource.get("Properties", {}))
        try:
            self.created[logical_id] = creator(resource["Type"])(self, logical_id, properties)
        except (ClientError, BotoCoreError, ServiceError, ImageNotHere, KeyError) as error:
            reason = f"{type(error).__name__}: {error}"
            raise DeployError(f"{logical_id} ({resource['Type']}) can't be created: {reason}") from error
        self._pending.remove(logical_id)
        return self.created[logical_id]


Creator = Callable[[Stack, str, dict[str, Any]], Created]
_CREATORS: dict[str, Creator] = {}


def creates(*types: str) -> Callable[[Creator], Creator]:
    """Register a function as the one that creates resources of these types."""

    def register(function: Creator) -> Creator:
        for each in types:
            _CREATORS[each] = function
        return function

    return register


def creator(resource_type: str) -> Creator:
    """The function that creates a type of resource.

    Raises
    ------
    DeployError
        The embedded AWS has no such type: nothing of a template is passed over silently.
    """
    if resource_type.startswith("Custom::"):
        resource_type = "AWS::CloudFormation::CustomResource"
    if resource_type in _CREATORS:
        return _CREATORS[resource_type]
    raise DeployError(
        f"{resource_type}: the embedded AWS doesn't know this type of resource; "
        "create it for real in local_aws/resources, or list it in KEPT_BY_NAME with the reason"
    )
