"""The folder of one run of the embedded AWS; what a killed run left behind is removed by the next."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from local_aws import system

_PREFIX, _LOCK = "avflow-aws-", "in-use.lock"


@contextlib.contextmanager
def session_folder() -> Iterator[Path]:
    """A temporary folder that is locked while it is in use and removed at the end."""
    parent = Path(tempfile.gettempdir())
    _sweep(parent)
    # under another name until it is locked: a run that starts at the same time must not take it for a left one
    new = Path(tempfile.mkdtemp(prefix="avflow-new-", dir=parent))
    with (new / _LOCK).open("w", encoding="utf-8") as lock:
        system.lock(lock)
        folder = new.rename(new.with_name(new.name.replace("avflow-new-", _PREFIX)))
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def _sweep(parent: Path) -> None:
    """Remove the folders of runs that were killed: nobody holds their locks. Folders of other users stay."""
    for path in parent.glob(f"{_PREFIX}*/{_LOCK}"):
        with contextlib.suppress(OSError), path.open("a", encoding="utf-8") as lock:
            system.lock(lock)
            shutil.rmtree(path.parent, ignore_errors=True)
