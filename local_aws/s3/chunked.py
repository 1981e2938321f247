"""Reads request bodies in blocks, and decodes `aws-chunked` bodies.

Formats: Amazon S3 API Reference, "Signature Calculations for the Authorization Header: Transferring Payload in
Multiple Chunks" and "… Including Trailing Headers". The signatures of chunks are ignored.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Protocol

from local_aws.s3.errors import S3Error

BLOCK = 1 << 20
_LINE = 8192


class Readable(Protocol):
    """The methods that WSGI requires of `wsgi.input`."""

    def read(self, size: int, /) -> bytes: ...
    def readline(self, size: int, /) -> bytes: ...


class _Bounded:
    """At most `length` bytes of a stream without an end (a connection); if None, the stream ends by itself."""

    def __init__(self, stream: Readable, length: int | None) -> None:
        self._stream = stream
        self._left = length

    def read(self, size: int) -> bytes:
        return self._take(self._stream.read, size)

    def readline(self) -> bytes:
        return self._take(self._stream.readline, _LINE)

    def _take(self, read: Callable[[int], bytes], size: int) -> bytes:
        if self._left is not None:
            size = min(size, self._left)
        try:
            data = read(size) if size else b""
        except OSError as error:  # the client disconnected, or its Transfer-Encoding is broken
            raise S3Error("IncompleteBody") from error
        if self._left is not None:
            self._left -= len(data)
            if size and not data:
                raise S3Error("IncompleteBody")
        return data


class Body:
    """A request's payload.

    An iteration yields its decoded bytes in blocks of at most 1 MiB. It raises `IncompleteBody` if the client sends
    fewer bytes than it announced. After the iteration, `trailers` holds the trailing headers.
    """

    def __init__(self, stream: Readable, headers: Mapping[str, str], terminated: bool) -> None:
        length = headers.get("content-length")
        if length is None and not terminated:
            raise S3Error("MissingContentLength")
        if length is not None and not length.isdigit():
            raise S3Error("InvalidArgument", f"Content-Length is not a number: {length!r}.")
        self.trailers: dict[str, str] = {}
        self._stream = _Bounded(stream, None if terminated else int(length or 0))
        self._aws_chunked = headers.get("x-amz-content-sha256", "").startswith("STREAMING-") or "aws-chunked" in (
            headers.get("content-encoding", "")
        )
        decoded = headers.get("x-amz-decoded-content-length", "")
        self._announced = int(decoded) if self._aws_chunked and decoded.isdigit() else None

    def __iter__(self) -> Iterator[bytes]:
        received = 0
        for block in self._chunks() if self._aws_chunked else self._plain():
            received += len(block)
            yield block
        if self._announced is not None and received != self._announced:
            raise S3Error("IncompleteBody")

    def _plain(self) -> Iterator[bytes]:
        while block := self._stream.read(BLOCK):
            yield block

    def _chunks(self) -> Iterator[bytes]:
        while size := self._chunk_size():
            while size:
                block = self._stream.read(min(BLOCK, size))
                if not block:
                    raise S3Error("IncompleteBody")
                size -= len(block)
                yield block
            if self._stream.readline().strip():
                raise S3Error("InvalidRequest", "A chunk of the aws-chunked body is longer than it announces.")
        while line := self._stream.readline().strip():
            name, _, value = line.decode("latin-1").partition(":")
            self.trailers[name.strip().lower()] = value.strip()

    def _chunk_size(self) -> int:
        line = self._stream.readline()
        try:
            return int(line.partition(b";")[0], 16)
        except ValueError:
            code = "InvalidRequest" if line else "IncompleteBody"
            raise S3Error(code, f"This does not begin an aws-chunked chunk: {line[:40]!r}.") from None
