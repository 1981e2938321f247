"""Requests and responses, as the operations see them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from email.utils import formatdate, mktime_tz, parsedate_tz
from functools import cached_property
from typing import Any
from urllib.parse import parse_qsl

from local_aws.access.authenticator import VERIFIED
from local_aws.http_server import RAW_HEADERS
from local_aws.s3.chunked import Body
from local_aws.s3.errors import S3Error

_MAX_DOCUMENT = 16 << 20
_MAX_KEY = 1024


@dataclass(frozen=True)
class Request:
    """A request with the bucket in its path: the host is always this machine."""

    environ: Mapping[str, Any]

    @property
    def method(self) -> str:
        """`GET`, `PUT`, …"""
        return str(self.environ["REQUEST_METHOD"])

    @cached_property
    def _path(self) -> tuple[str, str]:
        path = self.environ["PATH_INFO"].encode("latin-1").decode("utf-8", "replace").removeprefix("/")
        bucket, _, key = path.partition("/")
        return bucket, key

    @property
    def bucket(self) -> str:
        """The bucket's name, "" for the service itself."""
        return self._path[0]

    @property
    def key(self) -> str:
        """The object's key, "" for the bucket itself."""
        return self._path[1]

    @cached_property
    def query(self) -> dict[str, str]:
        """The parameters of the query, decoded."""
        return dict(parse_qsl(self.environ.get("QUERY_STRING", ""), keep_blank_values=True))

    @cached_property
    def headers(self) -> dict[str, str]:
        """The headers; their names are in lower case."""
        if RAW_HEADERS in self.environ:
            return {name.lower(): value.replace("\r\n", "") for name, value in self.environ[RAW_HEADERS].items()}
        return {
            name.removeprefix("HTTP_").replace("_", "-").lower(): value
            for name, value in self.environ.items()
            if name.startswith("HTTP_") or (name in ("CONTENT_TYPE", "CONTENT_LENGTH") and value)
        }

    def body(self) -> Body:
        """The payload, which can be read once."""
        terminated = bool(self.environ.get("wsgi.input_terminated"))
        return Body(self.environ["wsgi.input"], self.headers, terminated, self.environ.get(VERIFIED))

    def document(self) -> bytes:
        """The whole payload, for documents; `EntityTooLarge` if it has more than 16 MiB."""
        if "content-length" not in self.headers and not self.environ.get("wsgi.input_terminated"):
            return b""
        document = bytearray()
        for block in self.body():
            document += block
            if len(document) > _MAX_DOCUMENT:
                raise S3Error("EntityTooLarge")
        stated = self.headers.get("x-amz-content-sha256", "")
        if len(stated) == 64 and hashlib.sha256(document).hexdigest() != stated.lower():
            raise S3Error("XAmzContentSHA256Mismatch")
        return bytes(document)

    def integer(self, name: str, default: int, least: int, most: int) -> int:
        """A number in the query; `InvalidArgument` if it is not from `least` to `most`."""
        text = self.query.get(name, str(default))
        if not (text.isascii() and text.isdigit() and least <= int(text) <= most):
            raise S3Error("InvalidArgument", f"{name} must be a number from {least} to {most}, not {text!r}.")
        return int(text)

    def check_key(self) -> None:
        """Raise `KeyTooLongError` if the key has more bytes than S3 allows."""
        if len(self.key.encode()) > _MAX_KEY:
            raise S3Error("KeyTooLongError")


@dataclass
class Response:
    """Status, headers and body."""

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes | Iterable[bytes] = b""


def http_date(seconds: float) -> str:
    """`Sun, 22 Nov 2026 11:16:58 GMT`."""
    return formatdate(seconds, usegmt=True)


def parse_http_date(text: str) -> float | None:
    """Seconds since 1970; None if the text is not a date, which HTTP says to ignore."""
    fields = parsedate_tz(text)
    return None if fields is None else float(mktime_tz(fields))
