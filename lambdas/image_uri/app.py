"""Custom resource: finds the image, by digest, of a published version of a function.

`sam deploy` builds and pushes images only for functions. The Batch job definitions get their image from this resource.
AWS CloudFormation User Guide, "Custom resource request/response objects".
"""

from __future__ import annotations

import json
import urllib.request
from typing import Any

from .images import image_of


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
