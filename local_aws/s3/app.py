"""S3 as a WSGI application: finds the operation, runs it, and sends its response or an error document."""

from __future__ import annotations

import base64
import logging
import uuid
from collections.abc import Callable, Iterable, Sequence
from http import HTTPStatus
from pathlib import Path
from wsgiref.types import StartResponse, WSGIEnvironment

from local_aws.full_disk import is_full
from local_aws.iam.policies import Policy
from local_aws.iam.roles import policies_of
from local_aws.protocols import signed_service
from local_aws.s3 import xmlio
from local_aws.s3.errors import S3Error
from local_aws.s3.messages import Request, Response
from local_aws.s3.operations import find
from local_aws.s3.permissions import Permissions
from local_aws.s3.service import ObjectCreated, Service, ignore
from local_aws.s3.store import Store

_log = logging.getLogger(__name__)


class S3App:
    """S3 as a WSGI application, path-style (`/bucket/key`), with its objects in files under `root`.

    It does not authenticate requests: see `local_aws.access`. It calls `on_object_created` in the request's thread as
    soon as a new object can be read, for buckets whose notification configuration sends events to EventBridge.

    `policies` gives the policies of a role.

    Raises
    ------
    RuntimeError
        Another S3App uses `root`.
    """

    def __init__(
        self,
        root: Path,
        on_object_created: Callable[[ObjectCreated], None] = ignore,
        policies: Callable[[str], Sequence[Policy]] = policies_of,
    ) -> None:
        self._store = Store(root)
        self._service = Service(self._store, on_object_created)
        self._permissions = Permissions(self._store, policies)
        self._closed = False
        self._full = f"The disk on which the embedded S3 keeps its objects is full: {root}. Free space there."

    def close(self) -> None:
        """Release `root`; requests that are not answered yet fail."""
        self._closed = True
        self._store.close()

    def handles(self, environ: WSGIEnvironment) -> bool:
        """Whether a signed request is for S3, which alone still has signatures of version 2."""
        return signed_service(environ) in ("s3", "")

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        request, ids = Request(environ), _Ids()
        try:
            operation = find(request)
            self._permissions.require(request, operation.name)
            response = operation.handler(self._service, request)
        except S3Error as error:
            response = _error(request, self._permissions.hide(request, error), ids)
        except Exception as error:
            if full := is_full(error):
                _log.warning("S3 %s %s failed: %s", request.method, environ["PATH_INFO"], error)
            elif not self._closed:
                _log.exception("S3 %s %s failed", request.method, environ["PATH_INFO"])
            known = S3Error("InsufficientStorage", self._full) if full else S3Error("InternalError")
            response = _error(request, known, ids)
        headers = {"x-amz-request-id": ids.request, "x-amz-id-2": ids.host} | response.headers
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


class _Ids:
    """What names an answer and the host that gave it."""

    def __init__(self) -> None:
        self.request = uuid.uuid4().hex[:16].upper()
        self.host = base64.b64encode(uuid.uuid4().bytes).decode()


def _header(value: str) -> str:
    """A header's value on one line, in latin-1 or else in UTF-8; it may come from a query and hold anything."""
    line = value.replace("\r", " ").replace("\n", " ")
    try:
        line.encode("latin-1")
    except UnicodeEncodeError:
        return line.encode().decode("latin-1")
    return line


def _error(request: Request, error: S3Error, ids: _Ids) -> Response:
    if request.method == "HEAD" or error.status == 304:
        return Response(error.status, error.headers)
    resource = "/" + "/".join(filter(None, (request.bucket, request.key)))
    fields = [*error.fields.items(), ("Resource", resource), ("RequestId", ids.request), ("HostId", ids.host)]
    return Response(error.status, error.headers, xmlio.error_document(error.code, error.message, fields))
