"""How the YOLOv3 step gets its source: whole, or only the ranges that its segment needs."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from avflow.isolation.ranges import RangedSource
from avflow.media.key_frames import INDEXED
from avflow.workflow.reports import DetectorInput, MediaReport, SourceRead
from avflow.workflow.storage import ObjectStore, Transfers

#: A smaller source is downloaded whole, as one of a single segment is. That takes one round of parallel requests
#: (`avflow.workflow.storage`). A reader of ranges waits for at least four requests in turn: the header, the index, the
#: first frame, its segment.
WHOLE_BELOW = 32 << 20


@dataclass(frozen=True)
class ComingSource:
    """A source that is on its way to `path`."""

    path: Path
    #: if it is read by ranges
    ranges: RangedSource | None = None
    #: if it is downloaded whole
    download: Future[None] | None = None

    def wait(self) -> None:
        """Wait until it can be read. Raises what the download raised."""
        if self.download is not None:
            self.download.result()

    def read(self) -> SourceRead:
        """How it was read. Ends the reading."""
        if self.ranges is None:
            size = self.path.stat().st_size
            return SourceRead(size, size)
        self.ranges.end()
        return SourceRead(self.ranges.size, self.ranges.fetched, self.ranges.requests)


def suits_ranges(media: MediaReport) -> bool:
    """Whether what the detector reads has an index by which a reader finds a segment.

    Without an index a reader begins at the start, and then parallel requests for all of it are faster.
    """
    return (
        media.input.container in INDEXED
        or media.joined is not None
        or bool(media.conversion_reasons)
        or (media.detector_input is not None and media.detector_input.key_frames is not None)
    )


@contextmanager
def begun(
    where: DetectorInput, store: ObjectStore, transfers: Transfers, path: Path, *, by_ranges: bool
) -> Iterator[ComingSource]:
    """Begin to fetch a source: by ranges if it has at least `WHOLE_BELOW` bytes and `by_ranges` holds, or else whole.

    Raises
    ------
    SourceMissing, StorageUnavailable
    """
    if by_ranges:
        found = store.found(where.key, where.version_id)
        if found.size >= WHOLE_BELOW:
            with RangedSource(path, found.size, partial(store.read_range, found)) as ranges:
                ranges.begin()
                yield ComingSource(path, ranges)
            return
    yield ComingSource(path, download=transfers.download(where.key, path, where.version_id))
