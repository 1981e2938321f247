"""Name the failure of a service that may answer the next time: the state machine then runs the function again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

#: the objects are small, and the function has a minute
CONFIG = Config(connect_timeout=3, read_timeout=5, retries={"mode": "standard", "max_attempts": 4})
#: errors of S3 below 500 that concern the bytes on their way, and not what was asked
_SPOILED = ("BadDigest", "IncompleteBody", "RequestTimeout", "XAmzContentSHA256Mismatch")


class StorageUnavailable(Exception):
    """S3 throttled, failed, broke off or did not answer, also after the SDK's retries."""


@contextmanager
def answering() -> Iterator[None]:
    """Turn what a later try may not meet into StorageUnavailable. Refusals stay as they are."""
    try:
        yield
    except ClientError as error:
        if is_refusal(error):
            raise
        raise StorageUnavailable(str(error)) from error
    except BotoCoreError as error:
        raise StorageUnavailable(str(error)) from error


def is_refusal(error: ClientError) -> bool:
    """Whether the service will answer the same the next time."""
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 400)
    return status < 500 and error.response.get("Error", {}).get("Code") not in _SPOILED
