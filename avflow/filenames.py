"""Compares file names the way file systems do, which treat some different names as the same.

APFS and NTFS usually ignore case. APFS and HFS+ also ignore whether an accent is a separate character (Unicode
normalisation), and HFS+ stores a normalised name instead of the given one. S3 keys differ in all of these.
"""

from __future__ import annotations

import os
import unicodedata
from pathlib import Path


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
