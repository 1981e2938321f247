"""boto3 sessions and clients that talk to the embedded AWS."""

from __future__ import annotations

import functools
import threading
from typing import Any

from boto3.session import Session
from botocore.config import Config
from botocore.loaders import JSONFileLoader

from local_aws.names import REGION

_load_file = JSONFileLoader.load_file


@functools.cache
def _loaded(path: str) -> Any:
    return _load_file(JSONFileLoader(), path)


def share_service_data() -> None:
    """Let all botocore sessions of this process share one parsed copy of each service's description.

    moto makes a session for each list of regions that it needs, and each session would parse EC2's
    description (2 MB) again. That is half a second in all, some of it while moto is imported, so call
    this before the import.
    """
    # setattr: a type checker refuses an assignment to another class's method
    setattr(JSONFileLoader, "load_file", lambda _, path: _loaded(path))  # noqa: B010


def new_session(key_id: str, secret: str) -> Session:
    """A session with an access key."""
    return Session(aws_access_key_id=key_id, aws_secret_access_key=secret, region_name=REGION)


class Clients:
    """The boto3 clients of a session; each is made once, and threads can share it.

    Parameters
    ----------
    config:
        Settings of botocore's Config, besides those of all clients.
    """

    def __init__(self, session: Session, url: str, **config: Any) -> None:
        self._session, self._url = session, url
        self._config = Config(max_pool_connections=50, proxies={}, **config)
        self._clients: dict[str, Any] = {}
        self._lock = threading.Lock()

    def __call__(self, service: str) -> Any:
        """The client of a service, whose class boto3 makes at run time."""
        with self._lock:
            if service not in self._clients:
                client = self._session.client(service, endpoint_url=self._url, config=self._config)
                self._clients[service] = client
            return self._clients[service]
