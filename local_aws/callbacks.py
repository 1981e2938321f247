"""One-time addresses for answers: each custom resource's function gets one and puts its answer there."""

from __future__ import annotations

import secrets
import threading
from typing import Any

from local_aws.wire import Environ, Reply, ServiceError, read_json

_PREFIX = "/-/cloudformation-response/"
#: AWS CloudFormation User Guide, "Custom resource response objects": the answer has at most 4096 bytes
_MAX_ANSWER = 4096


class Callbacks:
    """Collects the answers by the path to which they were put."""

    def __init__(self) -> None:
        self._answers: dict[str, dict[str, Any]] = {}
        self._awaited: set[str] = set()
        self._changed = threading.Condition()

    def new_path(self) -> str:
        """A path that nobody can guess."""
        path = _PREFIX + secrets.token_urlsafe(32)
        with self._changed:
            self._awaited.add(path)
        return path

    def handles(self, environ: Environ) -> bool:
        """Whether the request puts an answer to such a path. It is not signed: only the function knows the path."""
        with self._changed:
            return environ["REQUEST_METHOD"] == "PUT" and environ["PATH_INFO"] in self._awaited

    def __call__(self, environ: Environ) -> Reply:
        """Store the answer, a JSON object; the first one counts."""
        length = str(environ.get("CONTENT_LENGTH") or "")
        if not length.isdigit() or int(length) > _MAX_ANSWER:
            return Reply(b"", 400)
        try:
            answer = read_json(environ)
        except ServiceError as error:
            return Reply.of_error(error)
        with self._changed:
            self._awaited.discard(environ["PATH_INFO"])
            self._answers[environ["PATH_INFO"]] = answer
            self._changed.notify_all()
        return Reply(b"", headers={"Content-Type": "text/plain"})

    def wait(self, path: str, seconds: float) -> dict[str, Any] | None:
        """Take the answer that was put to `path`; None if it does not come within `seconds`."""
        with self._changed:
            self._changed.wait_for(lambda: path in self._answers, seconds)
            return self._answers.pop(path, None)
