"""Serving over HTTP with werkzeug's threaded server.

werkzeug closes each connection after its response (its handler can't tell an unread body from the next request), so
a request costs a connection and a thread, about half a millisecond on one machine; there is no keep-alive to turn on.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any

from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server

#: key of the WSGI environment for all headers as they came: CGI's names can't tell `_` from `-`, so werkzeug drops
#: those with `_`
RAW_HEADERS = "local_aws.headers"


class RequestHandler(WSGIRequestHandler):
    """werkzeug's handler, which also passes on headers with `_` in their names: user metadata may have them."""

    def make_environ(self) -> dict[str, Any]:
        """The WSGI environment, with all headers as they came."""
        return super().make_environ() | {RAW_HEADERS: self.headers}

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Say nothing: a transfer is many requests."""


def http_server(app: Callable[..., Any], host: str = "127.0.0.1", port: int = 0) -> BaseWSGIServer:
    """A server that is yet to be run by `serve_forever`; port 0 picks a free one (`server.port`).

    Raises
    ------
    OSError
        The port is taken.
    """
    # bound here, because werkzeug ends the process where a port is taken
    with socket.create_server((host, port), backlog=128) as listening:
        return make_server(host, port, app, threaded=True, request_handler=RequestHandler, fd=listening.fileno())
