"""AWS's protocols: which one a request uses, and the error documents of each.

Sources: Smithy 2.0, "AWS protocols"; Amazon S3 API Reference, "Error responses"; Amazon EC2 API Reference, "Error
codes".
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Mapping
from typing import Literal
from urllib.parse import parse_qsl
from xml.sax.saxutils import escape

from local_aws.wire import Environ, Reply

Protocol = Literal["json", "rest-json", "query", "ec2", "cbor", "s3"]

_PROTOCOLS: Mapping[str, Protocol] = {
    "s3": "s3",
    "s3express": "s3",
    "s3-object-lambda": "s3",
    "lambda": "rest-json",
    "batch": "rest-json",
    "ec2": "ec2",
}
#: the beginnings of the paths of services whose requests name an operation by the path
_REST_PATHS = ("/2015-03-31/", "/2017-", "/2019-", "/2020-", "/v1/")


def scope_of(environ: Environ) -> list[str]:
    """The credential of a signature version 4, `[key, date, region, service, "aws4_request"]`; else empty."""
    authorization: str = environ.get("HTTP_AUTHORIZATION", "")
    credential = authorization.partition("Credential=")[2].split(",")[0].strip()
    if not credential:
        credential = dict(parse_qsl(environ.get("QUERY_STRING", ""))).get("X-Amz-Credential", "")
    scope = credential.split("/")
    return scope if len(scope) == 5 else []


def signed_service(environ: Environ) -> str:
    """The service for which the request is signed, in lower case; "" if it is not signed by version 4."""
    scope = scope_of(environ)
    return scope[3].lower() if scope else ""


def protocol_of(environ: Environ) -> Protocol:
    """The protocol in which the client expects its answer; that of S3 if nothing tells."""
    service = signed_service(environ)
    kind = str(environ.get("CONTENT_TYPE", "")).partition(";")[0].strip().lower()
    if environ.get("HTTP_SMITHY_PROTOCOL") == "rpc-v2-cbor":
        return "cbor"
    if "HTTP_X_AMZ_TARGET" in environ or kind.startswith("application/x-amz-json"):
        return "json"
    if service in _PROTOCOLS:
        return _PROTOCOLS[service]
    if service or kind == "application/x-www-form-urlencoded":
        named = "Action" in dict(parse_qsl(environ.get("QUERY_STRING", "")))
        return "query" if named or kind == "application/x-www-form-urlencoded" else "json"
    return "rest-json" if str(environ.get("PATH_INFO", "")).startswith(_REST_PATHS) else "s3"


def is_json(environ: Environ) -> bool:
    """Whether the client expects an error's code to end in `Exception`, as the services with JSON have it."""
    return protocol_of(environ) in ("json", "rest-json", "cbor")


def error_reply(
    environ: Environ, code: str, message: str, status: int, fields: Mapping[str, str] | None = None
) -> Reply:
    """An error in the shape that the request's client expects; S3's document also has `fields`."""
    protocol, request_id = protocol_of(environ), str(uuid.uuid4())
    body, kind = _BODIES[protocol](code, message, request_id, fields or {})
    headers = {"Content-Type": kind, "x-amzn-RequestId": request_id, "x-amz-request-id": request_id}
    if protocol in ("json", "rest-json"):
        headers["x-amzn-errortype"] = code
    if protocol == "cbor":
        headers["smithy-protocol"] = "rpc-v2-cbor"
    return Reply(b"" if environ["REQUEST_METHOD"] == "HEAD" else body, status, headers)


def _json(code: str, message: str, request_id: str, fields: Mapping[str, str]) -> tuple[bytes, str]:
    return json.dumps({"__type": code, "message": message, "Message": message}).encode(), "application/x-amz-json-1.1"


def _rest_json(code: str, message: str, request_id: str, fields: Mapping[str, str]) -> tuple[bytes, str]:
    return json.dumps({"code": code, "message": message, "Message": message}).encode(), "application/json"


def _query(code: str, message: str, request_id: str, fields: Mapping[str, str]) -> tuple[bytes, str]:
    error = f"<Error><Type>Sender</Type>{_elements(Code=code, Message=message)}</Error>"
    return f"<ErrorResponse>{error}{_elements(RequestId=request_id)}</ErrorResponse>".encode(), "text/xml"


def _ec2(code: str, message: str, request_id: str, fields: Mapping[str, str]) -> tuple[bytes, str]:
    error = f"<Errors><Error>{_elements(Code=code, Message=message)}</Error></Errors>"
    return f"<Response>{error}{_elements(RequestID=request_id)}</Response>".encode(), "text/xml"


def _s3(code: str, message: str, request_id: str, fields: Mapping[str, str]) -> tuple[bytes, str]:
    inner = _elements(Code=code, Message=message, **fields, RequestId=request_id)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<Error>{inner}</Error>'.encode(), "application/xml"


def _elements(**texts: str) -> str:
    return "".join(f"<{name}>{escape(_printable(text))}</{name}>" for name, text in texts.items())


def _printable(text: str) -> str:
    """The text without characters that no XML document may have."""
    return "".join(character if character >= " " or character in "\t\n" else "?" for character in text)


def _cbor(code: str, message: str, request_id: str, fields: Mapping[str, str]) -> tuple[bytes, str]:
    pairs = {"__type": code, "message": message}
    body = bytes([0xA0 + len(pairs)]) + b"".join(_cbor_text(text) for pair in pairs.items() for text in pair)
    return body, "application/cbor"


def _cbor_text(text: str) -> bytes:
    """RFC 8949, major type 3, with a length of two bytes."""
    data = text.encode()[:0xFFFF]
    return b"\x79" + len(data).to_bytes(2, "big") + data


_BODIES: Mapping[Protocol, Callable[[str, str, str, Mapping[str, str]], tuple[bytes, str]]] = {
    "json": _json,
    "rest-json": _rest_json,
    "query": _query,
    "ec2": _ec2,
    "cbor": _cbor,
    "s3": _s3,
}
