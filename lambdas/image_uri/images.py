"""The image of a function's version, also while IAM does not know the caller's role everywhere yet."""

from __future__ import annotations

import time

import boto3
from botocore.exceptions import ClientError

#: how long a new role's policies may not count yet (aws/aws-cdk#37675)
PATIENCE_SECONDS = 60.0
#: between the first two tries; the wait doubles up to `LONGEST_WAIT_SECONDS`
FIRST_WAIT_SECONDS, LONGEST_WAIT_SECONDS = 1.0, 10.0
#: as services name what IAM does not allow
DENIED = ("AccessDeniedException", "AccessDenied")


def image_of(version: str) -> str:
    """The URI of a version's image. CloudFormation calls as soon as the role is there, before IAM knows it everywhere.

    Raises
    ------
    ClientError
        Lambda refuses the call; a denial after `PATIENCE_SECONDS`.
    """
    until, wait = time.monotonic() + PATIENCE_SECONDS, FIRST_WAIT_SECONDS
    while True:
        try:
            # a client of its own for each try: its credentials are read anew
            uri: str = boto3.client("lambda").get_function(FunctionName=version)["Code"]["ResolvedImageUri"]
            return uri
        except ClientError as error:
            if error.response["Error"]["Code"] not in DENIED or time.monotonic() + wait > until:
                raise
        time.sleep(wait)
        wait = min(2 * wait, LONGEST_WAIT_SECONDS)
