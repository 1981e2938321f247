"""Server-sent events: what has changed, as long as a page looks (HTML Standard, "Server-sent events").

AWS is asked only while a page is open, and less often while nothing happens.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from avflow_cli.console.aws import Aws
from avflow_cli.console.execution import Executions
from avflow_cli.console.words import sentence

#: streams at once, each of which holds a thread
MOST = 32
#: seconds after which a silent stream says that it is there; so a closed page is noticed
HEARTBEAT = 15.0
#: a list is asked for so many times less often than an execution
_LIST = 2


class Streams:
    """Makes the streams.

    Parameters
    ----------
    poll:
        Seconds between two looks at an execution.
    """

    def __init__(self, aws: Aws, executions: Executions, poll: float) -> None:
        self._aws, self._executions, self._poll = aws, executions, poll
        self._closing = threading.Event()
        self._places = threading.BoundedSemaphore(MOST)

    def close(self) -> None:
        """End all streams."""
        self._closing.set()

    def of_execution(self, arn: str) -> Iterator[bytes]:
        """Each change of an execution: `execution` (its description), `runs` (of states), `events` (their number).

        It ends after the execution.
        """
        execution, seen, told = self._executions.get(arn), 0, dict[str, Any]()

        def look() -> Iterator[bytes]:
            nonlocal seen, told
            execution.refresh(self._poll)
            if changed := execution.runs.changed(seen):
                yield _event("runs", [execution.summary(run) for run in changed])
            if execution.runs.last > seen:
                yield _event("events", execution.runs.last)
            seen = execution.runs.last
            now = {name: execution.described.get(name) for name in ("status", "error", "cause", "redriveStatus")}
            if now != told:
                told = now
                ended = execution.described.get("stopDate")
                yield _event("execution", {**now, "ended": ended.timestamp() if ended else None})
            if execution.has_ended:
                yield _event("end", None)

        return self._stream(look, self._poll)

    def of_list(self, machine: str, status: str | None, name: str) -> Iterator[bytes]:
        """The first page of a list, whenever it has changed."""
        told: dict[str, Any] | None = None

        def look() -> Iterator[bytes]:
            nonlocal told
            now = asdict(self._aws.executions(machine, status, name, None))
            if told is None or now["rows"] != told["rows"]:
                told = now
                yield _event("rows", now)

        return self._stream(look, _LIST * self._poll)

    def _stream(self, look: Callable[[], Iterator[bytes]], pause: float) -> Iterator[bytes]:
        if not self._places.acquire(blocking=False):
            yield _event("failure", "Too many pages are open.")
            return
        try:
            spoke = time.monotonic()
            while not self._closing.is_set():
                try:
                    for event in look():
                        yield event
                        spoke = time.monotonic()
                        if event.startswith(b"event: end\n"):
                            return
                except (ClientError, BotoCoreError) as error:
                    yield _event("failure", sentence(error, self._aws.region))
                    return
                if time.monotonic() - spoke > HEARTBEAT:
                    yield b":\n\n"
                    spoke = time.monotonic()
                self._closing.wait(pause)
        finally:
            self._places.release()


def _event(name: str, data: object) -> bytes:
    return f"event: {name}\ndata: {json.dumps(data)}\n\n".encode()
