"""Compares file names the way file systems do, which treat some different names as the same, and makes them printable.

APFS and NTFS usually ignore case. APFS and HFS+ also ignore whether an accent is a separate character (Unicode
normalisation), and HFS+ stores a normalised name instead of the given one. S3 keys differ in all of these.
"""

from __future__ import annotations

import io
import os
import re
import unicodedata
from pathlib import Path
from typing import TextIO

#: characters that move a terminal's cursor, start an escape sequence, end a line or reorder text: C0, DEL and C1
#: (ECMA-48), line and paragraph separators, bidirectional controls (Unicode UAX #9), and lone surrogates
UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def printable(text: str, keep: str = "") -> str:
    """The text with an escape code for each unprintable character: a name can't control a terminal or forge a log line.

    Parameters
    ----------
    keep:
        Characters that stay, for example line ends.

    >>> print(printable("a\\x1b[31m\\u202e.mp4"))
    a\\x1b[31m\\u202e.mp4
    """
    return UNPRINTABLE.sub(lambda found: found[0] if found[0] in keep else _escaped(found[0]), text)


def printable_json(text: str) -> str:
    """JSON text, the same value, with each unprintable character as JSON's escape. JSON's own line ends stay."""
    return UNPRINTABLE.sub(lambda found: found[0] if found[0] in "\n\t" else f"\\u{ord(found[0]):04x}", text)


class PrintableStream(io.TextIOBase):
    """Passes text on to another stream. Unprintable characters except line ends and tabs become escape codes."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Write the printable text. Returns the length of the given text."""
        self._stream.write(printable(text, keep="\n\t"))
        return len(text)

    def flush(self) -> None:
        """Flush the other stream."""
        self._stream.flush()

    def fileno(self) -> int:
        """The other stream's file descriptor."""
        return self._stream.fileno()

    def isatty(self) -> bool:
        """Whether the other stream is a terminal."""
        return self._stream.isatty()

    @property
    def encoding(self) -> str:  # type: ignore[override]
        """The other stream's encoding."""
        return self._stream.encoding


def _escaped(character: str) -> str:
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


def folded(name: str) -> str:
    """A form of the name that is equal for all names that any file system treats as the same.

    Source: The Unicode Standard, section 3.13, D146.

    >>> folded("Ele\\u0301phant.MP4") == folded("el\\u00e9phant.mp4")
    True
    """
    decomposed = unicodedata.normalize("NFD", name).casefold()
    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", decomposed))


def as_stored(path: Path) -> Path:
    """The path of the same file with the spelling that its folder lists."""
    try:
        names = os.listdir(path.parent)  # noqa: PTH208 - only the names are needed
        if path.name in names:
            return path
        alike = [path.with_name(name) for name in names if folded(name) == folded(path.name)]
        return next((other for other in alike if other.samefile(path)), path)
    except OSError:  # the folder has no read permission
        return path
