"""Buckets and objects on disk: an SQLite index, and content files that never change.

A write becomes visible in one transaction of the index, after its content is complete. A reader pins the version that
it reads, so its content files stay while another request overwrites or deletes the object. Acknowledged writes survive
the end of the process; to survive a power failure, each object would need an fsync.
"""

from __future__ import annotations

import sqlite3
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from local_aws.full_disk import is_full, transaction
from local_aws.s3.blobs import Blobs
from local_aws.s3.errors import S3Error
from local_aws.s3.index import SCHEMA, Clock, Transaction, Version
from local_aws.system import lock


class Reading:
    """A version that is pinned for reading: its content stays until `close`."""

    def __init__(self, store: Store, version: Version) -> None:
        self.version = version
        self._store = store
        self._open = True

    def segments(self, start: int, end: int) -> list[tuple[str, int, int]]:
        """The pieces of the bytes `[start, end)`: content file, first byte in it, and length."""
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
        """Unpin the version; a second call does nothing."""
        if self._open:
            self._open = False
            self._store.unpin(self.version.seq)


class Store:
    """All objects under one folder, which one store uses at a time.

    Raises
    ------
    RuntimeError
        Another store uses the folder.
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
                f"{root} is in use by another embedded AWS; end that one, or choose another folder"
            ) from None
        # One connection under one lock: a transaction takes far less than a millisecond, a new connection takes more.
        self._db = sqlite3.connect(root / "index.sqlite", check_same_thread=False, isolation_level=None)
        self._db.row_factory = sqlite3.Row
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = NORMAL")
        self._db.executescript(SCHEMA)
        self._clock = Clock(self._newest_seq())
        self._sweep()

    def close(self) -> None:
        """Release the folder."""
        with self._lock:
            self._db.close()
            self._owner.close()

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        """A transaction on the index, which is rolled back if the block raises."""
        with self._lock:
            tx = Transaction(self._db, self._clock)
            with transaction(self._db):
                yield tx
                unread = [seq for seq in tx.dropped_versions if not self._pins[seq]]
                blobs = [*tx.dropped_blobs, *_forget_segments(tx, unread)]
            self._unread.update(set(tx.dropped_versions) - set(unread))
        self.blobs.remove(blobs)

    def open(self, bucket: str, key: str, version_id: str | None) -> Reading:
        """Pin the current version of an object, or the version with this id.

        Raises
        ------
        S3Error
            `NoSuchBucket`, `NoSuchKey`, `NoSuchVersion`; `MethodNotAllowed` for the id of a delete marker.
        """
        with self.transaction() as tx:
            version = readable(tx, bucket, key, version_id)
            self._pins[version.seq] += 1
        return Reading(self, version)

    def unpin(self, seq: int) -> None:
        """End one reading of version `seq`; if it was the last one and the version was removed, remove its content."""
        with self._lock:
            self._pins[seq] -= 1
            if self._pins[seq]:
                return
            del self._pins[seq]
            if seq not in self._unread:
                return
            self._unread.remove(seq)
        try:
            with self.transaction() as tx:
                tx.dropped_blobs += _forget_segments(tx, [seq])
        except sqlite3.OperationalError as error:  # the reader has its bytes; the next start sweeps this version
            if not is_full(error):
                raise

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
    """The version that a read of `key` returns; the errors are those of `Store.open`."""
    tx.bucket(bucket)
    version = tx.version(bucket, key, version_id) if version_id else tx.current(bucket, key)
    if version is None:
        fields = {"Key": key} | ({"VersionId": version_id} if version_id else {})
        raise S3Error("NoSuchVersion" if version_id else "NoSuchKey", fields=fields)
    if version.delete_marker:
        headers = {"x-amz-delete-marker": "true", "x-amz-version-id": version.version_id}
        raise S3Error("MethodNotAllowed" if version_id else "NoSuchKey", fields={"Key": key}, headers=headers)
    return version
