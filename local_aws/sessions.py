"""boto3 sessions for the embedded AWS."""

from __future__ import annotations

import functools

import botocore.loaders
from boto3.session import Session

from local_aws.names import REGION


def share_service_data() -> None:
    """Let all botocore sessions share one loader, and so one parsed copy of each service's description.

    While moto is imported it makes a session for every list of regions that it wants, and each one
    parses botocore's endpoints again. This must run before moto is imported.
    """
    if not hasattr(botocore.loaders.create_loader, "cache_info"):
        botocore.loaders.create_loader = functools.cache(botocore.loaders.create_loader)


def new_session() -> Session:
    """A session with credentials that nobody checks."""
    return Session(aws_access_key_id="local", aws_secret_access_key="local", region_name=REGION)  # noqa: S106
