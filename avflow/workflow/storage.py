"""Read and write the objects of one S3 bucket, as files and as JSON. S3's errors become the project's own.

Every write is atomic: PutObject and CompleteMultipartUpload are (Amazon S3 User Guide, "Amazon S3 data consistency
model"), and callers pass only finished files.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

import boto3
from boto3.exceptions import Boto3Error, RetriesExceededError, S3UploadFailedError
from boto3.s3.transfer import TransferConfig
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionError,
    FlexibleChecksumError,
    HTTPClientError,
    IncompleteReadError,
)
from s3transfer.exceptions import S3DownloadFailedError

from avflow.errors import DISK_FULL, ScratchFull, SourceMissing, StorageUnavailable
from avflow.filenames import printable, printable_json
from avflow.media.contract import Contract

C = TypeVar("C", bound=Contract)

_MISSING = {"404", "NoSuchKey", "NoSuchVersion", "NoSuchBucket"}
#: S3's answer to a read of a missing object by a role that may not list the bucket, as none of the workflow's may
_REFUSED, _READS = "AccessDenied", {"GetObject", "HeadObject"}
#: S3's answer to a read with If-Match if the object is another one now
_CHANGED = "PreconditionFailed"
#: InsufficientStorage is none of AWS's: the embedded S3, and others that are not AWS's, have disks that can be full
_BUSY = {"SlowDown", "RequestTimeout", "InternalError", "ServiceUnavailable", "503", "500", "Throttling"}
_BUSY |= {"InsufficientStorage", "507"}
#: what S3 says of bytes that changed or broke off on their way, and of a part or an upload that it has lost
_SPOILED = {"BadDigest", "IncompleteBody", "InvalidPart", "NoSuchUpload", "XAmzContentSHA256Mismatch"}
_TRANSIENT = {*_BUSY, *_SPOILED}
_CONTENT_TYPES = {
    ".avi": "video/x-msvideo",
    ".mp4": "video/mp4",
    ".wav": "audio/wav",
    ".srt": "application/x-subrip; charset=utf-8",
    ".vtt": "text/vtt; charset=utf-8",
    ".txt": "text/plain; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".jpg": "image/jpeg",
    ".zip": "application/zip",
    ".json": "application/json",
    ".jsonl": "application/jsonl",
}
_PART_BYTES = 16 << 20
#: parallel requests of one transfer
_PARALLEL = 8
#: tries of one request, of one body, and of one object whose bytes do not match their checksum
_TRIES = 5
_TRANSFER = TransferConfig(
    max_concurrency=_PARALLEL,
    multipart_threshold=2 * _PART_BYTES,
    multipart_chunksize=_PART_BYTES,
    num_download_attempts=_TRIES,
)
#: parallel transfers in the background
_TRANSFERS = 4
#: how all steps talk to S3. S3 sends something at least every few seconds, also while it completes an upload (Amazon S3
#: API Reference, "CompleteMultipartUpload"). A connection that is silent for longer is dead, and a new one may be not
CONFIG = Config(
    connect_timeout=10,
    read_timeout=20,
    retries={"mode": "standard", "max_attempts": _TRIES},
    max_pool_connections=_PARALLEL * _TRANSFERS,
)


@dataclass(frozen=True)
class StoredObject:
    """One version of an object, and what S3 says of it."""

    key: str
    version_id: str | None
    #: bytes
    size: int
    #: S3 gives each content another one. It tells an overwritten object where the bucket keeps no versions
    etag: str
    #: what its uploader said of it, `x-amz-meta-…`
    metadata: Mapping[str, str] = field(default_factory=dict)
    #: how many of these S3 does not return, because they have characters that can't be printed
    unreadable_metadata: int = 0


class ObjectStore:
    """The bucket of one workflow.

    Raises
    ------
    SourceMissing
        From every reading method: the object or its version does not exist, may not be read, or was overwritten
        meanwhile. S3 tells only those who may list the bucket whether it exists (Amazon S3 API Reference, "GetObject").
        A write that is refused remains botocore's ClientError.
    StorageUnavailable
        From every method: S3 did not answer, or bytes broke off or changed on their way, after several tries.
    ScratchFull
        From every method that writes a file: the disk has no room for it.
    """

    def __init__(self, bucket: str, client: Any = None) -> None:
        self.bucket = bucket
        # botocore chooses path-style addressing itself if the endpoint is an IP address
        self._s3 = client or boto3.client("s3", config=CONFIG)

    def size(self, key: str, version_id: str | None = None) -> int:
        """The size of an object in bytes."""
        with self._errors(key, version_id):
            return int(self._s3.head_object(Bucket=self.bucket, Key=key, **_version(version_id))["ContentLength"])

    def version(self, key: str) -> str | None:
        """The id of an object's current version. None if the bucket keeps no versions."""
        with self._errors(key):
            found: str | None = self._s3.head_object(Bucket=self.bucket, Key=key).get("VersionId")
            return found

    def found(self, key: str, version_id: str | None = None) -> StoredObject:
        """An object as it is now, also for `read_range`."""
        with self._errors(key, version_id):
            told = self._s3.head_object(Bucket=self.bucket, Key=key, **_version(version_id))
        metadata, missing = told.get("Metadata", {}), int(told.get("MissingMeta", 0))
        return StoredObject(key, version_id, int(told["ContentLength"]), str(told["ETag"]), metadata, missing)

    def read_range(self, object_: StoredObject, first: int, end: int) -> bytes:
        """The bytes `[first, end)` of an object, if it is still the one that was found."""
        key, version_id = object_.key, object_.version_id
        with self._errors(key, version_id):
            content = self._body(
                Key=key, Range=f"bytes={first}-{end - 1}", IfMatch=object_.etag, **_version(version_id)
            )
        if len(content) != end - first:
            where = printable(f"s3://{self.bucket}/{key}")
            raise StorageUnavailable(
                f"S3 answered the request for {end - first} bytes of {where} with {len(content)} bytes"
            )
        return content

    def download(self, key: str, path: Path, version_id: str | None = None) -> None:
        """Download an object into a file, in parallel parts."""
        with self._errors(key, version_id):
            self._download(key, path, _version(version_id))

    def upload(self, path: Path, key: str) -> None:
        """Upload a finished file, in parallel parts."""
        with self._errors(key):
            self._s3.upload_file(
                str(path), self.bucket, key, ExtraArgs={"ContentType": content_type(key)}, Config=_TRANSFER
            )

    def copy(self, source_key: str, target_key: str) -> None:
        """Copy an object to another key, inside S3."""
        with self._errors(source_key):
            self._s3.copy(
                {"Bucket": self.bucket, "Key": source_key},
                self.bucket,
                target_key,
                ExtraArgs={"ContentType": content_type(target_key), "MetadataDirective": "REPLACE"},
                Config=_TRANSFER,
            )

    def read_json(self, key: str) -> Any:
        """Read a JSON object."""
        with self._errors(key):
            return json.loads(self._body(Key=key))

    def write_json(self, key: str, value: Any) -> None:
        """Write a value as an indented JSON object."""
        body = printable_json(json.dumps(value, indent=2, ensure_ascii=False)).encode() + b"\n"
        with self._errors(key):
            self._s3.put_object(Bucket=self.bucket, Key=key, Body=body, ContentType=content_type(key))

    def read(self, key: str, kind: type[C]) -> C:
        """Read a JSON object as the contract that it was written from."""
        return kind.from_dict(self.read_json(key))

    def write(self, key: str, value: Contract) -> None:
        """Write a contract as an indented JSON object."""
        self.write_json(key, value.to_dict())

    def delete(self, key: str) -> None:
        """Delete an object. A missing object is no error."""
        with self._errors(key):
            self._s3.delete_object(Bucket=self.bucket, Key=key)

    def transfers(self) -> Transfers:
        """Downloads and uploads in the background."""
        return Transfers(self)

    def _download(self, key: str, path: Path, version: dict[str, str]) -> None:
        """Asks again if bytes changed on their way: the transfer repeats only what broke off."""
        tries = _TRIES
        while True:
            try:
                self._s3.download_file(self.bucket, key, str(path), ExtraArgs=version, Config=_TRANSFER)
                return
            except FlexibleChecksumError:
                tries -= 1
                if not tries:
                    raise

    def _body(self, **asked: str) -> bytes:
        """The body of an object. Asks again if the body breaks off: the SDK retries only up to the headers."""
        tries = _TRIES
        while True:
            body = self._s3.get_object(Bucket=self.bucket, **asked)["Body"]
            try:
                return bytes(body.read())
            except (HTTPClientError, IncompleteReadError, FlexibleChecksumError):
                tries -= 1
                if not tries:
                    raise

    @contextmanager
    def _errors(self, key: str, version_id: str | None = None) -> Iterator[None]:
        where = printable(f"s3://{self.bucket}/{key}")
        try:
            yield
        except (BotoCoreError, ClientError, Boto3Error, S3DownloadFailedError) as error:
            raise _ours(where, self._explained(error, key, version_id)) from error
        except OSError as error:
            if error.errno in DISK_FULL:
                raise ScratchFull(f"The scratch space has no room for {where}: {error.strerror}") from error
            raise

    def _explained(self, error: Exception, key: str, version_id: str | None) -> Exception:
        """The error; in place of a HEAD's 403, which has no body and so no reason, the answer to the same GET.

        The reason may be an expired or a wrong key, and then the object is not missing. If the GET succeeds, S3 has
        contradicted itself, and may not the next time.
        """
        if not (isinstance(error, ClientError) and error.operation_name == "HeadObject" and _code(error) == "403"):
            return error
        try:
            self._s3.get_object(Bucket=self.bucket, Key=key, Range="bytes=0-0", **_version(version_id))["Body"].close()
        except ClientError as reason:
            return reason
        except BotoCoreError:
            return error
        return StorageUnavailable(f"S3 answered one of two requests for s3://{self.bucket}/{key} with 403")


