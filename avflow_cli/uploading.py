"""Upload one file to S3: a large one in parts, four at once, that a later command can go on from.

Amazon S3 User Guide, "Uploading and copying objects using multipart upload". The number of a begun upload and its
metadata, which S3 does not tell before the end, are kept in a file of the user's cache. Only who has this file goes on
with the upload, so two people who send the same name never mix their parts. A part is sent again unless S3 has it with
the SHA-256 of what the file holds now.
"""

from __future__ import annotations

import base64
import hashlib
import json
import math
import os
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path
from typing import IO, Any

from botocore.exceptions import ClientError

from avflow.errors import AvflowError, SourceMissing
from avflow.filenames import printable
from avflow.models.cache import cache_folder
from avflow_cli import interrupt
from local_aws import system

MIB = 2**20
#: files below this size are sent in one request
MULTIPART_FROM = 16 * MIB
#: the least size of a part here, the most parts of an upload (S3 User Guide, "Amazon S3 multipart upload limits"), and
#: the parts that are sent at once, within so much memory
PART_SIZE, MOST_PARTS, AT_ONCE, MEMORY = 8 * MIB, 10_000, 4, 256 * MIB
#: seconds between two looks for a signal
LOOK_SECONDS = 0.2
#: bytes that were sent, or that S3 had already
Report = Callable[[int], None]


class UploadBusy(AvflowError):
    """Another command uploads the same file to the same key."""

    advice = "Wait for its end, or end it."
    exit_code = os.EX_TEMPFAIL


@dataclass(frozen=True)
class Upload:
    """One file and where it goes.

    Parameters
    ----------
    metadata:
        Of the object, without `x-amz-meta-`.
    resumable:
        Keep the parts after Ctrl-C, too, and not only after a crash or without a network.
    recorded:
        Let a later command go on. Without, two commands may send the same file to the same key of two embedded AWSs.
    """

    s3: Any
    path: Path
    bucket: str
    key: str
    metadata: Mapping[str, str] = field(default_factory=dict)
    resumable: bool = False
    recorded: bool = True

    def send(self, report: Report = lambda _: None) -> None:
        """Send the file; go on with what an earlier command has sent of it.

        Raises
        ------
        SourceMissing
            The file can't be read, or changed while it was sent.
        UploadBusy
        """
        try:
            before = self.path.stat()
            if before.st_size < MULTIPART_FROM:
                body = self.path.read_bytes()
                self.s3.put_object(
                    Bucket=self.bucket, Key=self.key, Body=body, Metadata=self.metadata, ChecksumAlgorithm="SHA256"
                )
                report(len(body))
            else:
                self._send_parts(before, report)
        except OSError as error:
            raise SourceMissing(f"{printable(str(self.path))} can't be read: {error.strerror}.", "") from error

    def _send_parts(self, before: os.stat_result, report: Report) -> None:
        with record_of(self.bucket, self.key, self.path) if self.recorded else nullcontext(StringIO()) as record:
            parts = Parts(self, before.st_size, part_size_of(before.st_size))
            try:
                parts.begin(record)
                parts.send(report)
                if _identity(self.path.stat()) != _identity(before):
                    raise SourceMissing(f"{printable(str(self.path))} changed while it was sent.", "Submit it again.")
                parts.complete()
            except (KeyboardInterrupt, SourceMissing) as error:
                if isinstance(error, SourceMissing) or not self.resumable:
                    parts.abort()
                    _forget(record)
                raise
            _forget(record)


