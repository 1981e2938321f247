"""Types of resources of which there is only the name."""

from __future__ import annotations

from typing import Any

from local_aws.cloudformation.stack import Created, Stack, creates
from local_aws.coverage import differs
from local_aws.names import arn

#: type -> why a name suffices on one machine
KEPT_BY_NAME = {
    "AWS::ECR::Repository": "no image is pushed or pulled; functions and jobs run from the checkout or local images",
    "AWS::Lambda::LayerVersion": "the Python environment in which functions run has what the layers hold",
    "AWS::XRay::Group": "there is no tracing on one machine",
}


def by_name(stack: Stack, logical_id: str, properties: dict[str, Any]) -> Created:
    """The resource's name and an ARN."""
    name = stack.physical_name(logical_id)
    service = stack.template["Resources"][logical_id]["Type"].split("::")[1].lower()
    return Created(name, {"Arn": arn(service, name)})


for _type, _reason in KEPT_BY_NAME.items():
    creates(_type, differs(f"a name and an ARN only: {_reason}"))(by_name)
