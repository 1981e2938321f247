"""The WSGI application: which operation a request means, and its answer or error document."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable, Iterable
from http import HTTPStatus
from pathlib import Path
from typing import Any

from local_aws.s3 import bucket_operations as buckets
from local_aws.s3 import list_operations as lists
from local_aws.s3 import multipart_operations as multipart
from local_aws.s3 import object_operations as objects
from local_aws.s3 import xmlio
from local_aws.s3.errors import S3Error
from local_aws.s3.messages import Request, Response
from local_aws.s3.service import ObjectCreated, Service, ignore
from local_aws.s3.store import Store

_log = logging.getLogger(__name__)
Operation = Callable[[Service, Request], Response]

#: (method, bucket or object, the query parameter that names the operation, if one does)
_OPERATIONS: dict[tuple[str, str, str], Operation] = {
    ("GET", "service", ""): buckets.list_buckets,
    ("PUT", "bucket", ""): buckets.create_bucket,
    ("HEAD", "bucket", ""): buckets.head_bucket,
    ("DELETE", "bucket", ""): buckets.delete_bucket,
    ("GET", "bucket", "location"): buckets.get_location,
    ("GET", "bucket", ""): lists.list_objects,
    ("GET", "bucket", "list-type"): lists.list_objects_v2,
    ("GET", "bucket", "versions"): lists.list_object_versions,
    ("GET", "bucket", "uploads"): lists.list_multipart_uploads,
    ("POST", "bucket", "delete"): objects.delete_objects,
    ("PUT", "object", ""): objects.put_object,
    ("PUT", "object", "copy"): objects.copy_object,
    ("GET", "object", ""): objects.get_object,
    ("HEAD", "object", ""): objects.get_object,
    ("DELETE", "object", ""): objects.delete_object,
    ("GET", "object", "tagging"): objects.get_object_tagging,
    ("PUT", "object", "tagging"): objects.put_object_tagging,
    ("DELETE", "object", "tagging"): objects.delete_object_tagging,
    ("POST", "object", "uploads"): multipart.create_multipart_upload,
    ("PUT", "object", "uploadId"): multipart.upload_part,
    ("PUT", "object", "uploadId copy"): multipart.upload_part_copy,
    ("GET", "object", "uploadId"): multipart.list_parts,
    ("POST", "object", "uploadId"): multipart.complete_multipart_upload,
    ("DELETE", "object", "uploadId"): multipart.abort_multipart_upload,
}
for _document in buckets.DOCUMENTS:
    _OPERATIONS["GET", "bucket", _document.name] = _document.get
    _OPERATIONS["PUT", "bucket", _document.name] = _document.put
    if _document.name in buckets.DELETABLE:
        _OPERATIONS["DELETE", "bucket", _document.name] = _document.delete

#: Query parameters that don't name an operation. A name in neither set names one that isn't served.
_PARAMETERS = frozenset(
    {
        "awsaccesskeyid",
        "bucket-region",
        "continuation-token",
        "delimiter",
        "encoding-type",
        "expires",
        "fetch-owner",
        "key-marker",
        "marker",
        "max-buckets",
        "max-keys",
        "max-parts",
        "max-uploads",
        "part-number-marker",
        "partnumber",
        "prefix",
        "signature",
        "start-after",
        "upload-id-marker",
        "version-id-marker",
        "versionid",
    }
)


def _is_parameter(name: str) -> bool:
    lower = name.lower()
    return lower in _PARAMETERS or lower.startswith(("x-amz-", "x-id", "response-"))


class S3App:
    """S3 as a WSGI application, path-style (`/bucket/key`), its objects in files under `root`.

    Requests are not authenticated: signatures are read over. `on_object_created` is called in the request's thread
    once a new object can be read, for buckets whose notification configuration has EventBridge turned on.

    Raises
    ------
    RuntimeError
        Another S3App has `root` open.
    """

    def __init__(self, root: Path, on_object_created: Callable[[ObjectCreated], None] = ignore) -> None:
        self._store = Store(root)
        self._service = Service(self._store, on_object_created)

    def close(self) -> None:
        """Give `root` back."""
        self._store.close()

    def handles(self, environ: dict[str, Any]) -> bool:
        """Whether a request is S3's: signed for `s3`, or unsigned and for a bucket that exists."""
        request = Request(environ)
        credential = request.headers.get("authorization", "") or request.query.get("X-Amz-Credential", "")
        if credential.startswith("AWS ") or "AWSAccessKeyId" in request.query:  # the signature's version 2: S3 only
            return True
        if credential:
            s3_control = request.bucket == "v20180820" or "x-amz-account-id" in request.headers
            return "/s3/aws4_request" in credential and not s3_control
        if "x-amz-target" in request.headers:
            return False
        with self._store.transaction() as tx:
            return tx.row("SELECT 1 FROM buckets WHERE name = ?", request.bucket) is not None

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        request = Request(environ)
        try:
            response = _operation(request)(self._service, request)
        except S3Error as error:
            response = _error(request, error)
        except Exception:
            _log.exception("S3 %s %s failed", request.method, environ["PATH_INFO"])
            response = _error(request, S3Error("InternalError"))
        headers = {"x-amz-request-id": uuid.uuid4().hex[:16].upper()} | response.headers
        if isinstance(response.body, bytes):
            if response.status not in (204, 304):
                headers.setdefault("Content-Length", str(len(response.body)))
            if response.body:
                headers.setdefault("Content-Type", "application/xml")
        start_response(
            f"{response.status} {HTTPStatus(response.status).phrase}",
            [(name, _header(value)) for name, value in headers.items()],
        )
        if request.method == "HEAD":
            return []
        return [response.body] if isinstance(response.body, bytes) else response.body


def _operation(request: Request) -> Operation:
    level = "object" if request.key else "bucket" if request.bucket else "service"
    names = sorted({name for name in request.query if not _is_parameter(name)})
    if level == "object" and request.method == "PUT" and "x-amz-copy-source" in request.headers:
        names.append("copy")
    operation = _OPERATIONS.get((request.method, level, " ".join(names)))
    if operation is None:
        what = f"{request.method} {level}" + (f" with ?{'&'.join(names)}" if names else "")
        raise S3Error("NotImplemented", f"The embedded S3 does not implement {what}.")
    return operation


def _header(value: str) -> str:
    """A value that may have come from a query, as HTTP can carry it: one line, in latin-1 or else in UTF-8."""
    line = value.replace("\r", " ").replace("\n", " ")
    try:
        line.encode("latin-1")
    except UnicodeEncodeError:
        return line.encode().decode("latin-1")
    return line


def _error(request: Request, error: S3Error) -> Response:
    if request.method == "HEAD" or error.status == 304:
        return Response(error.status, error.headers)
    resource = "/" + "/".join(filter(None, (request.bucket, request.key)))
    fields = [*error.fields.items(), ("Resource", resource)]
    return Response(error.status, error.headers, xmlio.error_document(error.code, error.message, fields))
