"""HTTP by werkzeug's threaded server.

werkzeug closes each connection after its response, because its handler cannot tell an unread body from the next
request. So each request costs a connection and a thread, about half a millisecond; there is no keep-alive to turn on.
"""

from __future__ import annotations

import socket
from typing import Any
from wsgiref.types import WSGIApplication

from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server

#: key in the WSGI environment: all headers as the client sent them. CGI's names cannot tell `_` from `-`, so werkzeug
#: drops headers with `_`.
RAW_HEADERS = "local_aws.headers"


class RequestHandler(WSGIRequestHandler):
    """werkzeug's handler, which also passes on headers with `_` in their names: user metadata may have them."""

    def make_environ(self) -> dict[str, Any]:
        """The WSGI environment, with all headers as the client sent them."""
        return super().make_environ() | {RAW_HEADERS: self.headers}

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Log nothing: one transfer is many requests."""


def http_server(app: WSGIApplication, host: str = "127.0.0.1", port: int = 0) -> BaseWSGIServer:
    """A server that listens; run it with `serve_forever`. Port 0 picks a free one (`server.port`).

    Raises
    ------
    OSError
        The port is taken.
    """
    # bound here because werkzeug ends the process if the port is taken
    with socket.create_server((host, port), backlog=128) as listening:
        return make_server(host, port, app, threaded=True, request_handler=RequestHandler, fd=listening.fileno())
