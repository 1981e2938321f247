"""The host of model files."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from tests.model_server import Server


@pytest.fixture
def server() -> Iterator[Server]:
    running = Server()
    thread = threading.Thread(target=running.serve_forever, args=(0.02,))
    thread.start()
    yield running
    running.released.set()
    running.shutdown()
    thread.join()
    running.server_close()
