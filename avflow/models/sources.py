"""The sources of model files: a folder, a URL, and parts to be joined. `packages.py` and `s3.py` have the others.

A source writes one file, or raises SourceFailed with the reason. No source is trusted: the store compares size and
sha256 before a file is used.
"""

from __future__ import annotations

import http.client
import shutil
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Protocol

from avflow.progress import Meter, Report

#: time-out for a host that sends nothing, while connecting or later
SILENCE_SECONDS = 10.0
#: what a probe reads: enough to tell a web page from a model
PROBE_BYTES = 1024
_CHUNK = 1 << 20
#: how web pages begin (WHATWG, "MIME Sniffing", 7.1), in lower case, after white space and a byte order mark
_PAGES = (b"<!doctype html", b"<html", b"<head", b"<script", b"<body", b"<title", b"<meta", b"<!--", b"<?xml")
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class SourceFailed(Exception):
    """The source doesn't have the file, with the reason. Another source may have it."""


@dataclass(frozen=True)
class ModelFile:
    """One file of a model: its path inside the model's folder, its size in bytes, and its sha256."""

    name: str
    bytes: int
    sha256: str


class Source(Protocol):
    """A place that may have a model's files."""

    def origin(self, file: ModelFile) -> str:
        """The place where the source looks for the file, as messages name it."""
        ...

    def offers(self, file: ModelFile) -> bool:
        """Whether the source is meant to have the file. Another one is not asked of it."""
        ...

    def fetch(self, file: ModelFile, target: Path, work: Path, report: Report) -> None:
        """Write `file` to `target`, which may hold the first part of it already.

        Parameters
        ----------
        work:
            A folder that exists while one model is fetched. Files from the same archive share it.

        Raises
        ------
        SourceFailed
        """
        ...

    def probe(self, file: ModelFile) -> None:
        """Find out within seconds, and with a few bytes, whether the source probably has the file.

        Raises
        ------
        SourceFailed
        """
        ...


@dataclass(frozen=True, kw_only=True)
class Offer:
    """What all sources have in common: the files that they offer."""

    #: the names of the only files that the source has; empty if it has all files of the model
    files: tuple[str, ...] = ()

    def offers(self, file: ModelFile) -> bool:
        """Whether the source is meant to have the file."""
        return not self.files or file.name in self.files


@dataclass(frozen=True)
class FolderSource(Offer):
    """A folder whose user may have put the file there: as `MODEL/FILE`, like the store, or as `FILE`."""

    root: Path
    model: str

    def origin(self, file: ModelFile) -> str:
        """The path of the file."""
        return str(self._path(file) or self.root / self.model / file.name)

    def offers(self, file: ModelFile) -> bool:
        """Whether the file is there."""
        return self._path(file) is not None

    def fetch(self, file: ModelFile, target: Path, work: Path, report: Report) -> None:
        """Copy the file. What an earlier download left in `target` stays if this is not the file."""
        self.probe(file)
        copy = work / f"{file.sha256}.copy"
        try:
            shutil.copyfile(self.origin(file), copy)
            copy.replace(target)
        except OSError as error:
            raise SourceFailed(reason(error)) from error

    def probe(self, file: ModelFile) -> None:
        """Compare the size."""
        path = self._path(file)
        if path is None:
            raise SourceFailed("is not there")
        if (size := path.stat().st_size) != file.bytes:
            raise SourceFailed(f"has {size} bytes instead of {file.bytes}")

    def _path(self, file: ModelFile) -> Path | None:
        names = (self.root / self.model / file.name, self.root / Path(file.name).name)
        return next((path for path in names if path.is_file()), None)


@dataclass(frozen=True)
class UrlSource(Offer):
    """The file at a URL. Follows redirects and uses the proxies that the environment names."""

    url: str

    def origin(self, file: ModelFile) -> str:
        """The URL of the file."""
        return self.url.replace("{file}", file.name)

    def fetch(self, file: ModelFile, target: Path, work: Path, report: Report) -> None:
        """Download the rest of the file, from where an earlier download stopped (RFC 9110, "Range Requests")."""
        resume(file, target, report, lambda have: self._open(file, have), (OSError, http.client.HTTPException))

    def probe(self, file: ModelFile) -> None:
        """Ask for the first bytes: some hosts answer HEAD otherwise than GET, or not at all."""
        try:
            with self._open(file, 0, PROBE_BYTES) as answer:
                check(file, answer, next(iter(answer.blocks()), b""))
        except (OSError, http.client.HTTPException) as error:
            raise SourceFailed(reason(error)) from error

    @contextmanager
    def _open(self, file: ModelFile, have: int, end: int | None = None) -> Iterator[Answer]:
        url = self.origin(file)
        request = urllib.request.Request(url, headers={"User-Agent": "av-workflow"})  # noqa: S310
        if have or end:
            request.add_header("Range", f"bytes={have}-{'' if end is None else end - 1}")
        with urllib.request.urlopen(request, timeout=SILENCE_SECONDS) as response:  # noqa: S310
            page = f"redirects to a web page, {response.url}" if response.url != url else "answers with a web page"
            labelled = response.headers.get_content_type() in ("text/html", "application/xhtml+xml")
            resumed = response.status == http.HTTPStatus.PARTIAL_CONTENT
            length = response.headers.get("Content-Range", "").rpartition("/")[2] if resumed else response.length
            # read1 returns what has arrived, so that none of it is lost if the transfer stalls
            blocks = partial(iter, partial(response.read1, _CHUNK), b"")
            yield Answer(have if resumed else 0, _number(length), blocks, page, labelled)


