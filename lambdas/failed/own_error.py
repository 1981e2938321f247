"""What the bucket says about a failure: the error that the step left, and whether the upload is still current."""

from __future__ import annotations

import json
from typing import Any

from botocore.exceptions import ClientError

from .failure import is_own, own_error_keys


def own_error(
    s3: Any, video: dict[str, Any], errors: list[dict[str, str]]
) -> tuple[dict[str, str], dict[str, Any] | None]:
    """The one of `errors` that ended the execution, and the error that its step left: error, message and advice.

    If no step left one, as after a crash: the first of `errors`, and None.
    """
    for key in own_error_keys(video["execution"], errors[0]):
        try:
            found: dict[str, Any] = json.loads(s3.get_object(Bucket=video["bucket"], Key=key)["Body"].read())
        except s3.exceptions.NoSuchKey:
            continue
        for error in errors:
            if is_own(error, found):
                return error, found
    return errors[0], None


def is_current(s3: Any, video: dict[str, Any]) -> bool:
    """Whether this version of the upload is still the newest, or the upload no longer exists."""
    if not video.get("version_id"):
        return True
    try:
        newest = s3.head_object(Bucket=video["bucket"], Key=video["key"]).get("VersionId")
    except ClientError:
        return True
    return newest in (video["version_id"], None)
