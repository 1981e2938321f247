"""The attributes of an object: headers, user metadata and tags."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import parse_qsl

from local_aws.s3 import checksums, xmlio
from local_aws.s3.errors import S3Error
from local_aws.s3.index import NULL_VERSION, Version
from local_aws.s3.messages import Request, http_date

_KEPT = frozenset(
    {
        "cache-control",
        "content-disposition",
        "content-encoding",
        "content-language",
        "content-type",
        "expires",
        "x-amz-server-side-encryption",
        "x-amz-server-side-encryption-aws-kms-key-id",
        "x-amz-website-redirect-location",
    }
)
_DEFAULT_TYPE = "binary/octet-stream"
_MAX_TAGS = 10


def kept_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """The headers of a write that reads of the object return."""
    if "x-amz-server-side-encryption-customer-algorithm" in headers:
        raise S3Error("NotImplemented", "The embedded S3 does not encrypt with customer-provided keys.")
    kept = {name: value for name, value in headers.items() if name in _KEPT or name.startswith("x-amz-meta-")}
    encodings = [encoding.strip() for encoding in kept.pop("content-encoding", "").split(",")]
    encoding = ",".join(encoding for encoding in encodings if encoding not in ("", "aws-chunked"))
    if encoding:
        kept["content-encoding"] = encoding
    return {"content-type": _DEFAULT_TYPE} | {name: value for name, value in kept.items() if value}


def _checked(pairs: list[tuple[str, str]]) -> dict[str, str]:
    tags = dict(pairs)
    if len(tags) != len(pairs):
        raise S3Error("InvalidTag", "A tag key is given twice.")
    if len(tags) > _MAX_TAGS:
        raise S3Error("InvalidTag", f"Object tags cannot be greater than {_MAX_TAGS}.")
    for key, value in tags.items():
        if not 1 <= len(key) <= 128 or len(value) > 256:
            raise S3Error("InvalidTag")
    return tags


def header_tags(headers: Mapping[str, str]) -> dict[str, str]:
    """The tags in the header `x-amz-tagging` of a write, a query string."""
    return _checked(parse_qsl(headers.get("x-amz-tagging", ""), keep_blank_values=True))


def document_tags(body: bytes) -> dict[str, str]:
    """The tags of a Tagging document."""
    tags = xmlio.parse(body).iterfind("TagSet/Tag")
    return _checked([(xmlio.required(tag, "Key"), xmlio.required(tag, "Value")) for tag in tags])


def version_headers(version: Version) -> dict[str, str]:
    """`x-amz-version-id`, if the bucket was versioned when the object was written."""
    return {} if version.version_id == NULL_VERSION else {"x-amz-version-id": version.version_id}


def checksum_headers(version: Version) -> dict[str, str]:
    """The checksum headers of a whole object."""
    return {checksums.PREFIX + name: value for name, value in version.checksums.items()}


def checksum_elements(values: Mapping[str, str]) -> list[tuple[str, xmlio.Content]]:
    """The elements `ChecksumCRC32`, … and `ChecksumType` for checksums by algorithm (and `type`)."""
    return [(f"Checksum{'Type' if name == 'type' else name.upper()}", value) for name, value in values.items()]


def read_headers(request: Request, version: Version, whole: bool) -> dict[str, str]:
    """The headers of GetObject and HeadObject; the checksum is that of the `whole` object."""
    headers = {
        "ETag": f'"{version.etag}"',
        "Last-Modified": http_date(version.modified),
        "Accept-Ranges": "bytes",
        **version.headers,
        **version_headers(version),
    }
    if version.tags:
        headers["x-amz-tagging-count"] = str(len(version.tags))
    if whole and request.headers.get("x-amz-checksum-mode", "").upper() == "ENABLED":
        headers |= checksum_headers(version)
    overrides = {
        name.removeprefix("response-"): value
        for name, value in request.query.items()
        if name.startswith("response-") and name.removeprefix("response-") in _KEPT
    }
    return headers | overrides
