"""The check before a build: which sources have the models, and whole verified files in a folder, within a minute.

All sources are asked at once for a few bytes, each in a thread of its own: a host that says nothing costs no more than
its time-out. Then the files are fetched from those that answered. What does not come in time stays as a part, and the
next check goes on from there.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from avflow.errors import ModelUnavailable
from avflow.models.sources import SILENCE_SECONDS, ModelFile, Source, SourceFailed
from avflow.models.store import ModelStore
from avflow.progress import Progress

#: seconds for the whole check
LIMIT_SECONDS = 60.0
#: seconds for the sources to answer; then those that have not are left out
PROBE_SECONDS = SILENCE_SECONDS + 2.0
#: seconds that a download may overrun its end: it notices a silent host only by its time-out
_RESERVE_SECONDS = SILENCE_SECONDS + 2.0


@dataclass(frozen=True)
class Probed:
    """A source of a file, and why it can't have it. None: it can."""

    file: ModelFile
    source: Source
    failure: str | None

    def __str__(self) -> str:
        return f"{self.file.name} from {self.source.origin(self.file)}: {self.failure or 'answers'}"


@dataclass(frozen=True)
class Checked:
    """What the check of one model found."""

    name: str
    sources: tuple[Probed, ...]
    #: what is wrong, and what to do; None if all files are there and verified
    problem: str | None
    advice: str = ""
    #: the host is slow, and another check goes on
    unfinished: bool = False


class _TooLate(Exception):
    """The check has no time left for the download. The message says how far it came."""


def check(
    names: Sequence[str],
    store: ModelStore,
    told: Callable[[Probed | Progress], None] = lambda _: None,
    limit: float = LIMIT_SECONDS,
) -> list[Checked]:
    """Have all files of these models in the store's folder, verified, or say why not.

    Parameters
    ----------
    store:
        The store that the build reads. Its files are not asked for again.
    told:
        Receives each source with its answer, and the progress of downloads.
    limit:
        Seconds for everything.

    Raises
    ------
    ModelUnknown
    """
    ends = time.monotonic() + limit
    probed = probe(names, store, min(PROBE_SECONDS, limit / 2))
    for each in (each for name in names for each in probed[name]):
        told(each)
    return [_fetched(name, store, probed[name], told, ends - min(_RESERVE_SECONDS, limit / 4)) for name in names]


def probe(names: Sequence[str], store: ModelStore, seconds: float = PROBE_SECONDS) -> dict[str, tuple[Probed, ...]]:
    """Ask all sources of the files that the store lacks, at once and without a download; by the model's name.

    Raises
    ------
    ModelUnknown
    """
    wanted = {name: store.missing(name) for name in names}
    pairs = [(name, file, source) for name in names for file in wanted[name] for source in store.sources(name, file)]
    answers = _answers(pairs, seconds)
    return {
        name: tuple(Probed(file, source, answers[file, source]) for own, file, source in pairs if own == name)
        for name in names
    }


def _answers(
    pairs: Sequence[tuple[str, ModelFile, Source]], seconds: float
) -> dict[tuple[ModelFile, Source], str | None]:
    """Why each source can't have its file; None if it can."""
    answers: dict[tuple[ModelFile, Source], str | None] = {}

    def ask(file: ModelFile, source: Source) -> None:
        try:
            source.probe(file)
        except SourceFailed as error:
            answers[file, source] = str(error)
        else:
            answers[file, source] = None

    # daemons, because nothing can end the search for a name that no server knows
    asking = [threading.Thread(target=ask, args=(file, source), daemon=True) for _, file, source in pairs]
    for each in asking:
        each.start()
    ends = time.monotonic() + seconds
    for each in asking:
        each.join(max(0.0, ends - time.monotonic()))
    late = f"did not answer within {seconds:.0f} s"
    return {(file, source): answers.get((file, source), late) for _, file, source in pairs}


def _fetched(
    name: str, store: ModelStore, probed: tuple[Probed, ...], told: Callable[[Probed | Progress], None], ends: float
) -> Checked:
    began: dict[str, tuple[float, float]] = {}

    def report(progress: Progress) -> None:
        told(progress)
        now = time.monotonic()
        since, first = began.setdefault(progress.step, (now, progress.done))
        if now > ends:
            raise _TooLate(_so_far(progress, (progress.done - first) / (now - since) if now > since else 0.0))

    dead = {each.source for each in probed if each.failure}
    unreachable = sorted({each.file.name for each in probed} - {each.file.name for each in probed if not each.failure})
    if unreachable:
        return Checked(name, probed, f"No source has {', '.join(unreachable)}.", by_hand(store, name))
    try:
        store.fetch(name, report, without=dead)
    except _TooLate as late:
        return Checked(name, probed, str(late), _LATER, unfinished=True)
    except ModelUnavailable as error:
        return Checked(name, probed, error.message, by_hand(store, name))
    return Checked(name, probed, None)


_LATER = (
    "Run it again: a download from a URL goes on from there. Or build now: the build fetches the model itself, "
    "however long that takes."
)


def _so_far(progress: Progress, rate: float) -> str:
    """How far the download came, with its rate in bytes a second."""
    if progress.total is None:
        return f"{progress.step}: it has not ended."
    total = progress.total
    more = f" at {rate / 1e6:.1f} MB/s; the rest takes {(total - progress.done) / rate:.0f} s" if rate else ""
    return f"{progress.step}: {progress.done / 1e6:.1f} of {total / 1e6:.1f} MB are here{more}."


def by_hand(store: ModelStore, name: str) -> str:
    """What to do if no source has a model's files."""
    lacking = store.missing(name)
    files = "".join(
        f"\n- {store.folder(name) / file.name}: {file.bytes} bytes, sha256 {file.sha256}" for file in lacking
    )
    return (
        "Check the network. Or put these files there yourself, from wherever you have them; a file with another sha256 "
        f"is not used:{files}\n"
        'Or name a source of your own, https://… or s3://BUCKET/KEY: docs/deploy.md, "Before the first build".'
    )


def cached_store(folder: Path, cache: ModelStore | None = None) -> ModelStore:
    """The store in the folder that a build reads. It takes what the user's own store has already."""
    return ModelStore(folder, given=(cache or ModelStore()).root)