class Transfers:
    """Downloads and uploads in the background, as a context manager.

    Each transfer is a future. Its `result()` waits for the end of the transfer and raises its error. The end of the
    block waits for all transfers and raises the first error among them. After an exception in the block, transfers that
    have not begun are cancelled; the others end before the block does, so that their files may then be deleted.
    """

    def __init__(self, store: ObjectStore) -> None:
        self._store = store
        self._pool = ThreadPoolExecutor(_TRANSFERS, thread_name_prefix="transfer")
        self._begun: list[Future[None]] = []

    def download(self, key: str, path: Path, version_id: str | None = None) -> Future[None]:
        """Start `ObjectStore.download`."""
        return self._begin(self._pool.submit(self._store.download, key, path, version_id))

    def upload(self, path: Path, key: str) -> Future[None]:
        """Start `ObjectStore.upload`."""
        return self._begin(self._pool.submit(self._store.upload, path, key))

    def _begin(self, transfer: Future[None]) -> Future[None]:
        self._begun.append(transfer)
        return transfer

    def __enter__(self) -> Transfers:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._pool.shutdown(cancel_futures=error is not None)
        if error is None:
            for transfer in self._begun:
                transfer.result()


def _ours(where: str, error: Exception) -> Exception:
    """Turn S3's error into the project's. An error that is neither a missing object nor transient stays the same."""
    # boto3's upload wraps S3's error in one of its own, which keeps only the text
    cause = error.__context__ if isinstance(error, S3UploadFailedError) and error.__context__ else error
    if isinstance(cause, ClientError):
        return _of_answer(where, cause) or error
    if isinstance(cause, S3DownloadFailedError):  # a download in parts turns a 412 into it
        return _overwritten(where)
    if isinstance(cause, FlexibleChecksumError):
        return StorageUnavailable(f"{where} arrived with bytes that do not match their checksum: {cause}")
    if isinstance(cause, ConnectionError | HTTPClientError | IncompleteReadError | RetriesExceededError):
        return StorageUnavailable(f"S3 did not answer the request for {where}: {cause}")
    return error


def _of_answer(where: str, answer: ClientError) -> Exception | None:
    """The project's error for an answer of S3; None if it has none."""
    code, reads = _code(answer), answer.operation_name in _READS
    if code in _MISSING:
        return SourceMissing(f"{where} does not exist")
    if code == _REFUSED and reads:
        return SourceMissing(f"{where} does not exist, or this role may not read it: S3 answered {code}")
    if code == _CHANGED and reads:
        return _overwritten(where)
    told = answer.response.get("Error", {}).get("Message") or "no reason given"
    return (
        StorageUnavailable(f"S3 answered the request for {where} with {code}: {told}") if code in _TRANSIENT else None
    )


def _overwritten(where: str) -> SourceMissing:
    return SourceMissing(
        f"{where} was overwritten while it was read",
        "The bucket keeps no versions, and another object has taken its place: upload it again under another name.",
    )


def _code(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))


def _version(version_id: str | None) -> dict[str, str]:
    return {"VersionId": version_id} if version_id else {}


def content_type(key: str) -> str:
    """The Content-Type of an object, by the suffix of its key."""
    return _CONTENT_TYPES.get(Path(key).suffix, "application/octet-stream")
