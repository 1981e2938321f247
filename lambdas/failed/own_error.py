"""What the bucket says about a failure: the error that the step left, and whether the upload is still current."""

from __future__ import annotations

import json
from typing import Any

from botocore.exceptions import ClientError

from .answering import is_refusal
from .failure import is_own, own_error_keys

#: S3's answers for a missing object, to those who may list the bucket and to this function's role, which may not
_MISSING = ("NoSuchKey", "AccessDenied")


def own_error(
    s3: Any, video: dict[str, Any], errors: list[dict[str, str]]
) -> tuple[dict[str, str], dict[str, Any] | None]:
    """The one of `errors` that ended the execution, and the error that its step left: error, message and advice.

    If no step left one, as after a crash: the first of `errors`, and None.
    """
    for key in own_error_keys(video["execution"], errors[0]):
        try:
            found: dict[str, Any] = json.loads(s3.get_object(Bucket=video["bucket"], Key=key)["Body"].read())
        except ClientError as error:
            if error.response.get("Error", {}).get("Code") in _MISSING:
                continue
            raise
        for candidate in errors:
            if is_own(candidate, found):
                return candidate, found
    return errors[0], None


def is_current(s3: Any, video: dict[str, Any]) -> bool:
    """Whether this version of the upload is still the newest, or the upload no longer exists."""
    if not video.get("version_id"):
        return True
    try:
        newest = s3.head_object(Bucket=video["bucket"], Key=video["key"]).get("VersionId")
    except ClientError as error:
        if is_refusal(error):
            return True
        raise
    return newest in (video["version_id"], None)
