"""HTTP by werkzeug's threaded server.

werkzeug closes each connection after its response, because its handler cannot tell an unread body from the next
request. So each request costs a connection and a thread, about half a millisecond; there is no keep-alive to turn on.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterable
from typing import Any
from wsgiref.types import StartResponse, WSGIApplication

from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server

from local_aws.callers import PAGE_PATH, is_typed, refusal, refusal_at_page
from local_aws.protocols import error_reply, is_json
from local_aws.wire import Environ, Reply

#: key in the WSGI environment: all headers as the client sent them. CGI's names cannot tell `_` from `-`, so werkzeug
#: drops headers with `_`.
RAW_HEADERS = "local_aws.headers"


class RequestHandler(WSGIRequestHandler):
    """werkzeug's handler, which also passes on headers with `_` in their names: user metadata may have them."""

    #: the answer to what is not HTTP
    error_content_type = "application/json"
    error_message_format = '{"code": "BadRequest", "message": "The request is not valid HTTP."}'

    def make_environ(self) -> dict[str, Any]:
        """The WSGI environment, with all headers as the client sent them."""
        return super().make_environ() | {RAW_HEADERS: self.headers}

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Log nothing: one transfer is many requests."""


#: returns the server's own page, which answers what is below `PAGE_PATH`; None as long as there is none
Page = Callable[[], WSGIApplication | None]


def no_page() -> None:
    """The page of a server without one."""


def http_server(app: WSGIApplication, host: str = "127.0.0.1", port: int = 0, page: Page = no_page) -> BaseWSGIServer:
    """A server that listens; run it with `serve_forever`. Port 0 picks a free one (`server.port`).

    It answers programs on this machine, no web pages but its own: see `callers`.

    Raises
    ------
    OSError
        The port is taken.
    """
    # bound here because werkzeug ends the process if the port is taken
    with socket.create_server((host, port), backlog=128) as listening:
        own = _guarded(app, page, listening.getsockname()[1])
        return make_server(host, port, own, threaded=True, request_handler=RequestHandler, fd=listening.fileno())


def _guarded(app: WSGIApplication, page: Page, port: int) -> WSGIApplication:
    def guarded(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        own = page()
        at_page = own is not None and str(environ.get("PATH_INFO", "")).startswith(PAGE_PATH)
        refuses = refusal_at_page if at_page else refusal
        # werkzeug takes the host from an absolute request line, if there is one
        hosts = {str(environ.get("HTTP_HOST", "")), *environ[RAW_HEADERS].get_all("Host", [])}
        reasons = (refuses({**environ, "HTTP_HOST": host}, port) for host in sorted(hosts))
        if reason := next(filter(None, reasons), None):
            code = "AccessDeniedException" if is_json(environ) else "AccessDenied"
            return error_reply(environ, code, reason, 403).send(start_response)
        if own is not None and is_typed(environ):
            return Reply(b"", 303, {"Location": PAGE_PATH}).send(start_response)
        return own(environ, start_response) if own is not None and at_page else app(environ, start_response)

    return guarded
