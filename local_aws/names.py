"""The account, the region, and the names of things in them."""

from __future__ import annotations

ACCOUNT = "123456789012"
REGION = "us-east-1"
PARTITION = "aws"


def arn(service: str, resource: str) -> str:
    """`arn:aws:<service>:us-east-1:123456789012:<resource>`."""
    return f"arn:{PARTITION}:{service}:{REGION}:{ACCOUNT}:{resource}"


def function_arn(name: str, qualifier: str | None = None) -> str:
    """The ARN of a Lambda function, or of one version or alias of it."""
    return arn("lambda", f"function:{name}" + (f":{qualifier}" if qualifier else ""))
