"""The one account and Region of the embedded AWS, and the ARNs in them."""

from __future__ import annotations

import os

ACCOUNT = "123456789012"
#: tests of what differs between Regions choose another one
REGION = os.environ.get("AVFLOW_AWS_REGION", "us-east-1")
#: by how the names of its Regions begin; all others are commercial
_PARTITIONS = {"us-gov-": "aws-us-gov", "cn-": "aws-cn"}
PARTITION = next((name for begin, name in _PARTITIONS.items() if REGION.startswith(begin)), "aws")


def arn(service: str, resource: str) -> str:
    """`arn:aws:<service>:us-east-1:123456789012:<resource>`, with the Region and its partition."""
    return f"arn:{PARTITION}:{service}:{REGION}:{ACCOUNT}:{resource}"


def function_arn(name: str, qualifier: str | None = None) -> str:
    """The ARN of a Lambda function, or of one of its versions or aliases (`qualifier`)."""
    return arn("lambda", f"function:{name}" + (f":{qualifier}" if qualifier else ""))


def role_arn(name: str) -> str:
    """The ARN of an IAM role. IAM has no region."""
    return f"arn:{PARTITION}:iam::{ACCOUNT}:role/{name}"
