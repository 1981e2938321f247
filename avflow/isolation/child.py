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
from typing import Any

from avflow.isolation import linux, messages
from avflow.isolation.entering import enter
from avflow.isolation.policy import Policy
from avflow.progress import Progress


def main(tasks: str) -> None:
    """Serve the parent until it closes the pipe. `tasks` is the module whose class `Tasks` does the work."""
    answers = os.dup(1)
    os.dup2(2, 1)
    requests = sys.stdin.buffer
    policy = Policy.from_dict(json.loads(requests.readline())["enter"])
    _end_with(policy.parent)
    isolation = enter(policy)

    def say(kind: str, value: object) -> None:
        rest = messages.line(kind, value)
        while rest:
            rest = rest[os.write(answers, rest) :]

    def report(progress: Progress) -> None:
        say("progress", progress.to_dict())

    say("entered", isolation.to_dict())
    worker: Any = None
    for line in requests:
        asked = json.loads(line)["do"]
        try:
            if worker is None:  # its imports are heavy, and an error in them is told as one of the task
                worker = importlib.import_module(tasks).Tasks()
            report(Progress(asked["task"].replace("_", " "), 0.0, None, "seconds", 0.0))  # the imports are done
            done = getattr(worker, asked["task"])(worker.REQUESTS[asked["task"]].from_dict(asked["request"]), report)
            say("answer", done.to_dict())
        except Exception as error:
            say("error", messages.described(error, f"{asked['task']} works"))


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
