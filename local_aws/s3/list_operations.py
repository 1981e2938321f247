"""Listings of a bucket: objects (both versions of the API), versions, multipart uploads."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from urllib.parse import quote

from local_aws.s3 import paging, xmlio
from local_aws.s3.errors import S3Error
from local_aws.s3.index import Transaction
from local_aws.s3.messages import Request, Response
from local_aws.s3.paging import Page, Position
from local_aws.s3.service import Service

_MAX_KEYS = 1000
_NEWEST = 2**63 - 1
_OWNER: tuple[str, xmlio.Content] = ("Owner", [("ID", "embedded"), ("DisplayName", "embedded")])


@dataclass(frozen=True)
class _Listing:
    """The parameters of all listings."""

    bucket: str
    prefix: str
    delimiter: str
    limit: int
    url_encoded: bool

    @classmethod
    def of(cls, request: Request, limit_name: str) -> _Listing:
        encoding = request.query.get("encoding-type", "")
        if encoding not in ("", "url"):
            raise S3Error("InvalidArgument", "Invalid Encoding Method specified in Request.")
        limit = min(request.integer(limit_name, _MAX_KEYS, 0, 2**31 - 1), _MAX_KEYS)
        prefix, delimiter = request.query.get("prefix", ""), request.query.get("delimiter", "")
        return cls(request.bucket, prefix, delimiter, limit, encoding == "url")

    def encode(self, text: str) -> str:
        """A key, URL-encoded if the client asks for it: XML cannot hold some control characters."""
        return quote(text, safe="/-_.~*") if self.url_encoded else text

    def head(self, limit_name: str) -> list[tuple[str, xmlio.Content] | None]:
        return [
            ("Prefix", self.encode(self.prefix)),
            ("Delimiter", self.encode(self.delimiter)) if self.delimiter else None,
            (limit_name, self.limit),
            ("EncodingType", "url") if self.url_encoded else None,
        ]

    def common_prefixes(self, page: Page) -> list[tuple[str, xmlio.Content] | None]:
        return [("CommonPrefixes", [("Prefix", self.encode(prefix))]) for prefix in page.prefixes]

    def page(self, tx: Transaction, sql: str, start: Position | None, no_seq: int) -> Page:
        """One page of a query whose parameters are bucket, position (key, key, seq) and the prefix's end."""
        tx.bucket(self.bucket)
        end = paging.successor(self.prefix) if self.prefix else None
        bound = b"" if end is None else end  # SQLite sorts each BLOB behind each TEXT

        def scan(position: Position) -> Iterator[sqlite3.Row]:
            seq = no_seq if position.seq is None else position.seq
            return tx.rows(sql, self.bucket, position.key, position.key, seq, bound)

        return paging.page(scan, start, self.prefix, self.delimiter, self.limit)


_OBJECTS = """SELECT key, seq, size, etag, checksums FROM versions
    WHERE bucket = ? AND latest AND NOT delete_marker AND key >= ? AND (key > ? OR seq > ?) AND key < ?
    ORDER BY key"""
_VERSIONS = """SELECT * FROM versions
    WHERE bucket = ? AND key >= ? AND (key > ? OR seq < ?) AND key < ? ORDER BY key, seq DESC"""
_UPLOADS = """SELECT * FROM uploads
    WHERE bucket = ? AND key >= ? AND (key > ? OR seq > ?) AND key < ? ORDER BY key, seq"""


def _objects(service: Service, listing: _Listing, marker: str) -> Page:
    start = paging.after(marker, listing.prefix, listing.delimiter)
    with service.store.transaction() as tx:
        return listing.page(tx, _OBJECTS, start, -1)


def _contents(
    listing: _Listing, page: Page, with_owner: bool, describe: Callable[[sqlite3.Row], tuple[str, xmlio.Content] | None]
) -> list[tuple[str, xmlio.Content] | None]:
    contents: list[tuple[str, xmlio.Content] | None] = []
    for row in page.rows:
        item = [
            ("Key", listing.encode(row["key"])),
            ("LastModified", xmlio.timestamp(row["seq"] / 1e9)),
            ("ETag", f'"{row["etag"]}"'),
            describe(row),
            ("Size", row["size"]),
            ("StorageClass", "STANDARD"),
            _OWNER if with_owner else None,
        ]
        contents.append(("Contents", item))
    return contents


def _algorithm(row: sqlite3.Row) -> tuple[str, xmlio.Content] | None:
    names = [name for name in json.loads(row["checksums"]) if name != "type"]
    return ("ChecksumAlgorithm", names[0].upper()) if names else None


