"""Operations on objects: put, get, head, copy, delete and tag."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import unquote

from local_aws.s3 import attributes, xmlio
from local_aws.s3.blobs import Blob, md5_of
from local_aws.s3.checksums import PayloadDigests
from local_aws.s3.conditions import byte_range, check_read, write_condition
from local_aws.s3.errors import S3Error
from local_aws.s3.index import NewObject, Transaction, Version, unconditional
from local_aws.s3.messages import Request, Response
from local_aws.s3.service import Service
from local_aws.s3.store import Reading, readable

_MAX_DELETES = 1000
#: most bytes of a source of CopyObject (Amazon S3 API Reference, "CopyObject"); UploadPartCopy takes larger ones
MAX_COPY = 5 << 30


@dataclass(frozen=True)
class Received:
    """A payload that is on disk and whose digests are compared."""

    blob: Blob
    etag: str
    checksums: dict[str, str]


def receive(service: Service, request: Request) -> Received:
    """Write the request's payload to disk; the caller removes the file if it does not use it."""
    digests = PayloadDigests(request.headers)
    body = request.body()
    blob = service.store.blobs.write(body, digests.update)
    try:
        return Received(blob, digests.etag, digests.verify(body.trailers))
    except S3Error:
        service.store.blobs.remove([blob.name])
        raise


def put_object(service: Service, request: Request) -> Response:
    """PutObject."""
    request.check_key()
    headers, tags = attributes.kept_headers(request.headers), attributes.header_tags(request.headers)
    condition = write_condition(request.headers)
    with service.store.transaction() as tx:
        tx.bucket(request.bucket)
    received = receive(service, request)
    checksums = received.checksums | ({"type": "FULL_OBJECT"} if received.checksums else {})
    new = NewObject(request.bucket, request.key, [received.blob], received.etag, headers, tags, checksums)
    try:
        with service.store.transaction() as tx:
            version = tx.put(new, condition)
    except BaseException:
        service.store.blobs.remove([received.blob.name])
        raise
    service.created(version, "PutObject")
    answer = {"ETag": f'"{version.etag}"'}
    return Response(200, answer | attributes.version_headers(version) | attributes.checksum_headers(version))


class _Download:
    """A response's body: unpins the object's version when it has been read, and when the server closes it.

    The first does not happen for a body that is never read. The second does not happen if the connection is reset
    after the body was sent: werkzeug (3.1) then fails while it reads the rest of the request, before `close`.
    """

    def __init__(self, reading: Reading, start: int, end: int) -> None:
        self._reading = reading
        self._start, self._end = start, end

    def __iter__(self) -> Iterator[bytes]:
        try:
            yield from self._reading.blocks(self._start, self._end)
        finally:
            self._reading.close()

    def close(self) -> None:
        self._reading.close()


def get_object(service: Service, request: Request) -> Response:
    """GetObject and HeadObject."""
    reading = service.store.open(request.bucket, request.key, request.query.get("versionId"))
    try:
        version = reading.version
        check_read(request.headers, version)
        wanted = byte_range(request.headers.get("range"), version.size)
        extra: dict[str, str] = {}
        if "partNumber" in request.query:
            wanted, extra = _part(reading, request)
        start, end = wanted or (0, version.size)
        headers = attributes.read_headers(request, version, whole=wanted is None) | extra
        headers["Content-Length"] = str(end - start)
        if wanted:
            headers["Content-Range"] = f"bytes {start}-{end - 1}/{version.size}"
        if request.method == "HEAD":
            reading.close()
            return Response(206 if wanted else 200, headers)
        return Response(206 if wanted else 200, headers, _Download(reading, start, end))
    except BaseException:
        reading.close()
        raise


def _part(reading: Reading, request: Request) -> tuple[tuple[int, int] | None, dict[str, str]]:
    number = request.integer("partNumber", 1, 1, 10_000)
    multipart = "-" in reading.version.etag
    sizes = [size for _, _, size in reading.segments(0, reading.version.size)] if multipart else [reading.version.size]
    if number > len(sizes):
        raise S3Error("InvalidPartNumber", f"The object has {len(sizes)} parts.")
    start, end = sum(sizes[: number - 1]), sum(sizes[:number])
    extra = {"x-amz-mp-parts-count": str(len(sizes))} if multipart else {}
    return (start, end) if end > start else None, extra


def open_copy_source(service: Service, request: Request) -> Reading:
    """The object that `x-amz-copy-source` names, pinned; its conditions hold."""
    path, _, query = request.headers["x-amz-copy-source"].partition("?")
    bucket, _, key = unquote(path).removeprefix("/").partition("/")
    name, _, version_id = query.partition("=")
    if not key or (query and name != "versionId"):
        raise S3Error("InvalidArgument", "x-amz-copy-source must be /bucket/key or /bucket/key?versionId=….")
    reading = service.store.open(bucket, key, version_id or None)
    try:
        check_read(request.headers, reading.version, "x-amz-copy-source-")
    except S3Error:
        reading.close()
        raise
    return reading


def _copied(request: Request, source: Version) -> tuple[dict[str, str], dict[str, str]]:
    """The headers and tags of the copy."""
    headers, tags = source.headers, source.tags
    replaces = request.headers.get("x-amz-metadata-directive") == "REPLACE"
    if replaces:
        headers = attributes.kept_headers(request.headers)
    if request.headers.get("x-amz-tagging-directive") == "REPLACE":
        tags = attributes.header_tags(request.headers)
    onto_itself = (source.bucket, source.key, source.latest) == (request.bucket, request.key, True)
    if onto_itself and not replaces:
        raise S3Error("InvalidRequest", "An object cannot be copied to itself unless its metadata changes.")
    return headers, tags


