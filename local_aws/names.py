"""The one account and region of the embedded AWS, and the ARNs in them."""

from __future__ import annotations

ACCOUNT = "123456789012"
REGION = "us-east-1"
PARTITION = "aws"


def arn(service: str, resource: str) -> str:
    """`arn:aws:<service>:us-east-1:123456789012:<resource>`."""
    return f"arn:{PARTITION}:{service}:{REGION}:{ACCOUNT}:{resource}"


def function_arn(name: str, qualifier: str | None = None) -> str:
    """The ARN of a Lambda function, or of one of its versions or aliases (`qualifier`)."""
    return arn("lambda", f"function:{name}" + (f":{qualifier}" if qualifier else ""))


def role_arn(name: str) -> str:
    """The ARN of an IAM role. IAM has no region."""
    return f"arn:{PARTITION}:iam::{ACCOUNT}:role/{name}"
