"""One-time addresses for answers: each custom resource's function gets one and puts its answer there."""

from __future__ import annotations

import json
import threading
import uuid
from typing import Any

from local_aws.wire import Environ, Reply, read_body

_PREFIX = "/-/cloudformation-response/"


class Callbacks:
    """Collects the answers by the path to which they were put."""

    def __init__(self) -> None:
        self._answers: dict[str, dict[str, Any]] = {}
        self._changed = threading.Condition()

    def new_path(self) -> str:
        """A path that nobody can guess."""
        return _PREFIX + uuid.uuid4().hex

    def handles(self, environ: Environ) -> bool:
        """Whether the request puts an answer to such a path."""
        path: str = environ["PATH_INFO"]
        return path.startswith(_PREFIX)

    def __call__(self, environ: Environ) -> Reply:
        """Store the answer, a JSON object."""
        with self._changed:
            self._answers[environ["PATH_INFO"]] = json.loads(read_body(environ))
            self._changed.notify_all()
        return Reply(b"", headers={"Content-Type": "text/plain"})

    def wait(self, path: str, seconds: float) -> dict[str, Any] | None:
        """Take the answer that was put to `path`; None if it does not come within `seconds`."""
        with self._changed:
            self._changed.wait_for(lambda: path in self._answers, seconds)
            return self._answers.pop(path, None)
