"""Multipart uploads. A completed object consists of the files of its parts, so nothing is copied."""

from __future__ import annotations

import hashlib
import json
import sqlite3
import time
import uuid
from collections.abc import Sequence
from xml.etree.ElementTree import Element

from local_aws.s3 import attributes, checksums, xmlio
from local_aws.s3.blobs import Blob
from local_aws.s3.conditions import byte_range, write_condition
from local_aws.s3.errors import S3Error
from local_aws.s3.index import NewObject, Transaction
from local_aws.s3.messages import Request, Response
from local_aws.s3.object_operations import Received, open_copy_source, receive
from local_aws.s3.service import Service

_MIN_PART = 5 << 20
_MAX_PARTS = 10_000


def _upload(tx: Transaction, request: Request) -> sqlite3.Row:
    tx.bucket(request.bucket)
    sql = "SELECT * FROM uploads WHERE upload_id = ? AND bucket = ? AND key = ?"
    row = tx.row(sql, request.query["uploadId"], request.bucket, request.key)
    if row is None:
        raise S3Error("NoSuchUpload", fields={"UploadId": request.query["uploadId"]})
    return row


def create_multipart_upload(service: Service, request: Request) -> Response:
    """CreateMultipartUpload."""
    request.check_key()
    headers, tags = attributes.kept_headers(request.headers), attributes.header_tags(request.headers)
    algorithm = request.headers.get("x-amz-checksum-algorithm", "").lower()
    if algorithm and algorithm not in checksums.ALGORITHMS:
        raise S3Error("InvalidRequest", f"S3 has no checksum algorithm {algorithm!r}.")
    default = "FULL_OBJECT" if algorithm == "crc64nvme" else "COMPOSITE"
    checksum_type = request.headers.get("x-amz-checksum-type", default).upper() if algorithm else ""
    upload_id = uuid.uuid4().hex
    with service.store.transaction() as tx:
        tx.bucket(request.bucket)
        row = (upload_id, request.bucket, request.key, json.dumps(headers), json.dumps(tags), algorithm, checksum_type)
        tx.execute("INSERT INTO uploads VALUES (?, ?, ?, ?, ?, ?, ?, ?)", tx.next_seq(), *row)
    content = [("Bucket", request.bucket), ("Key", request.key), ("UploadId", upload_id)]
    answer = {"x-amz-checksum-algorithm": algorithm.upper(), "x-amz-checksum-type": checksum_type} if algorithm else {}
    return Response(200, answer, xmlio.document("InitiateMultipartUploadResult", content))


def _store_part(service: Service, request: Request, part: Received) -> None:
    number = request.integer("partNumber", 0, 1, _MAX_PARTS)
    try:
        with service.store.transaction() as tx:
            upload_id = _upload(tx, request)["upload_id"]
            sql = "DELETE FROM parts WHERE upload_id = ? AND number = ? RETURNING blob"
            tx.dropped_blobs += [row["blob"] for row in tx.rows(sql, upload_id, number)]
            tx.execute(
                "INSERT INTO parts VALUES (?, ?, ?, ?, ?, ?, ?)",
                *(upload_id, number, part.blob.size, part.blob.name),
                *(part.etag, time.time(), json.dumps(part.checksums)),
            )
    except BaseException:
        service.store.blobs.remove([part.blob.name])
        raise


def upload_part(service: Service, request: Request) -> Response:
    """UploadPart."""
    request.integer("partNumber", 0, 1, _MAX_PARTS)
    with service.store.transaction() as tx:
        _upload(tx, request)
    part = receive(service, request)
    _store_part(service, request, part)
    stated = {checksums.PREFIX + name: value for name, value in part.checksums.items()}
    return Response(200, {"ETag": f'"{part.etag}"', **stated})


def upload_part_copy(service: Service, request: Request) -> Response:
    """UploadPartCopy."""
    request.integer("partNumber", 0, 1, _MAX_PARTS)
    with service.store.transaction() as tx:
        _upload(tx, request)
    reading = open_copy_source(service, request)
    try:
        size = reading.version.size
        header = request.headers.get("x-amz-copy-source-range")
        wanted = byte_range(header, size)
        if header and (wanted is None or not header.endswith(f"-{wanted[1] - 1}")):
            raise S3Error("InvalidArgument", "x-amz-copy-source-range must be bytes=first-last, within the source.")
        digest = hashlib.md5(usedforsecurity=False)
        start, end = wanted or (0, size)
        blob = service.store.blobs.write(reading.blocks(start, end), digest.update)
    finally:
        reading.close()
    part = Received(blob, digest.hexdigest(), {})
    _store_part(service, request, part)
    content = [("LastModified", xmlio.timestamp(time.time())), ("ETag", f'"{part.etag}"')]
    return Response(200, {}, xmlio.document("CopyPartResult", content))


def _chosen_parts(body: bytes, stored: dict[int, sqlite3.Row]) -> list[sqlite3.Row]:
    """The stored parts that the document of CompleteMultipartUpload names; raises if they do not agree with it."""
    named = list(xmlio.parse(body).iterfind("Part"))
    if not named:
        raise S3Error("MalformedXML", "CompleteMultipartUpload names no part.")
    chosen: list[sqlite3.Row] = []
    for element in named:
        text = xmlio.required(element, "PartNumber").strip()
        part = stored.get(int(text)) if text.isdigit() else None
        if part is None or not _agrees(element, part):
            raise S3Error("InvalidPart", fields={"PartNumber": text})
        if chosen and part["number"] <= chosen[-1]["number"]:
            raise S3Error("InvalidPartOrder")
        chosen.append(part)
    if small := [part for part in chosen[:-1] if part["size"] < _MIN_PART]:
        raise S3Error("EntityTooSmall", fields={"PartNumber": str(small[0]["number"])})
    return chosen


