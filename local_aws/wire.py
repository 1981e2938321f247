"""HTTP answers in the forms that AWS's SDKs expect, and a few helpers for WSGI."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

Environ = dict[str, Any]
StartResponse = Callable[..., Any]


class ServiceError(Exception):
    """An error that the service's client gets: AWS's code, its message, and the HTTP status."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.code, self.message, self.status = code, message, status


@dataclass(frozen=True)
class Reply:
    """An HTTP response."""

    body: bytes
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of_json(cls, value: Any, status: int = 200, **headers: str) -> Reply:
        """A JSON document."""
        return cls(json.dumps(value, default=str).encode(), status, headers)

    @classmethod
    def of_error(cls, error: ServiceError) -> Reply:
        """An error in AWS's JSON protocols; both the header's and the body's way of naming it."""
        body = {"__type": error.code, "code": error.code, "message": error.message, "Message": error.message}
        return cls(json.dumps(body).encode(), error.status, {"x-amzn-errortype": error.code})

    def send(self, start_response: StartResponse) -> Iterable[bytes]:
        """Send it as a WSGI application does."""
        headers = {
            "Content-Type": "application/json",
            "x-amzn-RequestId": str(uuid.uuid4()),
            **self.headers,
            "Content-Length": str(len(self.body)),
        }
        start_response(f"{self.status} {HTTPStatus(self.status).phrase}", list(headers.items()))
        return [self.body]


def read_body(environ: Environ) -> bytes:
    """The request's whole body."""
    return environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))


def signed_service(environ: Environ) -> str:
    """The service whose name the request's signature carries, or "" (SigV4: Credential=key/date/region/service/…)."""
    scope = environ.get("HTTP_AUTHORIZATION", "").partition("Credential=")[2].split(",")[0].split("/")
    return scope[3] if len(scope) == 5 else ""


def lower_first(value: Any, opaque: Iterable[str] = ()) -> Any:
    """CloudFormation's PascalCase keys as the camelCase of some APIs; below an `opaque` key nothing is renamed."""
    if isinstance(value, list):
        return [lower_first(item, opaque) for item in value]
    if not isinstance(value, dict):
        return value
    return {
        key[:1].lower() + key[1:]: item if key in opaque else lower_first(item, opaque) for key, item in value.items()
    }
