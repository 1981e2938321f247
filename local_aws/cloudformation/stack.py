"""A stack that is being created, and the functions that create each type of its resources."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from local_aws.cloudformation.errors import DeployError
from local_aws.cloudformation.intrinsics import Resolver
from local_aws.cloudformation.parameters import check_rules
from local_aws.coverage import Operation
from local_aws.names import REGION
from local_aws.sandbox.containers import ImageNotHere
from local_aws.server import LocalAws
from local_aws.wire import ServiceError

#: all types of custom resources are created as this one
CUSTOM = "AWS::CloudFormation::CustomResource"


@dataclass(frozen=True)
class Created:
    """A resource's physical id, which `Ref` returns, and its attributes for `GetAtt`."""

    id: str
    attributes: Mapping[str, Any] = field(default_factory=dict)


@dataclass
class Stack:
    """A stack that is being created.

    Parameters
    ----------
    template:
        After SAM's translation.
    folder:
        The template's folder; paths in the template are relative to it.
    parameters:
        The values of the template's parameters.
    """

    aws: LocalAws
    name: str
    template: Mapping[str, Any]
    folder: Path
    parameters: Mapping[str, Any]
    created: dict[str, Created] = field(default_factory=dict)
    #: by logical id, what removes a new resource that would outlive this process
    undo: dict[str, Callable[[], object]] = field(default_factory=dict)
    _pending: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.resolver = Resolver(self.template, self.parameters, self.name, self._lookup)

    def create(self) -> dict[str, Any]:
        """Create all resources whose condition holds, and return the outputs.

        Raises
        ------
        DeployError
            A rule is not met, or a resource cannot be created. New buckets are then removed, unless their
            DeletionPolicy is Retain.
        """
        try:
            return self._create_all()
        except DeployError:
            self._roll_back()
            raise

    def _roll_back(self) -> None:
        """Remove what is new, but for resources to be retained (User Guide, "DeletionPolicy attribute")."""
        for logical_id, remove in self.undo.items():
            if self.template["Resources"][logical_id].get("DeletionPolicy") != "Retain":
                with contextlib.suppress(ClientError):  # a bucket that is not empty stays
                    remove()

    def _create_all(self) -> dict[str, Any]:
        check_types(self.template)
        check_rules(self.template, self.resolver)
        self.resolver.check_mappings([self.template["Resources"], self.template.get("Outputs", {})])
        resources = self.template["Resources"]
        for logical_id in sorted(resources, key=lambda name: not resources[name]["Type"].startswith("Custom::")):
            if self._wanted(resources[logical_id]):  # custom resources first: their functions run meanwhile
                self._create(logical_id)
        outputs = self.template.get("Outputs", {})
        return {name: self.resolver.resolve(facts["Value"]) for name, facts in outputs.items() if self._wanted(facts)}

    def physical_name(self, logical_id: str) -> str:
        """The name of a resource that the template does not name."""
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
            raise DeployError(
                f"{logical_id}: another resource needs it, but its condition {resource['Condition']} is false"
            )
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
#: by type; the modules in `resources/` register them
RESOURCE_TYPES: dict[str, Operation[Creator]] = {}


#: types that CloudFormation has in some Regions only
REGIONS_OF: dict[str, frozenset[str]] = {}


def only_in(resource_type: str, regions: frozenset[str]) -> None:
    """Say in which Regions CloudFormation has a type; the others are without it."""
    REGIONS_OF[resource_type] = regions


def check_types(template: Mapping[str, Any]) -> None:
    """Check that the Region has all types of resources, also those whose condition is false.

    Raises
    ------
    DeployError
        It lacks one (aws-cloudformation/cloudformation-coverage-roadmap#1020, widdix/aws-cf-templates#342).
    """
    types = {facts["Type"] for facts in template["Resources"].values()}
    if lacking := sorted(each for each in types if REGION not in REGIONS_OF.get(each, {REGION})):
        raise DeployError(f"Template format error: Unrecognized resource types: [{', '.join(lacking)}]")


def creates(resource_type: str, fidelity: str) -> Callable[[Creator], Creator]:
    """Register the function that creates resources of a type; `fidelity` as in `Operation`."""

    def register(function: Creator) -> Creator:
        RESOURCE_TYPES[resource_type] = Operation(resource_type, function, fidelity)
        return function

    return register


def creator(resource_type: str) -> Creator:
    """The function that creates resources of a type.

    Raises
    ------
    DeployError
        The embedded AWS does not have this type; no resource of a template is ignored.
    """
    found = RESOURCE_TYPES.get(CUSTOM if resource_type.startswith("Custom::") else resource_type)
    if found is None:
        raise DeployError(
            f"{resource_type}: the embedded AWS does not know this type of resource; add a function that creates it to "
            "local_aws/cloudformation/resources, or list it in KEPT_BY_NAME with the reason"
        )
    return found.handler