def _agrees(element: Element, part: sqlite3.Row) -> bool:
    if xmlio.required(element, "ETag").strip().strip('"') != part["etag"]:
        return False
    stated = {name: element.findtext(f"Checksum{name.upper()}") for name in checksums.ALGORITHMS}
    received = json.loads(part["checksums"])
    return all(value is None or received.get(name, value) == value for name, value in stated.items())


def _checksums(request: Request, upload: sqlite3.Row, parts: Sequence[sqlite3.Row]) -> dict[str, str]:
    """The checksum of the whole object: as the client states it, or composed of the parts' checksums."""
    algorithm, checksum_type = upload["algorithm"], upload["checksum_type"]
    if not algorithm:
        return {}
    value = request.headers.get(checksums.PREFIX + algorithm)
    if checksum_type == "COMPOSITE":
        received = [json.loads(part["checksums"]).get(algorithm) for part in parts]
        computed = checksums.composite(algorithm, received) if all(received) else None
        if value and computed and value.partition("-")[0] != computed.partition("-")[0]:
            raise S3Error("BadDigest")
        value = computed
    return {algorithm: value, "type": checksum_type} if value else {}


def complete_multipart_upload(service: Service, request: Request) -> Response:
    """CompleteMultipartUpload."""
    body, condition = request.document(), write_condition(request.headers)
    with service.store.transaction() as tx:
        upload = _upload(tx, request)
        sql = "DELETE FROM parts WHERE upload_id = ? RETURNING *"
        stored = {row["number"]: row for row in tx.rows(sql, upload["upload_id"])}
        parts = _chosen_parts(body, stored)
        tx.dropped_blobs += {row["blob"] for row in stored.values()} - {part["blob"] for part in parts}
        tx.execute("DELETE FROM uploads WHERE upload_id = ?", upload["upload_id"])
        digest = hashlib.md5(b"".join(bytes.fromhex(part["etag"]) for part in parts), usedforsecurity=False)
        new = NewObject(
            bucket=request.bucket,
            key=request.key,
            blobs=[Blob(part["blob"], part["size"]) for part in parts],
            etag=f"{digest.hexdigest()}-{len(parts)}",
            headers=json.loads(upload["headers"]),
            tags=json.loads(upload["tags"]),
            checksums=_checksums(request, upload, parts),
        )
        version = tx.put(new, condition)
    service.created(version, "CompleteMultipartUpload")
    content: list[tuple[str, xmlio.Content]] = [
        ("Bucket", request.bucket),
        ("Key", request.key),
        ("ETag", f'"{version.etag}"'),
        *attributes.checksum_elements(version.checksums),
    ]
    answer = attributes.version_headers(version)
    return Response(200, answer, xmlio.document("CompleteMultipartUploadResult", content))


def abort_multipart_upload(service: Service, request: Request) -> Response:
    """AbortMultipartUpload."""
    with service.store.transaction() as tx:
        forget_upload(tx, _upload(tx, request)["upload_id"])
    return Response(204)


def forget_upload(tx: Transaction, upload_id: str) -> None:
    """Remove an upload with all its parts."""
    sql = "DELETE FROM parts WHERE upload_id = ? RETURNING blob"
    tx.dropped_blobs += [row["blob"] for row in tx.rows(sql, upload_id)]
    tx.execute("DELETE FROM uploads WHERE upload_id = ?", upload_id)


def list_parts(service: Service, request: Request) -> Response:
    """ListParts."""
    marker = request.integer("part-number-marker", 0, 0, _MAX_PARTS)
    limit = min(request.integer("max-parts", 1000, 0, 2**31 - 1), 1000)
    with service.store.transaction() as tx:
        upload = _upload(tx, request)
        sql = "SELECT * FROM parts WHERE upload_id = ? AND number > ? ORDER BY number LIMIT ?"
        rows = list(tx.rows(sql, upload["upload_id"], marker, limit + 1))
    page, truncated = rows[:limit], len(rows) > limit
    content: list[tuple[str, xmlio.Content] | None] = [
        ("Bucket", request.bucket),
        ("Key", request.key),
        ("UploadId", upload["upload_id"]),
        ("PartNumberMarker", marker),
        ("NextPartNumberMarker", page[-1]["number"] if page else 0),
        ("MaxParts", limit),
        ("IsTruncated", truncated),
        ("StorageClass", "STANDARD"),
        ("ChecksumAlgorithm", upload["algorithm"].upper()) if upload["algorithm"] else None,
        ("ChecksumType", upload["checksum_type"]) if upload["algorithm"] else None,
    ]
    for row in page:
        described: list[tuple[str, xmlio.Content]] = [
            ("PartNumber", row["number"]),
            ("LastModified", xmlio.timestamp(row["modified"])),
            ("ETag", f'"{row["etag"]}"'),
            ("Size", row["size"]),
        ]
        content.append(("Part", described + attributes.checksum_elements(json.loads(row["checksums"]))))
    return Response(200, {}, xmlio.document("ListPartsResult", content))
