"""Write the results of a video under `result/`, and tell what each contains."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from avflow.workflow.reports import FileSum, ResultFile
from avflow.workflow.storage import ObjectStore, content_type


@dataclass(frozen=True)
class Copied:
    """An object that is a result already, and what it contains. It is copied inside S3."""

    key: str
    content: FileSum


#: by key under `result/`: the file to upload, or the object to copy
Results = dict[str, Path | Copied]


def publish(made: Results, store: ObjectStore) -> list[ResultFile]:
    """Write the results. Returns what each contains, in the same order."""
    with store.transfers() as transfers:
        files = []
        for key, source in made.items():
            if isinstance(source, Path):
                content = sum_of(source)
                transfers.upload(source, key)
            else:
                content = source.content
                store.copy(source.key, key)
            files.append(ResultFile(key, content.bytes, content.sha256, content_type(key)))
    return files


def sum_of(path: Path) -> FileSum:
    """The size and the SHA-256 of a file."""
    with path.open("rb") as file:
        return FileSum(path.stat().st_size, hashlib.file_digest(file, "sha256").hexdigest())
