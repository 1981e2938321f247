"""Names of files where a file system takes several for the same.

APFS and NTFS usually ignore case, HFS+ and APFS also whether an accent is a character of its own, and HFS+ stores
another spelling than it was given. Keys in S3 differ in all of that.
"""

from __future__ import annotations

import os
import unicodedata
from pathlib import Path


def folded(name: str) -> str:
    """Equal for all names that some file system takes for the same (The Unicode Standard, 3.13, D146).

    >>> folded("Ele\\u0301phant.MP4") == folded("el\\u00e9phant.mp4")
    True
    """
    decomposed = unicodedata.normalize("NFD", name).casefold()
    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", decomposed))


def as_stored(path: Path) -> Path:
    """The same file under the name that its folder lists, which may be spelled in another way."""
    try:
        names = os.listdir(path.parent)  # noqa: PTH208 - their names alone
        if path.name in names:
            return path
        alike = [path.with_name(name) for name in names if folded(name) == folded(path.name)]
        return next((other for other in alike if other.samefile(path)), path)
    except OSError:  # a folder that may be entered but not listed
        return path
