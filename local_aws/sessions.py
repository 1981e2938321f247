"""boto3 sessions that talk to the embedded AWS."""

from __future__ import annotations

import functools
from typing import Any

from boto3.session import Session
from botocore.loaders import JSONFileLoader

from local_aws.names import REGION

_load_file = JSONFileLoader.load_file


@functools.cache
def _loaded(path: str) -> Any:
    return _load_file(JSONFileLoader(), path)


def share_service_data() -> None:
    """Let all botocore sessions of this process share one parsed copy of each service's description.

    moto makes a session for each list of regions that it needs, and each session would parse EC2's
    description (2 MB) again. That is half a second in all, some of it while moto is imported, so call
    this before the import.
    """
    # setattr: a type checker refuses an assignment to another class's method
    setattr(JSONFileLoader, "load_file", lambda _, path: _loaded(path))  # noqa: B010


def new_session() -> Session:
    """A session with credentials that nobody checks."""
    return Session(aws_access_key_id="local", aws_secret_access_key="local", region_name=REGION)  # noqa: S106
