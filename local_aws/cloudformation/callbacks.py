"""Where custom resources answer: each gets an address of its own, and puts its answer there once."""

from __future__ import annotations

import json
import threading
import uuid
from typing import Any

from local_aws.wire import Environ, Reply, read_body

_PREFIX = "/-/cloudformation-response/"


class Callbacks:
    """Answers that are waited for, by the path they are put to."""

    def __init__(self) -> None:
        self._answers: dict[str, dict[str, Any]] = {}
        self._changed = threading.Condition()

    def new_path(self) -> str:
        """A path that nobody else knows."""
        return _PREFIX + uuid.uuid4().hex

    def handles(self, environ: Environ) -> bool:
        """Whether the request is such an answer."""
        return environ["PATH_INFO"].startswith(_PREFIX)

    def __call__(self, environ: Environ) -> Reply:
        """Take an answer."""
        with self._changed:
            self._answers[environ["PATH_INFO"]] = json.loads(read_body(environ))
            self._changed.notify_all()
        return Reply(b"", headers={"Content-Type": "text/plain"})

    def wait(self, path: str, seconds: float) -> dict[str, Any] | None:
        """The answer put to `path`, or None when none came in time."""
        with self._changed:
            self._changed.wait_for(lambda: path in self._answers, seconds)
            return self._answers.pop(path, None)
