"""What a failed run leaves in `result/`: its report and nothing else, or complete results and no report.

The Merge step writes the manifest last, and then looks for an error report: if it finds one, it takes its results back.
The reporter writes the report first, and then looks for a manifest. So whichever of the two comes later sees what the
other one has written (Amazon S3 User Guide, "Amazon S3 data consistency model"), also if somebody stops an execution
whose Merge function goes on.
"""

from __future__ import annotations

import json
from typing import Any

from botocore.exceptions import ClientError

from .answering import is_refusal

MANIFEST = ".json"
ERROR_REPORT = ".error.json"
#: the other results; a test compares them with avflow.workflow.layout, which is not in this function's package
SUFFIXES = (
    ".avi",
    ".mp4",
    ".detections.jsonl",
    ".srt",
    ".vtt",
    ".txt",
    ".transcript.json",
    ".jpg",
    ".contact.jpg",
    ".html",
)


def settle(s3: Any, bucket: str, base: str, execution: str) -> None:
    """Remove results that have no manifest. If the results of this very execution are complete, remove its report.

    Complete results of an earlier version of the upload stay.
    """
    manifest = _manifest(s3, bucket, base + MANIFEST)
    if manifest is None:
        for key in (base + suffix for suffix in SUFFIXES):
            if _exists(s3, bucket, key):  # else a versioned bucket would get a delete marker
                s3.delete_object(Bucket=bucket, Key=key)
    elif manifest.get("execution") == execution:
        s3.delete_object(Bucket=bucket, Key=base + ERROR_REPORT)


def _manifest(s3: Any, bucket: str, key: str) -> dict[str, Any] | None:
    """The manifest; {} if it is not one, None if it is missing."""
    try:
        found = json.loads(s3.get_object(Bucket=bucket, Key=key)["Body"].read())
    except ClientError as error:
        if is_refusal(error):
            return None
        raise
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _exists(s3: Any, bucket: str, key: str) -> bool:
    try:
        s3.head_object(Bucket=bucket, Key=key)
    except ClientError as error:
        if is_refusal(error):
            return False
        raise
    return True
