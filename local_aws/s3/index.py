"""The index of buckets, object versions and uploads, and of the content files of which they consist."""

from __future__ import annotations

import json
import sqlite3
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from local_aws.s3.blobs import Blob
from local_aws.s3.errors import S3Error

SCHEMA = """
CREATE TABLE IF NOT EXISTS buckets (
    name TEXT PRIMARY KEY, created REAL NOT NULL, region TEXT NOT NULL,
    versioning TEXT NOT NULL DEFAULT '', eventbridge INTEGER NOT NULL DEFAULT 0);
CREATE TABLE IF NOT EXISTS documents (
    bucket TEXT NOT NULL, name TEXT NOT NULL, body BLOB NOT NULL, PRIMARY KEY (bucket, name));
CREATE TABLE IF NOT EXISTS versions (
    seq INTEGER PRIMARY KEY, bucket TEXT NOT NULL, key TEXT NOT NULL, version_id TEXT NOT NULL,
    latest INTEGER NOT NULL, delete_marker INTEGER NOT NULL, size INTEGER NOT NULL, etag TEXT NOT NULL,
    headers TEXT NOT NULL, tags TEXT NOT NULL, checksums TEXT NOT NULL,
    UNIQUE (bucket, key, version_id));
CREATE INDEX IF NOT EXISTS history ON versions (bucket, key, seq DESC);
CREATE UNIQUE INDEX IF NOT EXISTS latest ON versions (bucket, key) WHERE latest;
CREATE TABLE IF NOT EXISTS segments (
    seq INTEGER NOT NULL, start INTEGER NOT NULL, size INTEGER NOT NULL, blob TEXT NOT NULL,
    PRIMARY KEY (seq, start, blob)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS uploads (
    seq INTEGER PRIMARY KEY, upload_id TEXT NOT NULL UNIQUE, bucket TEXT NOT NULL, key TEXT NOT NULL,
    headers TEXT NOT NULL, tags TEXT NOT NULL, algorithm TEXT NOT NULL, checksum_type TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS uploads_by_key ON uploads (bucket, key, seq);
CREATE TABLE IF NOT EXISTS parts (
    upload_id TEXT NOT NULL, number INTEGER NOT NULL, size INTEGER NOT NULL, blob TEXT NOT NULL,
    etag TEXT NOT NULL, modified REAL NOT NULL, checksums TEXT NOT NULL, PRIMARY KEY (upload_id, number));
"""
#: the version id of objects that were written while versioning was not enabled
NULL_VERSION = "null"


@dataclass(frozen=True)
class Version:
    """A version of an object, or a delete marker; `seq`, unique, is when it was written, in ns since 1970."""

    seq: int
    bucket: str
    key: str
    version_id: str
    latest: bool
    delete_marker: bool
    size: int
    etag: str
    headers: dict[str, str]
    tags: dict[str, str]
    checksums: dict[str, str]

    @classmethod
    def from_row(cls, row: sqlite3.Row) -> Version:
        """From a row of `versions`."""
        fields = {name: row[name] for name in ("seq", "bucket", "key", "version_id", "size", "etag")}
        decoded = {name: json.loads(row[name]) for name in ("headers", "tags", "checksums")}
        return cls(**fields, **decoded, latest=bool(row["latest"]), delete_marker=bool(row["delete_marker"]))

    @property
    def modified(self) -> float:
        """When it was written, in seconds since 1970."""
        return self.seq / 1e9


@dataclass(frozen=True)
class NewObject:
    """The new current version of an object; its content is that of `blobs`, in order."""

    bucket: str
    key: str
    blobs: Sequence[Blob]
    etag: str
    headers: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    checksums: Mapping[str, str] = field(default_factory=dict)


#: takes an object's current version (or None) and raises if it must not be replaced
Condition = Callable[[Version | None], None]


def unconditional(_: Version | None) -> None:
    """The condition that always holds."""


class Clock:
    """Sequence numbers: the time in ns since 1970, but always greater than the number before."""

    def __init__(self, newest: int) -> None:
        self._newest = newest

    def next(self) -> int:
        """The next number; the caller holds the index's lock."""
        self._newest = max(time.time_ns(), self._newest + 1)
        return self._newest


