"""Custom resource: finds the image, by digest, of a published version of a function.

`sam deploy` builds and pushes images only for functions. The Batch job definitions get their image from this resource.
AWS CloudFormation User Guide, "Custom resource request/response objects".
"""

from __future__ import annotations

import json
import time
import urllib.request
from typing import Any

import boto3
from botocore.exceptions import ClientError

#: how long a new role's policies may not count yet (aws/aws-cdk#37675)
PATIENCE_SECONDS = 60.0
#: between the first two tries; the wait doubles up to `LONGEST_WAIT_SECONDS`
FIRST_WAIT_SECONDS, LONGEST_WAIT_SECONDS = 1.0, 10.0
#: as services name what IAM does not allow
DENIED = ("AccessDeniedException", "AccessDenied")


def handler(event: dict[str, Any], context: Any) -> None:
    """Answer Create and Update with `Data.ImageUri`. Delete has nothing to undo."""
    version = event["ResourceProperties"]["FunctionVersion"]
    answer: dict[str, Any] = {"Status": "SUCCESS", "Data": {}}
    if event["RequestType"] != "Delete":
        try:
            answer["Data"] = {"ImageUri": image_of(version)}
        except Exception as error:  # CloudFormation must get an answer to any error, or it waits for an hour
            answer = {"Status": "FAILED", "Reason": f"No image of FunctionVersion {version}: {error}"}
    answer |= {key: event[key] for key in ("StackId", "RequestId", "LogicalResourceId")}
    answer["PhysicalResourceId"] = f"image-of-{event['LogicalResourceId']}"
    body = json.dumps(answer).encode()
    request = urllib.request.Request(event["ResponseURL"], body, {"Content-Type": ""}, method="PUT")  # noqa: S310
    urllib.request.urlopen(request, timeout=30)  # noqa: S310


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
