"""The AWS Lambda Runtime API for one invocation, for the runtime interface client in an image.

AWS Lambda Developer Guide, "Using the Lambda runtime API for custom runtimes".
"""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from types import TracebackType
from typing import Self, cast
from wsgiref.types import StartResponse

from local_aws.awslambda.messages import InvocationFacts, LambdaError, Response
from local_aws.http_server import http_server
from local_aws.wire import Environ, Reply, read_body

_ROUTE = re.compile(
    r"^/2018-06-01/runtime/(?P<what>invocation/next|init/error|invocation/(?P<id>[^/]+)/(response|error))$"
)


class RuntimeApi:
    """Hands out the event in a sandbox folder, and writes the response into the folder; a context manager.

    The files are those of `bootstrap.py`: it reads `invocation.json` and `event.json`, and writes `initialised` and
    `response.json`.

    Parameters
    ----------
    on_idle:
        Called when the runtime asks for a second event, that is, after its response.
    """

    def __init__(self, folder: Path, on_idle: Callable[[], None]) -> None:
        self._folder, self._on_idle = folder, on_idle
        self._facts: InvocationFacts = json.loads((folder / "invocation.json").read_text())
        self._handed_out = False
        self._closed = threading.Event()
        self._server = http_server(self._application)
        self.address = f"127.0.0.1:{self._server.port}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.05,), name="runtime-api", daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closed.set()
        self._server.shutdown()
        self._server.server_close()

    def _application(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        return self._answer(environ).send(start_response)

    def _answer(self, environ: Environ) -> Reply:
        route = _ROUTE.match(environ["PATH_INFO"])
        if route is None:
            return Reply(b"{}", 404)
        if route["what"] == "invocation/next":
            return self._next()
        if route["id"] not in (None, self._facts["request_id"]):
            return Reply(b'{"errorType": "InvalidRequestID", "errorMessage": "Invalid request ID"}', 400)
        text = read_body(environ).decode()
        self._write({"result": text} if route["what"].endswith("/response") else {"error": self._error(text)})
        return Reply(b"{}", 202)

    def _next(self) -> Reply:
        if self._handed_out:
            self._on_idle()
            self._closed.wait()  # AWS freezes the sandbox during this call
            return Reply(b"{}", 410)
        self._handed_out = True
        (self._folder / "initialised").touch()
        deadline = time.time() + self._facts["timeout_seconds"]
        headers = {
            "Lambda-Runtime-Aws-Request-Id": self._facts["request_id"],
            "Lambda-Runtime-Deadline-Ms": str(int(deadline * 1000)),
            "Lambda-Runtime-Invoked-Function-Arn": self._facts["invoked_function_arn"],
        }
        return Reply((self._folder / "event.json").read_bytes(), headers=headers)

    def _error(self, text: str) -> LambdaError:
        return cast(LambdaError, {"requestId": self._facts["request_id"], **json.loads(text)})

    def _write(self, response: Response) -> None:
        whole = self._folder / "response.partial"
        whole.write_text(json.dumps(response))
        whole.replace(self._folder / "response.json")