class Transaction:
    """A transaction on the index."""

    def __init__(self, db: sqlite3.Connection, clock: Clock) -> None:
        self._db = db
        self.next_seq = clock.next
        #: `seq` of the versions that this transaction removes; their content goes when nobody reads it any more
        self.dropped_versions: list[int] = []
        #: content files that belong to no version and to which nothing refers any more
        self.dropped_blobs: list[str] = []

    def rows(self, sql: str, *values: Any) -> Iterator[sqlite3.Row]:
        """The rows of a query or of a change with RETURNING."""
        return iter(self._db.execute(sql, values))

    def row(self, sql: str, *values: Any) -> sqlite3.Row | None:
        """The first row, or None."""
        row: sqlite3.Row | None = self._db.execute(sql, values).fetchone()
        return row

    def execute(self, sql: str, *values: Any) -> int:
        """Make a change, and return the number of rows that it affects."""
        return self._db.execute(sql, values).rowcount

    def bucket(self, name: str) -> sqlite3.Row:
        """The row of a bucket; `NoSuchBucket` if it does not exist."""
        row = self.row("SELECT * FROM buckets WHERE name = ?", name)
        if row is None:
            raise S3Error("NoSuchBucket", fields={"BucketName": name})
        return row

    def current(self, bucket: str, key: str) -> Version | None:
        """The latest version, which may be a delete marker, or None."""
        row = self.row("SELECT * FROM versions WHERE bucket = ? AND key = ? AND latest", bucket, key)
        return None if row is None else Version.from_row(row)

    def version(self, bucket: str, key: str, version_id: str) -> Version | None:
        """The version with this id, which may be a delete marker, or None."""
        sql = "SELECT * FROM versions WHERE bucket = ? AND key = ? AND version_id = ?"
        row = self.row(sql, bucket, key, version_id)
        return None if row is None else Version.from_row(row)

    def put(self, new: NewObject, condition: Condition, delete_marker: bool = False) -> Version:
        """Make `new` the current version, by the bucket's versioning."""
        versioning = self.bucket(new.bucket)["versioning"]
        current = self.current(new.bucket, new.key)
        condition(None if current is None or current.delete_marker else current)
        version_id = uuid.uuid4().hex if versioning == "Enabled" else NULL_VERSION
        if version_id == NULL_VERSION and (replaced := self.version(new.bucket, new.key, NULL_VERSION)):
            self._drop(replaced)
        self.execute("UPDATE versions SET latest = 0 WHERE bucket = ? AND key = ? AND latest", new.bucket, new.key)
        seq = self.next_seq()
        size = sum(blob.size for blob in new.blobs)
        texts = [json.dumps(dict(mapping)) for mapping in (new.headers, new.tags, new.checksums)]
        self.execute(
            "INSERT INTO versions VALUES (?, ?, ?, ?, 1, ?, ?, ?, ?, ?, ?)",
            *(seq, new.bucket, new.key, version_id, delete_marker, size, new.etag, *texts),
        )
        start = 0
        for blob in new.blobs:
            self.execute("INSERT INTO segments VALUES (?, ?, ?, ?)", seq, start, blob.size, blob.name)
            start += blob.size
        written = self.version(new.bucket, new.key, version_id)
        assert written is not None
        return written

    def set_tags(self, version: Version, tags: Mapping[str, str]) -> None:
        """Replace the tags of a version."""
        self.execute("UPDATE versions SET tags = ? WHERE seq = ?", json.dumps(dict(tags)), version.seq)

    def remove(self, version: Version) -> None:
        """Remove a version; the newest remaining version becomes the current one."""
        self._drop(version)
        if version.latest:
            self.execute(
                "UPDATE versions SET latest = 1 WHERE seq = "
                "(SELECT max(seq) FROM versions WHERE bucket = ? AND key = ?)",
                *(version.bucket, version.key),
            )

    def _drop(self, version: Version) -> None:
        self.dropped_versions.append(version.seq)
        self.execute("DELETE FROM versions WHERE seq = ?", version.seq)
