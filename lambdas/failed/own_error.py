"""What the bucket tells about a failure: the step's own words, and whether anybody still waits for them."""

from __future__ import annotations

import json
from typing import Any

from botocore.exceptions import ClientError

from .failure import is_own, own_error_keys


def own_error(s3: Any, video: dict[str, Any], error: dict[str, str]) -> dict[str, Any] | None:
    """The step's own error, message and advice; None where it could leave none, as after a crash."""
    for key in own_error_keys(video["execution"], error):
        try:
            found: dict[str, Any] = json.loads(s3.get_object(Bucket=video["bucket"], Key=key)["Body"].read())
        except s3.exceptions.NoSuchKey:
            continue
        if is_own(error, found):
            return found
    return None


def is_current(s3: Any, video: dict[str, Any]) -> bool:
    """Whether this version of the upload is still the newest, or none of them is left."""
    if not video.get("version_id"):
        return True
    try:
        newest = s3.head_object(Bucket=video["bucket"], Key=video["key"]).get("VersionId")
    except ClientError:
        return True
    return newest in (video["version_id"], None)
