"""Executions that outlive the embedded AWS: their descriptions and their histories, in an SQLite file.

moto keeps executions in memory. Here a thread writes down how far each one is, so that the file is at most
`SECONDS` behind, also when the process is killed. What still ran then is ABORTED at the next start.
"""

from __future__ import annotations

import contextlib
import json
import sqlite3
import threading
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

from local_aws.full_disk import transaction

SECONDS = 0.5
#: the share of a core that writing down may take, as the pause over the work
_PAUSE_SHARE = 4
#: the error of an execution that ran when the embedded AWS ended
STOPPED = "EmbeddedAwsStopped"
CAUSE = "The embedded AWS ended while this execution ran. Upload the file again, or start another execution."
_SCHEMA = """
CREATE TABLE IF NOT EXISTS executions (
    arn TEXT PRIMARY KEY, machine TEXT NOT NULL, started REAL NOT NULL, status TEXT NOT NULL, facts TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS of_machine ON executions (machine, started DESC);
CREATE TABLE IF NOT EXISTS events (arn TEXT NOT NULL, id INTEGER NOT NULL, event TEXT NOT NULL, PRIMARY KEY (arn, id));
"""
_FACTS = (
    "executionArn", "stateMachineArn", "name", "status", "startDate", "stopDate", "input", "inputDetails", "output",
    "outputDetails", "error", "cause", "redriveCount", "redriveDate",
)  # fmt: skip


class Archive:
    """The executions of earlier sessions, and a record of those of this one.

    Parameters
    ----------
    client:
        Returns the boto3 client of Step Functions.
    """

    def __init__(self, path: Path, client: Callable[[], Any]) -> None:
        self._client = client
        self._lock = threading.RLock()  # of the file and the sets; never held during a request, which may need it
        self._writing = threading.Lock()  # one thread writes down at a time
        self._running: set[str] = set()
        self._mine: set[str] = set()
        self._closed = threading.Event()
        self._db = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = NORMAL")
        self._db.executescript(_SCHEMA)
        self._abort_running()
        threading.Thread(target=self._write_often, name="local-aws-archive", daemon=True).start()

    def close(self) -> None:
        """Write down how far all executions are; those that run are ABORTED."""
        self._closed.set()
        with contextlib.suppress(Exception):
            self._write_down()
        with self._writing, self._lock:
            with contextlib.suppress(sqlite3.OperationalError):  # on a full disk the next start does it
                self._abort_running()
            self._db.close()

    # ------------------------------------------------------------ this session
    def started(self, arn: str) -> None:
        """An execution has begun."""
        with self._lock:
            if arn in self._mine:
                return
            self._mine.add(arn)
            self._running.add(arn)
        with contextlib.suppress(Exception):
            self._write_one(arn)

    def redriven(self, arn: str) -> None:
        """An execution goes on."""
        with self._lock:
            self._running.add(arn)
        with contextlib.suppress(Exception):
            self._write_one(arn)

    def _write_often(self) -> None:
        pause = SECONDS
        while not self._closed.wait(pause):
            before = time.monotonic()
            with contextlib.suppress(Exception):  # at the end its server does not answer
                self._write_down()
            pause = max(SECONDS, _PAUSE_SHARE * (time.monotonic() - before))

    def _write_down(self) -> None:
        with self._lock:
            running = list(self._running)
        for arn in running:
            self._write_one(arn)

    def _write_one(self, arn: str) -> None:
        with self._writing:
            described, events = self._ask(arn)
            with self._lock:
                self._store(described, events)
                if described["status"] != "RUNNING":
                    self._running.discard(arn)

    def _ask(self, arn: str) -> tuple[dict[str, Any], list[dict[str, Any]]]:
        """The description of an execution, and the events that are not written down yet."""
        states = self._client()
        described = states.describe_execution(executionArn=arn)  # first, so that the history is not behind it
        with self._lock:
            (known,) = self._db.execute("SELECT coalesce(max(id), 0) FROM events WHERE arn = ?", (arn,)).fetchone()
        asked = {"executionArn": arn, "maxResults": 1000}
        events = []
        token: str | None = str(known)
        while token:
            page = states.get_execution_history(**asked, nextToken=token)
            events += page["events"]
            token = page.get("nextToken")
        return described, events

    def _store(self, described: dict[str, Any], events: list[dict[str, Any]]) -> None:
        facts = _plain({name: described[name] for name in _FACTS if name in described})
        with transaction(self._db):
            row = facts["executionArn"], facts["stateMachineArn"], facts["startDate"], facts["status"]
            self._db.execute("INSERT OR REPLACE INTO executions VALUES (?, ?, ?, ?, ?)", (*row, json.dumps(facts)))
            rows = [(facts["executionArn"], event["id"], json.dumps(_plain(event))) for event in events]
            self._db.executemany("INSERT OR IGNORE INTO events VALUES (?, ?, ?)", rows)

    def _abort_running(self) -> None:
        """End what ran when the embedded AWS ended, this time or the last time."""
        rows = self._db.execute("SELECT facts FROM executions WHERE status = 'RUNNING'").fetchall()
        for (text,) in rows:
            facts = json.loads(text)
            arn = facts["executionArn"]
            sql = "SELECT event FROM events WHERE arn = ? ORDER BY id DESC LIMIT 1"
            newest = self._db.execute(sql, (arn,)).fetchone()
            last = json.loads(newest[0]) if newest else {"id": 0, "timestamp": facts["startDate"]}
            ended = {"error": STOPPED, "cause": CAUSE}
            event = {
                "timestamp": last["timestamp"],
                "type": "ExecutionAborted",
                "id": last["id"] + 1,
                "previousEventId": last["id"],
                "executionAbortedEventDetails": ended,
            }
            self._store({**facts, "status": "ABORTED", "stopDate": last["timestamp"], **ended}, [event])

    # ------------------------------------------------------------ earlier sessions
    def find(self, arn: str) -> dict[str, Any] | None:
        """The description of an execution of an earlier session."""
        with self._lock:
            if arn in self._mine:
                return None
            row = self._db.execute("SELECT facts FROM executions WHERE arn = ?", (arn,)).fetchone()
        found: dict[str, Any] | None = json.loads(row[0]) if row else None
        return found

    def history(self, arn: str) -> list[dict[str, Any]]:
        """The history of an execution, oldest event first."""
        with self._lock:
            rows = self._db.execute("SELECT event FROM events WHERE arn = ? ORDER BY id", (arn,)).fetchall()
        return [json.loads(text) for (text,) in rows]

    def of_machine(self, machine: str) -> list[dict[str, Any]]:
        """The descriptions of the executions of earlier sessions, newest first."""
        with self._lock:
            sql = "SELECT arn, facts FROM executions WHERE machine = ? ORDER BY started DESC"
            rows = self._db.execute(sql, (machine,)).fetchall()
            return [json.loads(text) for arn, text in rows if arn not in self._mine]


def _plain(value: Any) -> Any:
    """A response of boto3 as AWS sends it: times are numbers."""
    if isinstance(value, datetime):
        return value.timestamp()
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value