@dataclass
class Parts:
    """The multipart upload of a file."""

    upload: Upload
    size: int
    part_size: int
    _id: str = ""
    #: the SHA-256 and the ETag of the parts that S3 has, by number
    _sent: dict[int, dict[str, str]] = field(default_factory=dict)
    _threads: ThreadPoolExecutor | None = None

    def begin(self, record: IO[str]) -> None:
        """Go on with the upload of the record, if S3 still has it and it is of the same kind; else begin one."""
        upload, told = self.upload, _read(record)
        kind = {"metadata": dict(upload.metadata), "size": self.size, "part_size": self.part_size}
        self._id = str(told.pop("upload_id", ""))
        if self._id and (told != kind or not self._known()):
            self.abort()
            self._id = ""
        if not self._id:
            self._sent = {}
            self._id = upload.s3.create_multipart_upload(
                Bucket=upload.bucket, Key=upload.key, Metadata=upload.metadata, ChecksumAlgorithm="SHA256"
            )["UploadId"]
            _write(record, {**kind, "upload_id": self._id})

    def send(self, report: Report) -> None:
        """Send the parts that S3 lacks. A signal, or an error of one part, ends the sending of all."""
        count = math.ceil(self.size / self.part_size)
        at_once = max(1, min(AT_ONCE, MEMORY // self.part_size))
        self._threads = ThreadPoolExecutor(at_once, thread_name_prefix="part")
        waiting = {self._threads.submit(self._part, number, report) for number in range(1, count + 1)}
        try:
            while waiting:
                ended = wait(waiting, LOOK_SECONDS, FIRST_EXCEPTION)
                waiting = ended.not_done
                for each in ended.done:
                    each.result()
                interrupt.check()
        finally:
            self._threads.shutdown(wait=not waiting, cancel_futures=True)

    def complete(self) -> None:
        """Make the object of its parts."""
        parts = [{"PartNumber": number, **self._sent[number]} for number in sorted(self._sent)]
        self.upload.s3.complete_multipart_upload(**self._target, MultipartUpload={"Parts": parts})

    def abort(self) -> None:
        """Remove what was sent. Parts that are on their way may still arrive, so it is tried again after them.

        Amazon S3 API Reference, "AbortMultipartUpload".
        """
        for _ in range(2):
            with suppress(ClientError):  # there is no such upload any more
                if self._id:
                    self.upload.s3.abort_multipart_upload(**self._target)
            if self._threads is None:
                return
            self._threads.shutdown(wait=True, cancel_futures=True)

    @property
    def _target(self) -> dict[str, str]:
        return {"Bucket": self.upload.bucket, "Key": self.upload.key, "UploadId": self._id}

    def _known(self) -> bool:
        """Ask S3 for the parts that it has. Returns whether it has the upload at all."""
        try:
            for page in self.upload.s3.get_paginator("list_parts").paginate(**self._target):
                for part in page.get("Parts", ()):
                    if part.get("ChecksumSHA256"):
                        self._sent[part["PartNumber"]] = {
                            "ETag": part["ETag"],
                            "ChecksumSHA256": part["ChecksumSHA256"],
                        }
        except ClientError as error:
            if error.response["Error"]["Code"] != "NoSuchUpload":
                raise
            return False
        return True

    def _part(self, number: int, report: Report) -> None:
        with self.upload.path.open("rb") as file:
            file.seek((number - 1) * self.part_size)
            body = file.read(self.part_size)
        digest = base64.b64encode(hashlib.sha256(body).digest()).decode()
        if self._sent.get(number, {}).get("ChecksumSHA256") != digest:
            told = self.upload.s3.upload_part(**self._target, PartNumber=number, Body=body, ChecksumSHA256=digest)
            self._sent[number] = {"ETag": told["ETag"], "ChecksumSHA256": digest}
        report(len(body))


def part_size_of(size: int) -> int:
    """The size of a part in bytes, in whole MiB."""
    return max(PART_SIZE, math.ceil(size / MOST_PARTS / MIB) * MIB)


def _identity(found: os.stat_result) -> tuple[int, int]:
    return found.st_size, found.st_mtime_ns


# ------------------------------------------------------------ the record of an upload that has begun
@contextmanager
def record_of(bucket: str, key: str, path: Path) -> Iterator[IO[str]]:
    """The file about this upload, locked."""
    what = hashlib.sha256(json.dumps([bucket, key, str(path.resolve())]).encode(errors="surrogatepass")).hexdigest()
    place = cache_folder("uploads") / f"{what[:32]}.json"
    place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with place.open("a+", encoding="utf-8") as record:
        try:
            system.lock(record)
        except OSError as error:
            raise UploadBusy(f"{printable(str(path))} is being uploaded by another command.") from error
        yield record


def _read(record: IO[str]) -> dict[str, Any]:
    record.seek(0)
    try:
        told = json.loads(record.read())
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}


def _write(record: IO[str], told: Mapping[str, Any]) -> None:
    record.seek(0)
    record.truncate()
    json.dump(told, record)
    record.flush()


def _forget(record: IO[str]) -> None:
    """Remove the file, if it is one; nobody else holds it."""
    if not isinstance(record, StringIO):
        Path(record.name).unlink(missing_ok=True)
