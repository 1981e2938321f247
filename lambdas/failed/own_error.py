"""What the failed step itself left in the bucket about its failure."""

from __future__ import annotations

import json
from typing import Any

from .failure import is_own, own_error_keys


def own_error(s3: Any, video: dict[str, Any], error: dict[str, str]) -> dict[str, str] | None:
    """The step's own error, message and advice; None where it could leave none, as after a crash."""
    for key in own_error_keys(video["execution"], error):
        try:
            found: dict[str, str] = json.loads(s3.get_object(Bucket=video["bucket"], Key=key)["Body"].read())
        except s3.exceptions.NoSuchKey:
            continue
        if is_own(error, found):
            return found
    return None
