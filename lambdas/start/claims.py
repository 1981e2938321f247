"""Give each upload a base for its results that no other upload has, and keep it for all its versions.

The base is claimed by an object `names/<path>/<name>` that holds the upload's key. It is written only if it does not
exist (Amazon S3 User Guide, "How to prevent object overwrites with conditional writes"), so of two uploads at once
exactly one gets the base. The other one takes its next candidate. A duplicate event or a retry finds its own claim.
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from typing import Any

from botocore.config import Config
from botocore.exceptions import ClientError

from .result_names import RESULT_PREFIX, candidates

#: the objects are small, the function has half a minute, and Lambda invokes it again if that does not suffice
CONFIG = Config(connect_timeout=3, read_timeout=5, retries={"mode": "standard", "max_attempts": 3})
NAMES_PREFIX = "names/"
#: results that name their upload: the manifest and the error report
REPORTS = (".json", ".error.json")
#: S3's answers to the loser of a conditional write: the object exists, or is being written
_LOST = ("PreconditionFailed", "ConditionalRequestConflict")
#: S3's answers for a missing object, with and without the permission to list the bucket
_MISSING = ("NoSuchKey", "404", "AccessDenied", "403")
_TRIES = 6


class NameNotClaimed(Exception):
    """A claim could neither be written nor read. Lambda invokes the function again, and then keeps the event."""


def claim_key(base: str) -> str:
    """`result/p/my_video` -> `names/p/my_video`."""
    return NAMES_PREFIX + base.removeprefix(RESULT_PREFIX)


def claim(s3: Any, bucket: str, key: str) -> str:
    """The base of the results of an upload: the first of its candidates that no other upload owns.

    Raises
    ------
    NameNotClaimed
        S3 did not settle a claim after several tries.
    """
    return next(base for base in candidates(key) if _owner(s3, bucket, base, key) == key)


def _owner(s3: Any, bucket: str, base: str, key: str) -> str | None:
    """The key that owns a base. It is `key` if nobody owned the base. None if a file of somebody else is there."""
    name = claim_key(base)
    for turn in range(_TRIES):
        claimed = _read(s3, bucket, name)
        if claimed is not None:
            return claimed.get("key") if isinstance(claimed, dict) else None
        owner = _owner_before_claims(s3, bucket, base, key)
        body = json.dumps({"key": owner}).encode()
        try:
            s3.put_object(Bucket=bucket, Key=name, Body=body, ContentType="application/json", IfNoneMatch="*")
            return owner
        except ClientError as error:
            if _code(error) not in _LOST:
                raise
        time.sleep(0.05 * 2**turn * bool(turn))  # the winner may not have finished
    raise NameNotClaimed(f"{name!r} in {bucket} could neither be written nor read")


def _owner_before_claims(s3: Any, bucket: str, base: str, key: str) -> str | None:
    """The key whose results already have this base, from a version of the workflow that claimed no names."""
    found = [_read(s3, bucket, base + suffix) for suffix in REPORTS]
    return owner_of([report for report in found if report is not None], key)


def owner_of(reports: Sequence[Any], key: str) -> str | None:
    """The upload whose results have a base, from the reports at this base: manifest, error report, in this order.

    It is `key` if there are none, or none names an upload. None if one of them is not a report of this workflow.
    A manifest counts more than an error report: the error may be a later upload's that never had results.
    """
    owners = [_named_in(report, key) for report in reports]
    if None in owners:
        return None
    manifests = [owner for report, owner in zip(reports, owners, strict=True) if "source" in report]
    return next((owner for owner in manifests or owners if owner != key), key)


def _named_in(report: Any, otherwise: str) -> str | None:
    """The key of the upload in a report; `otherwise` if it names none, None if it is no report."""
    if not isinstance(report, dict) or not {"schema", "execution"} <= report.keys():
        return None
    source, video = report.get("source"), report.get("video")
    if isinstance(source, dict) and isinstance(source.get("key"), str):
        return str(source["key"])
    if isinstance(video, str) and video.startswith("s3://"):
        return video.removeprefix("s3://").partition("/")[2]
    return otherwise


def _read(s3: Any, bucket: str, key: str) -> Any:
    """A JSON object. None if it does not exist, False if it is not JSON."""
    try:
        body: bytes = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
    except ClientError as error:
        if _code(error) in _MISSING:
            return None
        raise
    try:
        return json.loads(body)
    except ValueError:
        return False


def _code(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))
