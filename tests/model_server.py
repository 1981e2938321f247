"""A host of model files for tests, which answers by path and remembers what it was asked for."""

from __future__ import annotations

import hashlib
import http.server
import threading
import time
from collections.abc import Callable

CONTENT = bytes(range(256)) * 2000
SHA = hashlib.sha256(CONTENT).hexdigest()


class Server(http.server.ThreadingHTTPServer):
    """Answers by path; remembers what it was asked for."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.asked: list[tuple[str, str | None]] = []
        self.released = threading.Event()
        self.on_hang: Callable[[], None] = lambda: None

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/{path}"


class Handler(http.server.BaseHTTPRequestHandler):
    server: Server

    def log_message(self, format: str, *args: object) -> None:
        pass

    def do_GET(self) -> None:
        wanted = self.headers.get("Range")
        self.server.asked.append((self.path, wanted))
        what = self.path.strip("/").split("/")[0]
        if what.isdigit():
            self.send_error(int(what))
        elif what == "redirect":
            self.send_response(302)
            self.send_header("Location", self.server.url("good"))
            self.end_headers()
        elif what == "hang":
            self.server.on_hang()
            self.server.released.wait()
        else:
            self._send(what, int(wanted.removeprefix("bytes=").rstrip("-")) if wanted else 0)

    def _send(self, what: str, start: int) -> None:
        body = b"x" * len(CONTENT) if what == "wrong" else CONTENT
        if what == "long":
            body += b"more"
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(body) - start))
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(body) - 1}/{len(body)}")
        self.end_headers()
        if what == "slow":
            time.sleep(0.5)
        # `dies` sends a third and drops the connection, every time; `shrinks` never gets beyond the first third
        limit = len(CONTENT) // 3
        end = {"dies": start + limit, "shrinks": limit}.get(what, len(body))
        self.wfile.write(body[start:end])
