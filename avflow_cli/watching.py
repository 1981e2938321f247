"""Watch a folder for videos: each is taken when it is whole, as far as one can see from outside."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from avflow.errors import AvflowError
from avflow_cli.clips import Clip, clip_of, in_folder

#: a file whose size and time of change stay the same for so many seconds is whole
SETTLED_SECONDS = 2.0
#: seconds between two looks: a folder may be large, or far away
LOOK_SECONDS = 1.0

#: size in bytes, and the time of the last change in ns
_Look = tuple[int, int]


@dataclass
class Watch:
    """The media files that appear in a folder, or are replaced there.

    Parameters
    ----------
    folder:
        The folder, with those in it. Hidden files are left out.
    out:
        The folder for results.
    """

    folder: Path
    out: Path
    clock: Callable[[], float] = time.monotonic
    #: absolute paths of results that this command writes: they may come to lie in the folder
    ours: set[str] = field(default_factory=set)
    #: by path: the last look, and since when it has been the same
    _seen: dict[Path, tuple[_Look, float]] = field(default_factory=dict)
    _taken: dict[Path, _Look] = field(default_factory=dict)
    #: those of the first look that have not been taken yet
    _first: set[Path] | None = None
    _looked: float = -LOOK_SECONDS

    def settled(self) -> list[Clip]:
        """The files that have become whole since the last call, sorted by path. An empty file is not whole yet."""
        now = self.clock()
        if now - self._looked < LOOK_SECONDS:
            return []
        self._looked = now
        looks = self._looks()
        if self._first is None:
            self._first = set(looks)
        ready = []
        for path, look in looks.items():
            if self._taken.get(path) == look:
                continue
            before = self._seen.get(path)
            since = before[1] if before and before[0] == look else now
            if look[0] and now - since >= SETTLED_SECONDS:
                self._taken[path] = look
                ready.append(clip_of(path, Path(os.path.abspath(self.folder))))
            self._seen[path] = (look, since)
        for gone in self._seen.keys() - looks.keys():
            del self._seen[gone]
            self._taken.pop(gone, None)
        return ready

    def was_there(self, clip: Clip) -> bool:
        """Whether the file was in the folder at the beginning, asked for the first time."""
        there = self._first is not None and clip.path in self._first
        if there and self._first:
            self._first.discard(clip.path)
        return there

    def _looks(self) -> dict[Path, _Look]:
        looks = {}
        with contextlib.suppress(OSError, AvflowError):  # a network drive that is gone for a while
            for path in in_folder(self.folder, self.out):
                with contextlib.suppress(OSError):  # it was removed meanwhile
                    found = path.stat()
                    if os.path.abspath(path) not in self.ours:
                        looks[path] = (found.st_size, found.st_mtime_ns)
        return looks
