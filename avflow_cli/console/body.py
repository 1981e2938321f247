"""The body of a request, read up to its length."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any


class BodyCut(OSError):
    """The sender went away before all of the body was there."""


class Body(io.RawIOBase):
    """Reads no more than the body, which stands before the next request on the same connection.

    Raises
    ------
    BodyCut
        The body ends before its length: nothing of it may be stored.
    """

    def __init__(self, environ: Mapping[str, Any]) -> None:
        super().__init__()
        self._stream = environ["wsgi.input"]
        length = str(environ.get("CONTENT_LENGTH") or "")
        self._left = int(length) if length.isdigit() else 0

    def readable(self) -> bool:
        """It is."""
        return True

    def read(self, size: int = -1) -> bytes:
        """The next bytes: `size`, or what is left."""
        wanted = self._left if size < 0 else min(size, self._left)
        found: bytes = self._stream.read(wanted) if wanted else b""
        if len(found) < wanted:
            raise BodyCut("The upload was interrupted.")
        self._left -= len(found)
        return found
