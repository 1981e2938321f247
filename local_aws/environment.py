"""The environment variables with which programs find the embedded AWS."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping

from local_aws.names import REGION

#: in place of ~/.aws/config and ~/.aws/credentials
_NO_FILES = {"AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull}


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
        **_NO_FILES,
    }


@contextlib.contextmanager
def without_users_settings() -> Iterator[None]:
    """In the block, boto3 in this process knows nothing of the user's settings for AWS.

    A profile that is not there, as one of an embedded AWS that has ended, or a file with a mistake is an error in every
    session, also in one that has all it needs.
    """
    users = {name: os.environ.pop(name) for name in [*os.environ] if name.startswith("AWS_")}
    os.environ.update(_NO_FILES)
    try:
        yield
    finally:
        for name in _NO_FILES:
            del os.environ[name]
        os.environ.update(users)
