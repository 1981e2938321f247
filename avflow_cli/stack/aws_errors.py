"""What AWS refuses or does not answer, in one sentence, with what to do.

Error codes: AWS General Reference, "Common errors", and the API Reference of each service. A code that is not known
here keeps AWS's own message.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    HTTPClientError,
    NoCredentialsError,
    NoRegionError,
    ProfileNotFound,
    ReadTimeoutError,
)

from avflow.errors import AvflowError
from avflow_cli.access import DENIED, EXPIRED, WRONG_KEY, Access

_THROTTLED = frozenset(
    {"Throttling", "ThrottlingException", "TooManyRequestsException", "RequestLimitExceeded", "SlowDown"}
)
#: the action in the message of a refusal, such as "… is not authorized to perform: states:ListExecutions on resource …"
_ACTION = re.compile(r"perform: ([\w-]+:\w+)")


class CredentialsUnusable(AvflowError):
    """There are no credentials, or AWS does not take them."""

    advice = "Run `aws configure` or `aws sso login`, or choose others: --profile NAME."
    exit_code = os.EX_NOPERM


class AccessRefused(AvflowError):
    """The credentials are good, but may not do this."""

    exit_code = os.EX_NOPERM


class RegionUnknown(AvflowError):
    """No Region is named, or none of this name answers."""

    advice = "Name the stack's Region: --region us-east-1, or `region` in samconfig.toml."
    exit_code = os.EX_USAGE


class AwsUnreachable(AvflowError):
    """AWS, or the embedded AWS, did not answer."""

    advice = "Check the network, --region and --endpoint-url, and that `avflow up` still runs if it is its address."
    exit_code = os.EX_TEMPFAIL


class AwsRefused(AvflowError):
    """AWS refused a request for another reason."""

    advice = "`avflow doctor` looks at the account and the stack."


def is_missing_stack(error: ClientError) -> bool:
    """Whether CloudFormation says that there is no such stack."""
    found = error.response.get("Error", {})
    return found.get("Code") == "ValidationError" and "does not exist" in found.get("Message", "")


@contextmanager
def in_words(access: Access) -> Iterator[None]:
    """Turn errors of boto3 in the block into ours.

    Raises
    ------
    CredentialsUnusable, AccessRefused, RegionUnknown, AwsUnreachable, AwsRefused
    """
    try:
        yield
    except ClientError as error:
        raise of_service(error, access.session.region_name) from error
    except BotoCoreError as error:
        raise of_client(error) from error
    except ValueError as error:  # botocore's, for an address in AWS_ENDPOINT_URL or in the AWS configuration
        if not str(error).startswith("Invalid endpoint"):
            raise
        raise AwsUnreachable(str(error)) from error


def of_service(error: ClientError, where: str | None) -> AvflowError:
    """Our error for what a service has refused; `where` is the Region."""
    found: Mapping[str, Any] = error.response.get("Error", {})
    code, message = str(found.get("Code", "")), str(found.get("Message") or "")
    if code in EXPIRED:
        return CredentialsUnusable(
            "Your credentials have expired.", "Run `aws sso login`, or get new ones as you got these."
        )
    if code in WRONG_KEY:
        advice = f"{CredentialsUnusable.advice} A Region that is not enabled in the account refuses them, too."
        return CredentialsUnusable(f"AWS does not take your credentials in {where} ({code}).", advice)
    if code in DENIED or code == "403":
        action = _ACTION.search(message)
        what = action[1] if action else _action(error)
        return AccessRefused(
            f"Your credentials may not do {what}.", "Ask for this permission, or use others: --profile NAME."
        )
    if code in ("PermanentRedirect", "AuthorizationHeaderMalformed", "IllegalLocationConstraintException", "301"):
        return RegionUnknown(f"The bucket is not in {where}.")
    if code in _THROTTLED:
        return AwsUnreachable(f"AWS is busy: {error.operation_name} was throttled.", "Try again in a minute.")
    return AwsRefused(f"{error.operation_name}: {code}: {message}".rstrip(": "))


def _action(error: ClientError) -> str:
    """The action of a refusal that doesn't name it: S3's and those without a message."""
    host = str(error.response.get("ResponseMetadata", {}).get("HTTPHeaders", {}).get("server", ""))
    return f"s3:{error.operation_name}" if host == "AmazonS3" else error.operation_name


def of_client(error: BotoCoreError) -> AvflowError:
    """Our error for a request that got no answer."""
    if isinstance(error, ProfileNotFound):
        return CredentialsUnusable(f"{error}.", "`aws configure list-profiles` shows the profiles that there are.")
    if isinstance(error, NoRegionError):
        return RegionUnknown("No Region is named.")
    if isinstance(error, NoCredentialsError):
        return CredentialsUnusable("There are no credentials for AWS.")
    if isinstance(error, (EndpointConnectionError, ConnectTimeoutError, ReadTimeoutError, HTTPClientError)):
        return AwsUnreachable(str(error))
    if "token" in type(error).__name__.lower() or "sso" in type(error).__name__.lower():
        return CredentialsUnusable(f"{error}", "Run `aws sso login`.")
    return AwsRefused(str(error))
