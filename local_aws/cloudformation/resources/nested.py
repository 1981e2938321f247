"""Nested stacks, whose templates are files beside the template."""

from __future__ import annotations

from typing import Any

from local_aws.cloudformation import sam
from local_aws.cloudformation.errors import DeployError
from local_aws.cloudformation.parameters import parameter_values
from local_aws.cloudformation.stack import Created, Stack, creates
from local_aws.coverage import differs
from local_aws.names import arn


@creates("AWS::CloudFormation::Stack", differs("its template is a local file; DescribeStacks does not have it"))
def nested_stack(stack: Stack, logical_id: str, properties: dict[str, Any]) -> Created:
    """The resources of another template. Its outputs are attributes `Outputs.NAME`."""
    path, given = stack.folder / properties["TemplateURL"], properties.get("Parameters", {})
    name = stack.physical_name(logical_id)
    try:
        template = sam.load(path, given, stack.aws.cache_dir)
    except (sam.TemplateError, FileNotFoundError) as error:
        raise DeployError(f"{logical_id}: {error}") from error
    try:
        values = parameter_values(template, given)
        outputs = Stack(stack.aws, name, template, path.parent, values).create()
    except DeployError as error:
        raise DeployError(f"{logical_id} ({path.name}): {error}") from error
    return Created(arn("cloudformation", f"stack/{name}"), {f"Outputs.{key}": value for key, value in outputs.items()})
