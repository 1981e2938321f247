"""The scratch folder of one upload: what the media process reads, where it writes, and what the parent takes over."""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from avflow.errors import MediaAnswerInvalid


@dataclass(frozen=True)
class Workplace:
    """Three folders.

    Only the parent writes into `inputs`, so no link of the child can lead a download elsewhere. Only the child writes
    into `work`. `taken` is the parent's: there a file is out of the child's reach before it is uploaded.
    """

    folder: Path

    @property
    def inputs(self) -> Path:
        """What the parent has downloaded. The media process reads it."""
        return self.folder / "source"

    @property
    def work(self) -> Path:
        """The media process's own folder, and its working directory."""
        return self.folder / "work"

    @property
    def taken(self) -> Path:
        """The parent's own folder."""
        return self.folder / "taken"

    def take(self, name: str, into: Path | None = None) -> Path:
        """Move a file that the child has made, `name` in `work`, out of its reach, and return its new path.

        Parameters
        ----------
        into:
            The folder, `taken` by default. In `inputs` the media process can still read it.

        Raises
        ------
        MediaAnswerInvalid
            There is no such file, or it is not a regular file with one name: a link could lead the parent to a file
            that the child may not read, and a pipe would make it wait for ever.
        """
        made = self.work / name
        target = (into or self.taken) / made.name
        try:
            folder = os.open(made.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
            try:
                os.rename(made.name, target, src_dir_fd=folder)  # moves a link itself, not what it points to
            finally:
                os.close(folder)
            found = target.lstat()
        except OSError as error:
            raise MediaAnswerInvalid(f"The media process did not make {name}: {error.strerror}") from None
        if not stat.S_ISREG(found.st_mode) or found.st_nlink != 1 or found.st_uid != os.geteuid():
            raise MediaAnswerInvalid(f"The media process left something else than a file at {name}")
        return target


@contextmanager
def workplace() -> Iterator[Workplace]:
    """A temporary workplace. It is deleted at the end, also after a failure: a warm Lambda function keeps its /tmp."""
    with tempfile.TemporaryDirectory(prefix="avflow-") as folder:
        made = Workplace(Path(folder).resolve())
        for each in (made.inputs, made.work, made.taken):
            each.mkdir(mode=0o700)
        yield made
