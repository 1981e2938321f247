"""Conditional requests and byte ranges (RFC 9110, sections 13 and 14, as far as S3 follows them)."""

from __future__ import annotations

import re
from collections.abc import Mapping

from local_aws.s3.errors import S3Error
from local_aws.s3.index import Condition, Version
from local_aws.s3.messages import parse_http_date

_RANGE = re.compile(r"bytes=(\d*)-(\d*)")


def _names(header: str, etag: str) -> bool:
    tags = [tag.strip().removeprefix("W/").strip('"') for tag in header.split(",")]
    return "*" in tags or etag in tags


def _failed(header: str) -> S3Error:
    return S3Error("PreconditionFailed", fields={"Condition": header})


def check_read(headers: Mapping[str, str], version: Version, prefix: str = "") -> None:
    """Check the request's conditions for a version that is to be read.

    Parameters
    ----------
    prefix:
        For CopyObject `x-amz-copy-source-`; there each failure is `PreconditionFailed`.

    Raises
    ------
    S3Error
        `PreconditionFailed` or `NotModified`.
    """
    match, none_match = headers.get(f"{prefix}if-match"), headers.get(f"{prefix}if-none-match")
    modified = float(int(version.modified))
    if match is not None:
        if not _names(match, version.etag):
            raise _failed("If-Match")
    elif (since := parse_http_date(headers.get(f"{prefix}if-unmodified-since", ""))) and modified > since:
        raise _failed("If-Unmodified-Since")
    unchanged = False
    if none_match is not None:
        unchanged = _names(none_match, version.etag)
    elif since := parse_http_date(headers.get(f"{prefix}if-modified-since", "")):
        unchanged = modified <= since
    if unchanged:
        raise _failed("If-None-Match") if prefix else S3Error("NotModified", headers={"ETag": f'"{version.etag}"'})


def write_condition(headers: Mapping[str, str]) -> Condition:
    """The condition of `If-Match` and `If-None-Match: *` on the object that a write replaces."""
    match, none_match = headers.get("if-match"), headers.get("if-none-match")
    if none_match not in (None, "*"):
        raise S3Error("NotImplemented", "If-None-Match of a write must be `*`.")

    def check(current: Version | None) -> None:
        if none_match and current is not None:
            raise _failed("If-None-Match")
        if match is not None:
            if current is None:
                raise S3Error("NoSuchKey")
            if not _names(match, current.etag):
                raise _failed("If-Match")

    return check


def byte_range(header: str | None, size: int) -> tuple[int, int] | None:
    """The bytes `[start, end)` of a Range header; None if it means the whole object or is not valid.

    Raises
    ------
    S3Error
        `InvalidRange`: none of the bytes exists.
    """
    found = _RANGE.fullmatch(header.replace(" ", "")) if header else None
    if header is None or not found or found[0] == "bytes=-":
        return None
    first, last = found[1], found[2]
    if not first:
        start, end = max(size - int(last), 0), size
    else:
        start, end = int(first), min(int(last) + 1, size) if last else size
        if last and int(last) < start:
            return None
    if start >= size or (not first and int(last) == 0):
        fields = {"RangeRequested": header, "ActualObjectSize": str(size)}
        raise S3Error("InvalidRange", fields=fields, headers={"Content-Range": f"bytes */{size}"})
    return start, end
