"""Buckets and objects on disk: an SQLite index over immutable content files.

A write becomes visible in one transaction of the index, after its content is complete; a reader pins the
version it reads, so that overwriting or deleting an object never takes the files from under a download.
What is acknowledged survives the end of the process; surviving a power cut would take an fsync for each object.
"""

from __future__ import annotations

import sqlite3
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from local_aws.s3.blobs import Blobs
from local_aws.s3.errors import S3Error
from local_aws.s3.index import SCHEMA, Clock, Transaction, Version
from local_aws.sandbox.system import lock


class Reading:
    """A version pinned for reading: its content stays until `close`."""

    def __init__(self, store: Store, version: Version) -> None:
        self.version = version
        self._store = store
        self._open = True

    def segments(self, start: int, end: int) -> list[tuple[str, int, int]]:
        """Content file, first byte and length of each piece of the bytes `[start, end)`."""
        sql = "SELECT * FROM segments WHERE seq = ? AND start < ? AND start + size > ? ORDER BY start"
        with self._store.transaction() as tx:
            rows = list(tx.rows(sql, self.version.seq, end, start))
        pieces = []
        for row in rows:
            first = max(start - row["start"], 0)
            pieces.append((row["blob"], first, min(end - row["start"], row["size"]) - first))
        return pieces

    def blocks(self, start: int, end: int) -> Iterator[bytes]:
        """The bytes `[start, end)` in blocks of at most 1 MiB."""
        for blob, first, size in self.segments(start, end):
            yield from self._store.blobs.read(blob, first, size)

    def close(self) -> None:
        """Let go of the content; a second time does nothing."""
        if self._open:
            self._open = False
            self._store.unpin(self.version.seq)


class Store:
    """Everything under one folder, which belongs to one process at a time.

    Raises
    ------
    RuntimeError
        Another store has the folder open.
    """

    def __init__(self, root: Path) -> None:
        self.blobs = Blobs(root / "blobs")
        self._lock = threading.RLock()
        self._pins: Counter[int] = Counter()
        self._unread: set[int] = set()
        self._owner = (root / "lock").open("w")
        try:
            lock(self._owner)
        except BlockingIOError:
            self._owner.close()
            raise RuntimeError(
                f"{root} is in use by another embedded S3: close that, or choose another folder"
            ) from None
        # One connection under one lock: a transaction takes well under a millisecond, opening a connection more.
        self._db = sqlite3.connect(root / "index.sqlite", check_same_thread=False, isolation_level=None)
        self._db.row_factory = sqlite3.Row
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = NORMAL")
        self._db.executescript(SCHEMA)
        self._clock = Clock(self._newest_seq())
        self._sweep()

    def close(self) -> None:
        """Give the folder back."""
        with self._lock:
            self._db.close()
            self._owner.close()

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        """All of a change to the index, or, where the block raises, nothing of it."""
        with self._lock:
            tx = Transaction(self._db, self._clock)
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield tx
                unread = [seq for seq in tx.dropped_versions if not self._pins[seq]]
                blobs = [*tx.dropped_blobs, *_forget_segments(tx, unread)]
            except BaseException:
                self._db.execute("ROLLBACK")
                raise
            self._db.execute("COMMIT")
            self._unread.update(set(tx.dropped_versions) - set(unread))
        self.blobs.remove(blobs)

    def open(self, bucket: str, key: str, version_id: str | None) -> Reading:
        """Pin the current version, or the one named.

        Raises
        ------
        S3Error
            `NoSuchBucket`, `NoSuchKey`, `NoSuchVersion`, or `MethodNotAllowed` for a delete marker named by its id.
        """
        with self.transaction() as tx:
            version = readable(tx, bucket, key, version_id)
            self._pins[version.seq] += 1
        return Reading(self, version)

    def unpin(self, seq: int) -> None:
        """A reader of version `seq` is done; the last one of a removed version takes its content along."""
        with self._lock:
            self._pins[seq] -= 1
            if self._pins[seq]:
                return
            del self._pins[seq]
            if seq not in self._unread:
                return
            self._unread.remove(seq)
        with self.transaction() as tx:
            tx.dropped_blobs += _forget_segments(tx, [seq])

    def _newest_seq(self) -> int:
        tables = "SELECT seq FROM versions UNION ALL SELECT seq FROM uploads UNION ALL SELECT seq FROM segments"
        newest: int | None = self._db.execute(f"SELECT max(seq) FROM ({tables})").fetchone()[0]  # noqa: S608
        return newest or 0

    def _sweep(self) -> None:
        with self.transaction() as tx:
            tx.execute("DELETE FROM segments WHERE seq NOT IN (SELECT seq FROM versions)")
            self.blobs.sweep({row["blob"] for row in tx.rows("SELECT blob FROM segments UNION SELECT blob FROM parts")})


def _forget_segments(tx: Transaction, seqs: list[int]) -> list[str]:
    forgotten = []
    for seq in seqs:
        forgotten += [row["blob"] for row in tx.rows("DELETE FROM segments WHERE seq = ? RETURNING blob", seq)]
    return forgotten


def readable(tx: Transaction, bucket: str, key: str, version_id: str | None) -> Version:
    """The version that a read of `key` means; the errors are those of `Store.open`."""
    tx.bucket(bucket)
    version = tx.version(bucket, key, version_id) if version_id else tx.current(bucket, key)
    if version is None:
        raise S3Error("NoSuchVersion" if version_id else "NoSuchKey", fields={"Key": key})
    if version.delete_marker:
        headers = {"x-amz-delete-marker": "true", "x-amz-version-id": version.version_id}
        raise S3Error("MethodNotAllowed" if version_id else "NoSuchKey", fields={"Key": key}, headers=headers)
    return version
