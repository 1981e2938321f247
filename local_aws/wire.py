"""HTTP responses in the forms that AWS's SDKs expect, and helpers that read WSGI requests."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any
from wsgiref.types import StartResponse, WSGIEnvironment

#: a request, as WSGI hands it over
Environ = WSGIEnvironment


class ServiceError(Exception):
    """An error response: AWS's error code, the message, and the HTTP status."""

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
    def of_json(cls, value: object, status: int = 200, **headers: str) -> Reply:
        """A JSON document."""
        return cls(json.dumps(value, default=str).encode(), status, headers)

    @classmethod
    def of_error(cls, error: ServiceError) -> Reply:
        """An error in AWS's JSON protocols, which name its code in the header and in the body."""
        body = {"__type": error.code, "code": error.code, "message": error.message, "Message": error.message}
        return cls(json.dumps(body).encode(), error.status, {"x-amzn-errortype": error.code})

    def send(self, start_response: StartResponse) -> Iterable[bytes]:
        """Send the response from a WSGI application."""
        headers = {
            "Content-Type": "application/json",
            "x-amzn-RequestId": str(uuid.uuid4()),
            **self.headers,
            "Content-Length": str(len(self.body)),
        }
        start_response(f"{self.status} {HTTPStatus(self.status).phrase}", list(headers.items()))
        return [self.body]


def read_body(environ: Environ) -> bytes:
    """The whole body of the request."""
    body: bytes = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    return body


def read_json(environ: Environ) -> dict[str, Any]:
    """The body of a request in one of AWS's JSON protocols; an empty body is an empty object.

    Raises
    ------
    ServiceError
        SerializationException: it is not a JSON object.
    """
    try:
        document = json.loads(read_body(environ) or b"{}")
    except (ValueError, RecursionError) as error:
        raise ServiceError("SerializationException", f"The request is not JSON: {error}") from error
    if not isinstance(document, dict):
        raise ServiceError("SerializationException", "The request is not a JSON object.")
    return document
