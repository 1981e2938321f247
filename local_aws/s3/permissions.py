"""Who may do what: the actions that a request needs (Service Authorization Reference, "Actions, resources, and
condition keys for Amazon S3"), judged by the policies of the caller's role and of the bucket.

The account's user may do all that no policy of the bucket denies.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NoReturn
from urllib.parse import unquote

from local_aws.iam import ROLE
from local_aws.iam.policies import Asked, Policy, Verdict, judge
from local_aws.names import ACCOUNT, PARTITION
from local_aws.s3.errors import S3Error
from local_aws.s3.messages import Request
from local_aws.s3.store import Store

_USER = f"arn:{PARTITION}:iam::{ACCOUNT}:root"
_MISSING = ("NoSuchKey", "NoSuchVersion")
#: operations whose action has another name
_ACTIONS = {
    "HeadObject": "GetObject",
    "CopyObject": "PutObject",
    "CreateMultipartUpload": "PutObject",
    "UploadPart": "PutObject",
    "UploadPartCopy": "PutObject",
    "CompleteMultipartUpload": "PutObject",
    "DeleteObjects": "DeleteObject",
    "ListParts": "ListMultipartUploadParts",
    "ListObjects": "ListBucket",
    "ListObjectsV2": "ListBucket",
    "HeadBucket": "ListBucket",
    "ListObjectVersions": "ListBucketVersions",
    "ListMultipartUploads": "ListBucketMultipartUploads",
    "ListBuckets": "ListAllMyBuckets",
}
#: actions on a version of an object, which have names of their own
_OF_VERSIONS = {
    "GetObject": "GetObjectVersion",
    "DeleteObject": "DeleteObjectVersion",
    "GetObjectTagging": "GetObjectVersionTagging",
    "PutObjectTagging": "PutObjectVersionTagging",
    "DeleteObjectTagging": "DeleteObjectVersionTagging",
}


class Permissions:
    """Judges requests to S3."""

    def __init__(self, store: Store, policies: Callable[[str], Sequence[Policy]]) -> None:
        self._store, self._policies = store, policies

    def require(self, request: Request, operation: str) -> None:
        """Raise `AccessDenied` unless the caller may do everything that the operation does."""
        for action, bucket, key in _needed(request, operation):
            if not self._may(request, action, bucket, key):
                _deny()

    def hide(self, request: Request, error: S3Error) -> S3Error:
        """The error that the caller is told: nobody learns that an object is missing who may not list the bucket.

        Amazon S3 API Reference, "GetObject", permissions.
        """
        if error.code in _MISSING and not self._may(request, "ListBucket", request.bucket, ""):
            return S3Error("AccessDenied", headers=error.headers)
        return error

    def _may(self, request: Request, action: str, bucket: str, key: str) -> bool:
        role = request.environ.get(ROLE)
        resource = f"arn:{PARTITION}:s3:::{bucket}" + (f"/{key}" if key else "") if bucket else "*"
        # requests do not leave this machine, so they count as if TLS protected them
        asked = Asked(f"s3:{action}", resource, role or _USER, {"aws:securetransport": "true"})
        of_bucket = judge(self._of_bucket(bucket), asked)
        if of_bucket is Verdict.DENY:
            return False
        if role is None or of_bucket is Verdict.ALLOW:
            return role is None or judge(self._policies(role), asked) is not Verdict.DENY
        return judge(self._policies(role), asked) is Verdict.ALLOW

    def _of_bucket(self, bucket: str) -> list[Policy]:
        with self._store.transaction() as tx:
            row = tx.row("SELECT body FROM documents WHERE bucket = ? AND name = 'policy'", bucket)
        return [] if row is None else [Policy.of(bytes(row["body"]).decode())]


def _deny() -> NoReturn:
    raise S3Error("AccessDenied")


def _needed(request: Request, operation: str) -> Iterator[tuple[str, str, str]]:
    """(action, bucket, key) of all that an operation does."""
    action = _ACTIONS.get(operation, operation)
    if request.query.get("versionId"):
        action = _OF_VERSIONS.get(action, action)
    # of DeleteObjects, the keys are in the body: the caller must be allowed to delete all objects
    key = "*" if operation == "DeleteObjects" else request.key
    yield action, request.bucket, key
    if operation in ("PutObject", "CreateMultipartUpload", "CopyObject") and "x-amz-tagging" in request.headers:
        yield "PutObjectTagging", request.bucket, key
    if operation in ("CopyObject", "UploadPartCopy"):
        path, _, query = request.headers["x-amz-copy-source"].partition("?")
        bucket, _, source = unquote(path).removeprefix("/").partition("/")
        yield "GetObjectVersion" if query else "GetObject", bucket, source
