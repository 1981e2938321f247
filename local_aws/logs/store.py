"""Log groups, streams and events in an SQLite file.

Events are collected in memory and written in batches, and before anybody reads.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from local_aws.full_disk import is_full, transaction

_SCHEMA = """
CREATE TABLE IF NOT EXISTS groups (
    id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, created INTEGER NOT NULL, retention INTEGER);
CREATE TABLE IF NOT EXISTS streams (
    id INTEGER PRIMARY KEY, group_id INTEGER NOT NULL, name TEXT NOT NULL, created INTEGER NOT NULL,
    first INTEGER, last INTEGER, ingested INTEGER, UNIQUE (group_id, name));
CREATE TABLE IF NOT EXISTS events (
    id INTEGER PRIMARY KEY AUTOINCREMENT, group_id INTEGER NOT NULL, stream_id INTEGER NOT NULL,
    time INTEGER NOT NULL, ingested INTEGER NOT NULL, message TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS events_of_group ON events (group_id, time, id);
CREATE INDEX IF NOT EXISTS events_of_stream ON events (stream_id, time, id);
"""
#: seconds after which events are in the file at the latest, and events after which they are at once
FLUSH_SECONDS = 0.5
FLUSH_EVENTS = 500
#: events that wait for space on a full disk; older ones are lost
KEPT_EVENTS = 10_000


def now() -> int:
    """The time now in ms since 1970."""
    return time.time_ns() // 1_000_000


class Entry(NamedTuple):
    """An event to be written; `time` in ms since 1970."""

    group: str
    stream: str
    time: int
    message: str


class LogStore:
    """All log groups; threads can share it."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._lock = threading.RLock()
        self._pending: list[Entry] = []
        self._closed = threading.Event()
        self._db = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._db.row_factory = sqlite3.Row
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = NORMAL")
        self._db.executescript(_SCHEMA)
        threading.Thread(target=self._flush_often, name="local-aws-logs", daemon=True).start()

    def close(self) -> None:
        """Write what is left, and release the file."""
        self._closed.set()
        with self._lock:
            self.flush()
            self._db.close()

    def append(self, entry: Entry) -> None:
        """Add an event; its group and stream are created if they are missing."""
        with self._lock:
            self._pending.append(entry)
            full = len(self._pending) >= FLUSH_EVENTS
        if full:
            self.flush()

    def flush(self) -> None:
        """Write the collected events. If the disk is full they wait for space, the newest `KEPT_EVENTS` of them."""
        with self._lock:
            if not self._pending or self._is_closed():
                return
            try:
                with self.transaction(flush=False) as db:
                    self._write(db)
            except sqlite3.OperationalError as error:
                if not is_full(error):
                    raise
                del self._pending[:-KEPT_EVENTS]
            else:
                self._pending.clear()

    @contextmanager
    def transaction(self, *, flush: bool = True) -> Iterator[sqlite3.Connection]:
        """A transaction on the file, after the collected events are written."""
        with self._lock:
            if flush:
                self.flush()
            with transaction(self._db):
                yield self._db

    def rows(self, sql: str, values: Mapping[str, Any] | tuple[Any, ...] = ()) -> list[sqlite3.Row]:
        """The rows of a query."""
        with self.transaction() as db:
            return list(db.execute(sql, values))

    def _is_closed(self) -> bool:
        try:
            self._db.execute("SELECT 1")
        except sqlite3.ProgrammingError:
            return True
        return False

    def _flush_often(self) -> None:
        while not self._closed.wait(FLUSH_SECONDS):
            self.flush()

    def _write(self, db: sqlite3.Connection) -> None:
        ids: dict[tuple[str, str], tuple[int, int]] = {}
        at = now()
        for entry in self._pending:
            key = entry.group, entry.stream
            if key not in ids:
                ids[key] = _ids(db, *key)
            group, stream = ids[key]
            db.execute(
                "INSERT INTO events (group_id, stream_id, time, ingested, message) VALUES (?, ?, ?, ?, ?)",
                (group, stream, entry.time, at, entry.message),
            )
            db.execute(
                "UPDATE streams SET first = min(coalesce(first, ?1), ?1), last = max(coalesce(last, ?1), ?1), "
                "ingested = ?2 WHERE id = ?3",
                (entry.time, at, stream),
            )


def _ids(db: sqlite3.Connection, group: str, stream: str) -> tuple[int, int]:
    """The ids of a group and a stream, which are created if they are missing."""
    db.execute("INSERT OR IGNORE INTO groups (name, created) VALUES (?, ?)", (group, now()))
    (group_id,) = db.execute("SELECT id FROM groups WHERE name = ?", (group,)).fetchone()
    sql = "INSERT OR IGNORE INTO streams (group_id, name, created) VALUES (?, ?, ?)"
    db.execute(sql, (group_id, stream, now()))
    sql = "SELECT id FROM streams WHERE group_id = ? AND name = ?"
    (stream_id,) = db.execute(sql, (group_id, stream)).fetchone()
    return group_id, stream_id