def list_objects_v2(service: Service, request: Request) -> Response:
    """ListObjectsV2."""
    listing = _Listing.of(request, "max-keys")
    token, start_after = request.query.get("continuation-token"), request.query.get("start-after", "")
    page = _objects(service, listing, paging.from_token(token) if token else start_after)
    content = [
        ("Name", request.bucket),
        *listing.head("MaxKeys"),
        ("KeyCount", len(page.entries)),
        ("IsTruncated", page.truncated),
        ("ContinuationToken", token) if token else None,
        ("NextContinuationToken", paging.to_token(page.last)) if page.truncated else None,
        ("StartAfter", listing.encode(start_after)) if start_after else None,
        *_contents(listing, page, request.query.get("fetch-owner") == "true", _algorithm),
        *listing.common_prefixes(page),
    ]
    return Response(200, {}, xmlio.document("ListBucketResult", content))


def list_objects(service: Service, request: Request) -> Response:
    """ListObjects, version 1 of the API."""
    listing = _Listing.of(request, "max-keys")
    marker = request.query.get("marker", "")
    page = _objects(service, listing, marker)
    content = [
        ("Name", request.bucket),
        *listing.head("MaxKeys"),
        ("Marker", listing.encode(marker)),
        ("NextMarker", listing.encode(page.last)) if page.truncated and listing.delimiter else None,
        ("IsTruncated", page.truncated),
        *_contents(listing, page, True, _algorithm),
        *listing.common_prefixes(page),
    ]
    return Response(200, {}, xmlio.document("ListBucketResult", content))


def list_object_versions(service: Service, request: Request) -> Response:
    """ListObjectVersions, in the order of keys; the versions of a key from the newest to the oldest."""
    listing = _Listing.of(request, "max-keys")
    key_marker = request.query.get("key-marker", "")
    id_marker = request.query.get("version-id-marker", "")
    with service.store.transaction() as tx:
        start = paging.after(key_marker, listing.prefix, listing.delimiter)
        if id_marker:
            version = tx.version(request.bucket, key_marker, id_marker)
            if version is None:
                raise S3Error("InvalidArgument", "Invalid version id specified.")
            start = Position(key_marker, version.seq)
        page = listing.page(tx, _VERSIONS, start, _NEWEST)
    content: list[tuple[str, xmlio.Content] | None] = [
        ("Name", request.bucket),
        *listing.head("MaxKeys"),
        ("KeyMarker", listing.encode(key_marker)),
        ("VersionIdMarker", id_marker),
        ("IsTruncated", page.truncated),
    ]
    if page.truncated:
        content.append(("NextKeyMarker", listing.encode(page.last)))
        if not isinstance(last := page.entries[-1], str):
            content.append(("NextVersionIdMarker", last["version_id"]))
    for row in page.rows:
        item: list[tuple[str, xmlio.Content]] = [
            ("Key", listing.encode(row["key"])),
            ("VersionId", row["version_id"]),
            ("IsLatest", bool(row["latest"])),
            ("LastModified", xmlio.timestamp(row["seq"] / 1e9)),
            _OWNER,
        ]
        if not row["delete_marker"]:
            item += [("ETag", f'"{row["etag"]}"'), ("Size", row["size"]), ("StorageClass", "STANDARD")]
        content.append(("DeleteMarker" if row["delete_marker"] else "Version", item))
    content += listing.common_prefixes(page)
    return Response(200, {}, xmlio.document("ListVersionsResult", content))


def list_multipart_uploads(service: Service, request: Request) -> Response:
    """ListMultipartUploads, in the order of keys; the uploads of a key from the oldest to the newest."""
    listing = _Listing.of(request, "max-uploads")
    key_marker = request.query.get("key-marker", "")
    id_marker = request.query.get("upload-id-marker", "") if key_marker else ""
    with service.store.transaction() as tx:
        start = paging.after(key_marker, listing.prefix, listing.delimiter)
        if id_marker and (row := tx.row("SELECT seq FROM uploads WHERE upload_id = ?", id_marker)):
            start = Position(key_marker, row["seq"])
        page = listing.page(tx, _UPLOADS, start, -1)
    content: list[tuple[str, xmlio.Content] | None] = [
        ("Bucket", request.bucket),
        *listing.head("MaxUploads"),
        ("KeyMarker", listing.encode(key_marker)),
        ("UploadIdMarker", id_marker),
        ("IsTruncated", page.truncated),
    ]
    if page.truncated:
        content.append(("NextKeyMarker", listing.encode(page.last)))
        if not isinstance(last := page.entries[-1], str):
            content.append(("NextUploadIdMarker", last["upload_id"]))
    for row in page.rows:
        item: list[tuple[str, xmlio.Content]] = [
            ("Key", listing.encode(row["key"])),
            ("UploadId", row["upload_id"]),
            _OWNER,
            ("StorageClass", "STANDARD"),
            ("Initiated", xmlio.timestamp(row["seq"] / 1e9)),
        ]
        content.append(("Upload", item))
    content += listing.common_prefixes(page)
    return Response(200, {}, xmlio.document("ListMultipartUploadsResult", content))