@dataclass(frozen=True)
class Answer:
    """What a host sends: from which byte on, and what follows.

    Parameters
    ----------
    size:
        The size of the whole file that the host states; None if it states none.
    blocks:
        A function that begins to read.
    page:
        What is wrong if the content turns out to be a web page.
    labelled:
        Whether the host calls it a web page. Some hosts do so with every file.
    """

    start: int
    size: int | None
    blocks: Callable[[], Iterable[bytes]]
    page: str
    labelled: bool = False


def resume(
    file: ModelFile,
    target: Path,
    report: Report,
    open_from: Callable[[int], AbstractContextManager[Answer]],
    drops: tuple[type[Exception], ...],
) -> None:
    """Download what `target` lacks of the file, again and again as long as each attempt brings something.

    Parameters
    ----------
    open_from:
        Asks the host for the file from a byte on.
    drops:
        What a dropped connection raises.

    Raises
    ------
    SourceFailed
        `target` keeps what has arrived, unless the host has another file.
    """
    meter = Meter(f"fetch {file.name}", file.bytes, "bytes", report)
    while (have := _size(target)) < file.bytes:
        try:
            with open_from(have) as answer:
                _receive(file, target, answer, meter)
        except drops as error:
            if _size(target) <= have:
                raise SourceFailed(reason(error)) from error
        else:
            if _size(target) < file.bytes and _size(target) <= have:
                raise SourceFailed(f"stopped after {_size(target)} of {file.bytes} bytes")


def _receive(file: ModelFile, target: Path, answer: Answer, meter: Meter) -> None:
    done, blocks = answer.start, iter(answer.blocks())
    first = next(blocks, b"")
    check(file, answer, first)  # before `target` is opened: a web page must not cost what has arrived already
    with target.open("ab" if done else "wb") as out:
        for block in chain((first,), blocks):
            out.write(block)
            done += len(block)
            meter.update(done)
            if done > file.bytes:
                raise SourceFailed(f"sent more than the {file.bytes} bytes of the file")


def check(file: ModelFile, answer: Answer, first: bytes) -> None:
    """Raise SourceFailed if this can't be the file, by its size and its `first` bytes."""
    begins = answer.start == 0 and first.removeprefix(_BYTE_ORDER_MARK).lstrip()[:16].lower().startswith(_PAGES)
    if begins or (answer.labelled and answer.size != file.bytes):
        raise SourceFailed(answer.page)
    if answer.size not in (None, file.bytes):
        raise SourceFailed(f"offers {answer.size} bytes instead of {file.bytes}")


def _number(stated: str | int | None) -> int | None:
    return int(stated or 0) if str(stated).isdigit() else None


@dataclass(frozen=True)
class Part:
    """A part of a file: where it is, and its size in bytes. None if the source finds the end of the part itself."""

    source: Source
    bytes: int | None = None


@dataclass(frozen=True)
class JoinedSource(Offer):
    """A file in parts, each from a source of its own. The parts one after another are the file.

    Package indexes and file hosts limit the size of a file, so large models are published in parts.
    """

    parts: tuple[Part, ...]

    def origin(self, file: ModelFile) -> str:
        """The places of all parts."""
        return " + ".join(part.source.origin(file) for part in self.parts)

    def fetch(self, file: ModelFile, target: Path, work: Path, report: Report) -> None:
        """Fetch the parts in order and join them. What an earlier run left in `target` is overwritten."""
        with target.open("wb") as out:
            for number, part in enumerate(self.parts, start=1):
                piece = work / f"{file.sha256}.part{number}"
                wanted = file if part.bytes is None else replace(file, bytes=part.bytes)
                try:
                    part.source.fetch(wanted, piece, work, report)
                except SourceFailed as error:
                    raise SourceFailed(f"part {number} of {len(self.parts)}: {error}") from error
                with piece.open("rb") as content:
                    shutil.copyfileobj(content, out, _CHUNK)
                piece.unlink()

    def probe(self, file: ModelFile) -> None:
        """Probe each part."""
        for number, part in enumerate(self.parts, start=1):
            try:
                part.source.probe(file if part.bytes is None else replace(file, bytes=part.bytes))
            except SourceFailed as error:
                raise SourceFailed(f"part {number} of {len(self.parts)}: {error}") from error


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def reason(error: Exception) -> str:
    """What a user is told about a failed connection or file."""
    if isinstance(error, urllib.error.HTTPError):
        return f"answered {error.code} {error.reason}"
    if isinstance(error, urllib.error.URLError) and isinstance(error.reason, Exception):
        error = error.reason
    if isinstance(error, TimeoutError):
        return f"sent nothing for {SILENCE_SECONDS:.0f} s"
    return str(error) or type(error).__name__
