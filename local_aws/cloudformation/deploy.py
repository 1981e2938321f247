"""Creates the resources of a template, in the order of their dependencies, as CloudFormation does."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import local_aws.cloudformation.resources  # noqa: F401 - registers who creates each type of resource
from local_aws.cloudformation import sam as templates
from local_aws.cloudformation.intrinsics import DeployError, parameter_values
from local_aws.cloudformation.stack import Stack

if TYPE_CHECKING:
    from local_aws.server import LocalAws


def deploy(aws: LocalAws, path: Path, parameters: Mapping[str, str], stack_name: str) -> dict[str, Any]:
    """Create the stack of the template at `path`; its outputs.

    Raises
    ------
    DeployError
        The template can't be translated, or a resource can't be created.
    """
    try:
        template = templates.load(path.resolve(), parameters, aws.cache_dir)
    except templates.TemplateError as error:
        raise DeployError(str(error)) from error
    values = parameter_values(template, parameters)
    return Stack(aws, stack_name, template, path.resolve().parent, values).create()
