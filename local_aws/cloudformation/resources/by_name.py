"""Types of resources that exist as a name only."""

from __future__ import annotations

from typing import Any

from local_aws.cloudformation.stack import Created, Stack, creates
from local_aws.names import arn

#: type -> why a name is enough on one machine
KEPT_BY_NAME = {
    "AWS::ECR::Repository": "no image is built or pulled: functions and jobs run from the checkout",
    "AWS::Lambda::LayerVersion": "what layers hold is in the Python environment that runs the functions",
    "AWS::XRay::Group": "there is no tracing on one machine",
}


@creates(*KEPT_BY_NAME)
def by_name(stack: Stack, logical_id: str, properties: dict[str, Any]) -> Created:
    """The resource's name and an ARN, and nothing behind them."""
    name = stack.physical_name(logical_id)
    service = stack.template["Resources"][logical_id]["Type"].split("::")[1].lower()
    return Created(name, {"Arn": arn(service, name)})
