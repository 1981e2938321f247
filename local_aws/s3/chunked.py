"""Reads request bodies in blocks, and decodes `aws-chunked` bodies.

Formats: Amazon S3 API Reference, "Signature Calculations for the Authorization Header: Transferring Payload in
Multiple Chunks" and "… Including Trailing Headers".
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Protocol

from local_aws.s3.errors import S3Error

BLOCK = 1 << 20
_LINE = 8192
_CHUNK = re.compile(rb"([0-9a-fA-F]{1,16})(?:;chunk-signature=([0-9a-fA-F]*))?\s*")
_TRAILER_SIGNATURE = "x-amz-trailer-signature"
#: beginning of x-amz-content-sha256 where each chunk is signed
SIGNED_CHUNKS = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"


class Readable(Protocol):
    """The methods that WSGI requires of `wsgi.input`."""

    def read(self, size: int, /) -> bytes: ...
    def readline(self, size: int, /) -> bytes: ...


class ChunkSigner(Protocol):
    """The signature of the request, from which those of its chunks follow."""

    @property
    def seed(self) -> str: ...
    def chunk(self, previous: str, digest: str) -> str: ...
    def trailer(self, previous: str, headers: bytes) -> str: ...


class _ChunkSignatures:
    """Compares the signatures of the chunks of a payload, one after the other."""

    def __init__(self, signer: ChunkSigner) -> None:
        self._signer, self._previous = signer, signer.seed

    def compare_chunk(self, digest: str, stated: str) -> None:
        """Raise `SignatureDoesNotMatch` if this is not the signature of the next chunk."""
        self._compare(self._signer.chunk(self._previous, digest), stated)

    def compare_trailer(self, headers: bytes, stated: str) -> None:
        """Raise `SignatureDoesNotMatch` if this is not the signature of the trailing headers."""
        self._compare(self._signer.trailer(self._previous, headers), stated)

    def _compare(self, right: str, stated: str) -> None:
        if not hmac.compare_digest(right.encode(), stated.encode()):
            raise S3Error("SignatureDoesNotMatch")
        self._previous = right


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
    fewer bytes than it announced, and `SignatureDoesNotMatch` if chunks are signed, by `signer`, and a signature is
    another one. After the iteration, `trailers` holds the trailing headers.
    """

    def __init__(
        self, stream: Readable, headers: Mapping[str, str], terminated: bool, signer: ChunkSigner | None = None
    ) -> None:
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
        signed = headers.get("x-amz-content-sha256", "").startswith(SIGNED_CHUNKS)
        self._signatures = _ChunkSignatures(signer) if signer and signed else None
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
        size, signature = self._chunk_head()
        while size:
            digest = hashlib.sha256() if self._signatures else None
            while size:
                block = self._stream.read(min(BLOCK, size))
                if not block:
                    raise S3Error("IncompleteBody")
                size -= len(block)
                if digest:
                    digest.update(block)
                yield block
            if digest and self._signatures:
                self._signatures.compare_chunk(digest.hexdigest(), signature)
            if self._stream.readline().strip():
                raise S3Error("InvalidRequest", "A chunk of the aws-chunked body is longer than it announces.")
            size, signature = self._chunk_head()
        if self._signatures:
            self._signatures.compare_chunk(hashlib.sha256().hexdigest(), signature)
        self._read_trailers()

    def _read_trailers(self) -> None:
        while (pair := self._trailer())[0]:
            self.trailers[pair[0]] = pair[1]
        if not self._signatures or not self.trailers:
            return
        # S3's documentation puts an empty line before the signature, and SDKs do not
        stated = self.trailers.pop(_TRAILER_SIGNATURE, None) or dict([self._trailer()]).get(_TRAILER_SIGNATURE, "")
        signed = "".join(f"{name}:{value}\n" for name, value in self.trailers.items())
        self._signatures.compare_trailer(signed.encode("latin-1"), stated)

    def _trailer(self) -> tuple[str, str]:
        """The name and the value of the next trailing header; empty texts at the end."""
        name, _, value = self._stream.readline().strip().decode("latin-1").partition(":")
        return name.strip().lower(), value.strip()

    def _chunk_head(self) -> tuple[int, str]:
        """The size of the next chunk, 0 after the last one, and its signature."""
        line = self._stream.readline()
        head = _CHUNK.fullmatch(line)
        if head is None:
            code = "InvalidRequest" if line else "IncompleteBody"
            raise S3Error(code, f"This does not begin an aws-chunked chunk: {line[:40]!r}.")
        return int(head[1], 16), (head[2] or b"").decode()
