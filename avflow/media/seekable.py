"""A seekable binary file that libavformat reads through PyAV, and whose bytes a subclass brings together."""

from __future__ import annotations

import io
from typing import Any


class SeekableFile(io.RawIOBase):
    """What is the same in all of them: the place in a file of known size. A subclass has `read`.

    Parameters
    ----------
    name:
        The file's name: PyAV guesses by it where the content does not tell.
    size:
        Bytes.
    """

    def __init__(self, name: str, size: int) -> None:
        super().__init__()
        self.name = name
        self._size, self._place = size, 0

    def readable(self) -> bool:
        """Always true."""
        return True

    def seekable(self) -> bool:
        """Always true."""
        return True

    def tell(self) -> int:
        """The position in the file."""
        return self._place

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move to a position in the file."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._place, io.SEEK_END: self._size}[whence]
        self._place = max(0, base + offset)
        return self._place

    def readinto(self, buffer: Any) -> int:
        """Read into a buffer, as `io.BufferedReader` does."""
        content = self.read(len(buffer)) or b""
        buffer[: len(content)] = content
        return len(content)
