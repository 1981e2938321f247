"""Deploys a SAM template: creates its resources in the order of their dependencies, as CloudFormation does."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import local_aws.cloudformation.resources  # noqa: F401 - registers what creates each type of resource
from local_aws.cloudformation import sam
from local_aws.cloudformation.api import Described, StacksApi
from local_aws.cloudformation.errors import DeployError
from local_aws.cloudformation.parameters import parameter_values
from local_aws.cloudformation.stack import Stack
from local_aws.server import LocalAws, without_collections

__all__ = ["DeployError", "deploy", "set_output"]


def deploy(
    aws: LocalAws, template: Path, parameters: Mapping[str, str] | None = None, stack_name: str = "local"
) -> dict[str, Any]:
    """Create everything that the template declares, and return its outputs. Requests of users wait until then.

    Raises
    ------
    DeployError
        The template cannot be translated, a parameter's value is not allowed, or a resource cannot be created.
    """
    path, given = template.resolve(), parameters or {}
    with without_collections():
        try:
            translated = sam.load(path, given, aws.cache_dir)
        except sam.TemplateError as error:
            raise DeployError(str(error)) from error
        values = parameter_values(translated, given)
        stack = Stack(aws, stack_name, translated, path.parent, values)
        outputs = stack.create()
    api = aws.services.setdefault("cloudformation", StacksApi())
    assert isinstance(api, StacksApi)
    resources = {name: (translated["Resources"][name]["Type"], str(each.id)) for name, each in stack.created.items()}
    api.stacks[stack_name] = Described(stack_name, translated, values, outputs, resources)
    aws.admit()
    return outputs


def set_output(aws: LocalAws, stack_name: str, name: str, value: str) -> None:
    """Change an output of a stack that was deployed: the embedded AWS has another address for it than AWS."""
    api = aws.services["cloudformation"]
    assert isinstance(api, StacksApi)
    stack = api.stacks[stack_name]
    api.stacks[stack_name] = replace(stack, outputs={**stack.outputs, name: value})
