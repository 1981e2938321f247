"""Digests of a payload: the MD5 of the ETag, and the checksums that the client states.

MD5, SHA-1, SHA-256 and CRC-32 are compared. CRC-32C and CRC-64/NVME are kept and returned as the client stated them,
because Python has no fast implementation of them.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import zlib
from collections.abc import Iterable, Mapping
from typing import Protocol

from local_aws.s3.errors import S3Error

PREFIX = "x-amz-checksum-"
ALGORITHMS = ("crc32", "crc32c", "crc64nvme", "sha1", "sha256")


class _Digest(Protocol):
    def update(self, data: bytes, /) -> None: ...
    def digest(self) -> bytes: ...


class _Crc32:
    def __init__(self) -> None:
        self._value = 0

    def update(self, data: bytes) -> None:
        self._value = zlib.crc32(data, self._value)

    def digest(self) -> bytes:
        return self._value.to_bytes(4, "big")


def _new(algorithm: str) -> _Digest | None:
    match algorithm:
        case "crc32":
            return _Crc32()
        case "sha1":
            return hashlib.sha1(usedforsecurity=False)
        case "sha256":
            return hashlib.sha256()
    return None


def composite(algorithm: str, parts: Iterable[str]) -> str | None:
    """The checksum of the parts' checksums, `base64-N`; None for an algorithm that is not computed here."""
    digest, values = _new(algorithm), list(parts)
    if digest is None:
        return None
    digest.update(b"".join(base64.b64decode(value) for value in values))
    return f"{base64.b64encode(digest.digest()).decode()}-{len(values)}"


class PayloadDigests:
    """Computes the digests of a payload that its headers state, and compares them at the end."""

    def __init__(self, headers: Mapping[str, str]) -> None:
        self._headers = headers
        self._md5 = hashlib.md5(usedforsecurity=False)
        announced = {name.strip().lower() for name in headers.get("x-amz-trailer", "").split(",")} | set(headers)
        names = [name for name in ALGORITHMS if PREFIX + name in announced]
        self._digests = {name: digest for name in names if (digest := _new(name))}
        payload = headers.get("x-amz-content-sha256", "")
        self._sha256 = hashlib.sha256() if len(payload) == 64 else None

    def update(self, block: bytes) -> None:
        """Add the next bytes of the payload."""
        self._md5.update(block)
        if self._sha256:
            self._sha256.update(block)
        for digest in self._digests.values():
            digest.update(block)

    @property
    def etag(self) -> str:
        """The MD5 in hexadecimal, without quotes."""
        return self._md5.hexdigest()

    def verify(self, trailers: Mapping[str, str]) -> dict[str, str]:
        """Compare all digests, and return the payload's checksums by algorithm, in base64.

        Raises
        ------
        S3Error
            `BadDigest`, `InvalidDigest` or `XAmzContentSHA256Mismatch`: a stated digest is not the payload's.
        """
        self._compare("content-md5", self._headers.get("content-md5"), self._md5.digest())
        if self._sha256 and self._sha256.hexdigest() != self._headers["x-amz-content-sha256"].lower():
            raise S3Error("XAmzContentSHA256Mismatch")
        stated = {
            name: value
            for name in ALGORITHMS
            if (value := trailers.get(PREFIX + name) or self._headers.get(PREFIX + name))
        }
        for name, value in stated.items():
            if digest := self._digests.get(name):
                self._compare(PREFIX + name, value, digest.digest())
        return stated

    @staticmethod
    def _compare(name: str, stated: str | None, computed: bytes) -> None:
        if stated is None:
            return
        try:
            value = base64.b64decode(stated, validate=True)
        except binascii.Error:
            value = b""
        if len(value) != len(computed):
            raise S3Error("InvalidDigest", f"{name} is not a digest in base64: {stated!r}.")
        if value != computed:
            raise S3Error("BadDigest", f"The {name} that you specified did not match what the server received.")
