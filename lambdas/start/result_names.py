"""The names that an upload's results can have. `claims` chooses one of them, once for all versions of the upload.

A result's key is a *base* and a suffix: `result/p/my_video` and `.srt`. This module is the only one that makes bases.
Everything after the start function reads the base from the state machine's input.

Two bases never share a result. That could only happen if one base were another base and the beginning of a suffix, as
`x.error` and `x` with `.json` and `.error.json`. A base with such an ending is never used.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from itertools import count

START_PREFIX = "start/"
RESULT_PREFIX = "result/"
#: all suffixes of results; a test compares them with avflow.workflow.layout, which is not in this function's package
SUFFIXES = (
    ".avi",
    ".mp4",
    ".detections.jsonl",
    ".srt",
    ".vtt",
    ".txt",
    ".transcript.json",
    ".jpg",
    ".contact.jpg",
    ".html",
    ".error.json",
    ".json",
)
#: endings that no base has, because the base and a suffix would be the result of another base
RESERVED = tuple({long.removesuffix(short) for long in SUFFIXES for short in SUFFIXES if long.endswith(short)} - {""})

#: longest key (Amazon S3 User Guide, "Naming Amazon S3 objects"), and longest name in a folder (NAME_MAX), in bytes
KEY_BYTES, NAME_BYTES = 1024, 255
#: bytes that are left for a suffix, and for the ending that `aws s3 cp` adds while it downloads
SUFFIX_BYTES = 40
#: longest file name in a base. It leaves room for a suffix also where a file system counts differently
BASE_NAME_BYTES = 200
_BASE_BYTES = KEY_BYTES - SUFFIX_BYTES
_DIGEST = 12
#: room for the name below which its folder is shortened instead
_LEAST_NAME_BYTES = 64


def stem_of(filename: str) -> str:
    """The file name without its last suffix. A dot at the beginning or the end does not begin a suffix.

    >>> [stem_of(name) for name in ("a.b.mp4", ".mp4", "a.", "..", "a")]
    ['a.b', '.mp4', 'a.', '..', 'a']
    """
    dot = filename.rfind(".")
    return filename[:dot] if 0 < dot < len(filename) - 1 else filename


def candidates(key: str) -> Iterator[str]:
    """The bases that an upload's results can have, the preferred first: without end, always in the same order.

    >>> [base for base, _ in zip(candidates("start/p/a.mov"), range(3))]
    ['result/p/a', 'result/p/a.mov', 'result/p/a-cc287177b3e9']
    """
    folder, slash, filename = key.removeprefix(START_PREFIX).rpartition("/")
    folder = RESULT_PREFIX + folder + slash
    for name in dict.fromkeys((stem_of(filename), filename)):
        if _fits(folder, name) and not is_reserved(name):
            yield folder + name
    for turn in count():
        yield _shortened(folder, stem_of(filename), _digest(key, turn))


def is_reserved(name: str) -> bool:
    """Whether a result of this base could be the result of another, also on a file system that ignores case."""
    return name.casefold().endswith(RESERVED)


def _fits(folder: str, name: str) -> bool:
    return _size(name) <= BASE_NAME_BYTES and _size(folder + name) <= _BASE_BYTES


def _shortened(folder: str, stem: str, digest: str) -> str:
    """A base with as much of the folder and the stem as fits, and the digest of the whole key."""
    while _size(folder) + _LEAST_NAME_BYTES > _BASE_BYTES:  # the results go to a folder above
        folder = folder[: folder[:-1].rfind("/") + 1]
    room = min(BASE_NAME_BYTES, _BASE_BYTES - _size(folder)) - len(digest) - 1
    return f"{folder}{_cut(stem, room)}-{digest}"


def _cut(text: str, size: int) -> str:
    """The beginning of the text that has at most `size` bytes; no character is cut."""
    return text.encode(errors="surrogatepass")[:size].decode(errors="ignore")


def _size(text: str) -> int:
    return len(text.encode(errors="surrogatepass"))


def _digest(key: str, turn: int) -> str:
    named = key if turn == 0 else f"{turn}/{key}"
    return hashlib.sha256(named.encode(errors="surrogatepass")).hexdigest()[:_DIGEST]
