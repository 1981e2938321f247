"""Content files: written once under random names, then only read, linked and removed.

No part of an object's key becomes part of a path.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import uuid
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from local_aws.s3.chunked import BLOCK

_ZEROS = bytes(BLOCK)


@dataclass(frozen=True)
class Blob:
    """One content file and its length in bytes."""

    name: str
    size: int


class Blobs:
    """The folder of content files."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder

    def write(self, blocks: Iterable[bytes], observe: Callable[[bytes], None]) -> Blob:
        """Write the blocks to a new file and call `observe` with each; if anything fails, no file is left.

        Blocks of zeros become holes, so that a sparse file stays sparse.

        Raises
        ------
        OSError
            The disk is full, or broken.
        """
        name, size = uuid.uuid4().hex, 0
        try:
            with (self._folder / name).open("xb", buffering=0) as file:
                for block in blocks:
                    if block == _ZEROS[: len(block)]:
                        file.seek(len(block), os.SEEK_CUR)
                    else:
                        _write_all(file.fileno(), block)
                    observe(block)
                    size += len(block)
                file.truncate(size)
        except BaseException:
            self.remove([name])
            raise
        return Blob(name, size)

    def link(self, blob: Blob) -> Blob:
        """Give the same content a second name; this suffices as a copy, because files never change."""
        name = uuid.uuid4().hex
        os.link(self._folder / blob.name, self._folder / name)
        return Blob(name, blob.size)

    def read(self, name: str, start: int, size: int) -> Iterator[bytes]:
        """`size` bytes from byte `start` on, in blocks of at most 1 MiB."""
        with (self._folder / name).open("rb", buffering=0) as file:
            file.seek(start)
            while size:
                block = file.read(min(BLOCK, size))
                if not block:
                    raise OSError(f"content file {name} is shorter than the index says")
                size -= len(block)
                yield block

    def remove(self, names: Iterable[str]) -> None:
        """Remove files; missing files are ignored."""
        for name in names:
            with contextlib.suppress(FileNotFoundError):
                (self._folder / name).unlink()

    def sweep(self, keep: set[str]) -> None:
        """Remove all other files: uploads that were unfinished when an earlier process ended."""
        self.remove({path.name for path in self._folder.iterdir()} - keep)


def md5_of(blocks: Iterable[bytes]) -> str:
    """The MD5 of all blocks, in hexadecimal."""
    digest = hashlib.md5(usedforsecurity=False)
    for block in blocks:
        digest.update(block)
    return digest.hexdigest()


def _write_all(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]