def copy_object(service: Service, request: Request) -> Response:
    """CopyObject; the copy shares the content files of its source."""
    request.check_key()
    condition = write_condition(request.headers)
    reading = open_copy_source(service, request)
    blobs: list[Blob] = []
    try:
        source = reading.version
        if source.size > MAX_COPY:
            message = (
                f"The specified copy source is larger than the maximum allowable size for a copy source: {MAX_COPY}"
            )
            raise S3Error("InvalidRequest", message)
        headers, tags = _copied(request, source)
        for name, _, size in reading.segments(0, source.size):
            blobs.append(service.store.blobs.link(Blob(name, size)))
        etag, checksums = source.etag, source.checksums
        if "-" in etag:  # the copy has one part, whatever the source has
            etag, checksums = md5_of(reading.blocks(0, source.size)), {}
        with service.store.transaction() as tx:
            version = tx.put(NewObject(request.bucket, request.key, blobs, etag, headers, tags, checksums), condition)
    except BaseException:
        service.store.blobs.remove(blob.name for blob in blobs)
        raise
    finally:
        reading.close()
    service.created(version, "CopyObject")
    answer = attributes.version_headers(version)
    if source_version := attributes.version_headers(source):
        answer["x-amz-copy-source-version-id"] = source_version["x-amz-version-id"]
    modified = xmlio.timestamp(version.modified)
    content = [("LastModified", modified), ("ETag", f'"{etag}"'), *attributes.checksum_elements(checksums)]
    return Response(200, answer, xmlio.document("CopyObjectResult", content))


def _delete(tx: Transaction, request: Request, key: str, version_id: str | None) -> tuple[Version | None, bool]:
    """Delete an object; returns the version that was removed or the new delete marker, and whether it is the latter."""
    if version_id:
        version = tx.version(request.bucket, key, version_id)
    elif tx.bucket(request.bucket)["versioning"]:
        return tx.put(NewObject(request.bucket, key, [], ""), unconditional, delete_marker=True), True
    else:
        version = tx.current(request.bucket, key)
    if version:
        tx.remove(version)
    return version, False


def delete_object(service: Service, request: Request) -> Response:
    """DeleteObject: removes the named version; without a version id, a versioned bucket gets a delete marker."""
    version_id = request.query.get("versionId")
    with service.store.transaction() as tx:
        tx.bucket(request.bucket)
        if "if-match" in request.headers:
            current = tx.current(request.bucket, request.key)
            write_condition({"if-match": request.headers["if-match"]})(current)
        version, _ = _delete(tx, request, request.key, version_id)
    headers = {"x-amz-version-id": version_id} if version_id else {}
    if version and version.delete_marker:
        headers |= {"x-amz-delete-marker": "true", "x-amz-version-id": version.version_id}
    return Response(204, headers)


def delete_objects(service: Service, request: Request) -> Response:
    """DeleteObjects."""
    body = request.document()
    digests = PayloadDigests(request.headers)
    digests.update(body)
    digests.verify({})
    root = xmlio.parse(body)
    wanted = [(xmlio.required(item, "Key"), item.findtext("VersionId")) for item in root.iterfind("Object")]
    if not 1 <= len(wanted) <= _MAX_DELETES:
        raise S3Error("MalformedXML", f"DeleteObjects takes from 1 to {_MAX_DELETES} objects, not {len(wanted)}.")
    deleted: list[tuple[str, xmlio.Content]] = []
    with service.store.transaction() as tx:
        tx.bucket(request.bucket)
        for key, version_id in wanted:
            version, marked = _delete(tx, request, key, version_id)
            entry: list[tuple[str, xmlio.Content]] = [("Key", key)]
            if version_id:
                entry.append(("VersionId", version_id))
            if version and (marked or version.delete_marker):
                entry += [("DeleteMarker", True), ("DeleteMarkerVersionId", version.version_id)]
            deleted.append(("Deleted", entry))
    quiet = root.findtext("Quiet", "").strip().lower() == "true"
    return Response(200, {}, xmlio.document("DeleteResult", [] if quiet else deleted))


def get_object_tagging(service: Service, request: Request) -> Response:
    """GetObjectTagging."""
    with service.store.transaction() as tx:
        version = readable(tx, request.bucket, request.key, request.query.get("versionId"))
    tags: list[tuple[str, xmlio.Content]] = [
        ("Tag", [("Key", key), ("Value", value)]) for key, value in version.tags.items()
    ]
    return Response(200, attributes.version_headers(version), xmlio.document("Tagging", [("TagSet", tags)]))


def put_object_tagging(service: Service, request: Request) -> Response:
    """PutObjectTagging."""
    return _set_tags(service, request, attributes.document_tags(request.document()), 200)


def delete_object_tagging(service: Service, request: Request) -> Response:
    """DeleteObjectTagging."""
    return _set_tags(service, request, {}, 204)


def _set_tags(service: Service, request: Request, tags: dict[str, str], status: int) -> Response:
    with service.store.transaction() as tx:
        version = readable(tx, request.bucket, request.key, request.query.get("versionId"))
        tx.set_tags(version, tags)
    return Response(status, attributes.version_headers(version))
