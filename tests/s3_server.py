"""Shared helpers for tests of the embedded S3: a real server and a boto3 client."""

from __future__ import annotations

import http.client
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

from local_aws.access.authenticator import Authenticator
from local_aws.access.keys import AccessKey, AccessKeys
from local_aws.http_server import http_server
from local_aws.s3 import ObjectCreated, S3App
from tests.waiting import until

#: the access key of all servers and clients here
KEY = AccessKey("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
CONFIG = Config(max_pool_connections=20, retries={"max_attempts": 1})


def client_for(endpoint: str, **config: Any) -> Any:
    return client_with(endpoint, KEY, **config)


def client_with(endpoint: str, key: AccessKey, **config: Any) -> Any:
    return boto3.client(
        "s3",
        endpoint_url=endpoint,
        region_name="us-east-1",
        aws_access_key_id=key.id,
        aws_secret_access_key=key.secret,
        aws_session_token=key.token,
        config=CONFIG.merge(Config(**config)),
    )


def signed_headers(method: str, url: str, headers: Mapping[str, str]) -> dict[str, str]:
    """The headers of a request to S3 with their signature; its payload is not signed unless they state its digest."""
    payload = {"x-amz-content-sha256": "UNSIGNED-PAYLOAD"}
    request = AWSRequest(method, url, headers={**payload, **{name.lower(): headers[name] for name in headers}})
    SigV4Auth(Credentials(KEY.id, KEY.secret), "s3", "us-east-1").add_auth(request)
    return dict(request.headers.items())


@dataclass
class S3Server:
    folder: Path
    port: int = 0
    events: list[ObjectCreated] = field(default_factory=list)

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def content_files(self) -> set[str]:
        return {path.name for path in (self.folder / "blobs").iterdir()}

    def occupied(self) -> int:
        """Bytes of the disk that the content files take."""
        return sum(path.stat().st_blocks * 512 for path in (self.folder / "blobs").iterdir())

    def settles_to(self, files: set[str]) -> bool:
        """Wait until only these content files are left. A file is removed after the thread that reads it ends."""
        return until(lambda: self.content_files() == files, f"the removal of all but {sorted(files)}")

    def raw(self, method: str, path: str, body: bytes | None = None, **headers: str) -> http.client.HTTPResponse:
        """Send a hand-made request, signed without its payload. The caller reads the body of the response."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.send(method, path, body, signed_headers(method, self.endpoint + path, named))

    def send(self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]) -> http.client.HTTPResponse:
        """Send a request as it is. The caller reads the body of the response."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        connection.request(method, path, body, headers)
        return connection.getresponse()


@dataclass(frozen=True)
class Served:
    """A request that was answered: its Range header, and the bytes of the answer's body."""

    method: str
    path: str
    range: str | None
    if_match: str | None
    sent: int


class Counting:
    """An S3 that notes each request, and waits before each answer."""

    def __init__(self, app: Any, latency: float = 0.0) -> None:
        self._app, self.latency = app, latency
        self.served: list[Served] = []

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterator[bytes]:
        time.sleep(self.latency)
        sent = 0
        try:
            for piece in self._app(environ, start_response):
                sent += len(piece)
                yield piece
        finally:
            asked = (environ["REQUEST_METHOD"], environ["PATH_INFO"])
            headers = (environ.get("HTTP_RANGE"), environ.get("HTTP_IF_MATCH"))
            self.served.append(Served(*asked, *headers, sent))

    def of(self, key: str) -> list[Served]:
        """The GET requests for an object."""
        return [each for each in self.served if each.method == "GET" and each.path.endswith(f"/{key}")]


@contextmanager
def serving(folder: Path, through: Callable[[S3App], Any] = lambda app: app) -> Iterator[S3Server]:
    """Run a server in a thread of this process. `through` may put something between it and its clients."""
    started = S3Server(folder)
    app = S3App(folder, started.events.append)
    keys = AccessKeys()
    keys.admit(KEY)
    front = http_server(Authenticator(keys).guard(through(app)))
    started.port = front.port
    thread = threading.Thread(target=front.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield started
    finally:
        front.shutdown()
        thread.join()
        front.server_close()
        app.close()


def error_of(call: Callable[..., Any], **arguments: Any) -> tuple[str, int]:
    """The error code and HTTP status of a call that must fail."""
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    response = caught.value.response
    return response["Error"]["Code"], response["ResponseMetadata"]["HTTPStatusCode"]
