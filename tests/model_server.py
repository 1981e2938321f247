"""A host of model files for tests, which answers by path and remembers what it was asked for."""

from __future__ import annotations

import hashlib
import http.server
import threading
import time
from collections.abc import Callable

CONTENT = bytes(range(256)) * 2000
PAGE = b"\n<!DOCTYPE html>\n<html lang=en><title>Survival Strategies for the Robot Rebellion</title></html>\n" * 20
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
        elif what in ("redirect", "moved"):
            self.send_response(302)
            self.send_header("Location", self.server.url("good" if what == "redirect" else "page"))
            self.end_headers()
        elif what in ("page", "unlabelled-page", "marked-page"):
            kind = "text/html; charset=utf-8" if what == "page" else "application/octet-stream"
            self._send_page(kind, b"\xef\xbb\xbf" * (what == "marked-page") + PAGE)
        elif what == "hang":
            self.server.on_hang()
            self.server.released.wait()
        else:
            first, _, last = (wanted or "bytes=0-").removeprefix("bytes=").partition("-")
            self._send(what, int(first), int(last) + 1 if last else None, ranged=wanted is not None)

    def _send_page(self, kind: str, page: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(page)))
        self.end_headers()
        self.wfile.write(page)

    def _send(self, what: str, start: int, stop: int | None, *, ranged: bool) -> None:
        body = b"x" * len(CONTENT) if what == "wrong" else CONTENT
        if what in ("long", "endless"):
            body += b"more"
        if what == "truncated":
            body = body[:1000]
        body = body[:stop]
        whole = len(CONTENT) + 4 if what == "long" else 1000 if what == "truncated" else len(CONTENT)
        self.send_response(206 if ranged else 200)
        if what == "mislabelled":
            self.send_header("Content-Type", "text/html")
        if what != "endless":
            self.send_header("Content-Length", str(len(body) - start))
        if ranged:
            self.send_header("Content-Range", f"bytes {start}-{len(body) - 1}/{'*' if what == 'endless' else whole}")
        self.end_headers()
        if what == "slow":
            time.sleep(0.5)
        # `dies` sends a third and drops the connection, every time; `shrinks` never gets beyond the first third
        limit = len(CONTENT) // 3
        end = {"dies": start + limit, "shrinks": limit}.get(what, len(body))
        if what == "trickles":
            self._trickle(body[start:end])
            return
        self.wfile.write(body[start:end])

    def _trickle(self, body: bytes) -> None:
        """A slow host: 40 kB/s."""
        for first in range(0, len(body), 4000):
            self.wfile.write(body[first : first + 4000])
            self.wfile.flush()
            if self.server.released.wait(0.1):
                return
