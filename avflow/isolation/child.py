"""The media process. It gives up its rights, then does the tasks that its parent asks for, one after another.

Its standard input and output belong to the messages (`avflow.isolation.messages`). What a library prints goes to
standard error.
"""

from __future__ import annotations

import importlib
import json
import os
import signal
import sys
import threading
import time
from collections import deque
from typing import Any, BinaryIO

from avflow.isolation import linux, messages
from avflow.isolation.entering import enter
from avflow.isolation.policy import Policy
from avflow.progress import Progress


def main(tasks: str) -> None:
    """Serve the parent until it closes the pipe. `tasks` is the module whose class `Tasks` does the work."""
    answers = os.dup(1)
    os.dup2(2, 1)
    parent = _Parent(sys.stdin.buffer, answers)
    policy = Policy.from_dict(parent.heard("enter"))
    _end_with(policy.parent)
    isolation = enter(policy)
    say = parent.say

    def report(progress: Progress) -> None:
        say("progress", progress.to_dict())

    say("entered", isolation.to_dict())
    worker: Any = None
    while (asked := parent.heard("do")) is not None:
        try:
            if worker is None:  # its imports are heavy, and an error in them is told as one of the task
                worker = importlib.import_module(tasks).Tasks()
                worker.need = parent.need
            report(Progress(asked["task"].replace("_", " "), 0.0, None, "seconds", 0.0))  # the imports are done
            done = getattr(worker, asked["task"])(worker.REQUESTS[asked["task"]].from_dict(asked["request"]), report)
            say("answer", done.to_dict())
        except Exception as error:
            say("error", messages.described(error, f"{asked['task']} works"))


class _Parent:
    """The messages to and from the parent. Several threads may speak, and one may need ranges of the source."""

    def __init__(self, requests: BinaryIO, answers: int) -> None:
        self._requests, self._answers = requests, answers
        self._speaking, self._needing = threading.Lock(), threading.Lock()
        self._early: deque[tuple[str, Any]] = deque()

    def say(self, kind: str, value: object) -> None:
        """Send a message."""
        rest = messages.line(kind, value)
        with self._speaking:
            while rest:
                rest = rest[os.write(self._answers, rest) :]

    def heard(self, kind: str) -> Any:
        """The value of the next message of this kind; None if the parent has closed the pipe.

        The parent may send a task before it answers what the last one needs.
        """
        for early in self._early:
            if early[0] == kind:
                self._early.remove(early)
                return early[1]
        while line := self._requests.readline():
            said, value = next(iter(json.loads(line).items()))
            if said == kind:
                return value
            self._early.append((said, value))
        return None

    def need(self, first: int, end: int) -> None:
        """Wait until the bytes `[first, end)` of the source are in its file (`avflow.media.ranged.Need`)."""
        with self._needing:
            self.say("need", [first, end])
            if self.heard("there") is None:
                raise BrokenPipeError("the parent has ended")


def _end_with(parent: int) -> None:
    """End when the parent has ended, however it did."""
    if linux.ON_LINUX:
        linux.die_with_parent()
        if os.getppid() != parent:  # it died before that
            sys.exit("the parent has ended")
        return

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(0.5)
        os.killpg(0, signal.SIGKILL)

    threading.Thread(target=watch, daemon=True).start()
