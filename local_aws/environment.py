"""The environment variables with which programs find the embedded AWS."""

from __future__ import annotations

import os
from collections.abc import Mapping

from local_aws.names import REGION


def child_environment(url: str, additional: Mapping[str, str]) -> dict[str, str]:
    """The environment of functions and jobs: that of this process, with the embedded AWS in place of AWS.

    Access keys are not in it: each role has its own.
    """
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "MOTO_"))}
    # a proxy cannot reach this machine's loopback address
    direct = ",".join(filter(None, (kept.get("no_proxy") or kept.get("NO_PROXY"), "127.0.0.1")))
    return {**kept, "no_proxy": direct, "NO_PROXY": direct, **aws_environment(url), **additional}


def aws_environment(url: str) -> dict[str, str]:
    """The variables with which AWS's SDKs find the embedded AWS, without an access key."""
    return {
        "AWS_ENDPOINT_URL": url,
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_EC2_METADATA_DISABLED": "true",
    }
