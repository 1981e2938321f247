"""The sources of model files: a URL, the archive of a Python package, an installed Python package, parts to be joined.

A source writes one file, or raises SourceFailed with the reason. No source is trusted: the store compares size and
sha256 before a file is used.
"""

from __future__ import annotations

import http.client
import importlib.metadata
import os
import shutil
import subprocess
import sys
import tarfile
import time
import urllib.error
import urllib.request
import zipfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Protocol

from avflow.progress import Meter, Report

#: time-out for a host that sends nothing, while connecting or later
SILENCE_SECONDS = 10.0
#: time-out for pip; pip's own time-outs and retries end sooner, unless a download is very slow
PACKAGE_SECONDS = 1800.0
_CHUNK = 1 << 20


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


@dataclass(frozen=True, kw_only=True)
class _Offer:
    """What all sources have in common: the files that they offer."""

    #: the names of the only files that the source has; empty if it has all files of the model
    files: tuple[str, ...] = ()

    def offers(self, file: ModelFile) -> bool:
        """Whether the source is meant to have the file."""
        return not self.files or file.name in self.files


@dataclass(frozen=True)
class UrlSource(_Offer):
    """The file at a URL. Follows redirects and uses the proxies that the environment names."""

    url: str

    def origin(self, file: ModelFile) -> str:
        """The URL of the file."""
        return self.url.replace("{file}", file.name)

    def fetch(self, file: ModelFile, target: Path, work: Path, report: Report) -> None:
        """Download the rest of the file, from where an earlier download stopped (RFC 9110, "Range Requests")."""
        meter = Meter(f"fetch {file.name}", file.bytes, "bytes", report)
        while (have := _size(target)) < file.bytes:
            try:
                self._continue(file, target, have, meter)
            except (OSError, http.client.HTTPException) as error:
                # continue after a dropped connection as long as each attempt brings something
                if _size(target) <= have:
                    raise SourceFailed(_reason(error)) from error
            else:
                if _size(target) < file.bytes and _size(target) <= have:
                    raise SourceFailed(f"stopped after {_size(target)} of {file.bytes} bytes")

    def _continue(self, file: ModelFile, target: Path, have: int, meter: Meter) -> None:
        request = urllib.request.Request(self.origin(file), headers={"User-Agent": "av-workflow"})  # noqa: S310
        if have:
            request.add_header("Range", f"bytes={have}-")
        with urllib.request.urlopen(request, timeout=SILENCE_SECONDS) as response:  # noqa: S310
            resumed = response.status == http.HTTPStatus.PARTIAL_CONTENT
            done = have if resumed else 0
            with target.open("ab" if resumed else "wb") as out:
                # read1 returns what has arrived, so that none of it is lost if the transfer stalls
                while block := response.read1(_CHUNK):
                    out.write(block)
                    done += len(block)
                    meter.update(done)
                    if done > file.bytes:
                        raise SourceFailed(f"sent more than the {file.bytes} bytes of the file")


@dataclass(frozen=True)
class PackageSource(_Offer):
    """A member of one exact archive (wheel or sdist) of a Python package. The package is never installed.

    pip downloads the archive from the index that it is configured for, and compares the sha256 before it opens the
    archive. For an sdist, pip then prepares the metadata, which runs the archive's setup.py.
    """

    package: str
    version: str
    bytes: int
    sha256: str
    member: str

    def origin(self, file: ModelFile) -> str:
        """The package and the member of its archive."""
        return f"Python package {self.package} {self.version}, {self._member(file)}"

    def _member(self, file: ModelFile) -> str:
        return self.member.replace("{file}", file.name)

    def fetch(self, file: ModelFile, target: Path, work: Path, report: Report) -> None:
        """Extract the file from the archive, which is downloaded once per `work`."""
        folder = work / f"{self.package}-{self.version}"
        if not folder.exists():
            self._download(folder, work, report)
        member = self._member(file)
        for archive in folder.iterdir():
            try:
                with target.open("wb") as out:
                    _extract(archive, member, out)
            except (KeyError, OSError, tarfile.TarError, zipfile.BadZipFile) as error:
                raise SourceFailed(f"{member} can't be extracted from {archive.name}: {error}") from error
            return
        raise SourceFailed("pip downloaded nothing")

    def _download(self, folder: Path, work: Path, report: Report) -> None:
        requirements, log, scratch = work / "requirements.txt", work / "pip.log", work / "pip"
        requirements.write_text(f"{self.package}=={self.version} --hash=sha256:{self.sha256}\n", encoding="utf-8")
        scratch.mkdir(exist_ok=True)
        argv = [sys.executable, "-m", "pip", "download", "--quiet", "--no-input", "--retries", "1"]
        argv += ["--disable-pip-version-check", "--no-deps", "--require-hashes"]
        argv += ["--requirement", str(requirements), "--dest", str(folder)]
        meter = Meter(f"fetch package {self.package} {self.version}", self.bytes, "bytes", report)
        with log.open("wb") as output:
            # pip downloads into TMPDIR: the folder's size is the progress
            environment = {**os.environ, "TMPDIR": str(scratch)}
            process = subprocess.Popen(argv, stdout=output, stderr=subprocess.STDOUT, env=environment)
            try:
                code = _wait(process, scratch, self.bytes, meter)
            finally:
                process.kill()
                process.wait()
        if code != 0:
            shutil.rmtree(folder, ignore_errors=True)
            raise SourceFailed(_pip_error(log.read_text(encoding="utf-8", errors="replace"), code))
        meter.update(self.bytes)


@dataclass(frozen=True)
class InstalledSource(_Offer):
    """A file of a Python package that this interpreter has installed."""

    package: str
    member: str

    def origin(self, file: ModelFile) -> str:
        """The installed package and the file in it."""
        return f"installed Python package {self.package}, {self.member.replace('{file}', file.name)}"

    def fetch(self, file: ModelFile, target: Path, work: Path, report: Report) -> None:
        """Copy the file."""
        try:
            distribution = importlib.metadata.distribution(self.package)
            path = Path(str(distribution.locate_file(self.member.replace("{file}", file.name))))
            shutil.copyfile(path, target)
        except importlib.metadata.PackageNotFoundError as error:
            raise SourceFailed(f"{self.package} is not installed here") from error
        except OSError as error:
            raise SourceFailed(_reason(error)) from error


@dataclass(frozen=True)
class Part:
    """A part of a file: where it is, and its size in bytes. None if the source finds the end of the part itself."""

    source: Source
    bytes: int | None = None


@dataclass(frozen=True)
class JoinedSource(_Offer):
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


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _reason(error: Exception) -> str:
    if isinstance(error, urllib.error.HTTPError):
        return f"answered {error.code} {error.reason}"
    if isinstance(error, urllib.error.URLError) and isinstance(error.reason, Exception):
        error = error.reason
    if isinstance(error, TimeoutError):
        return f"sent nothing for {SILENCE_SECONDS:.0f} s"
    return str(error) or type(error).__name__


def _extract(archive: Path, member: str, out: IO[bytes]) -> None:
    if archive.suffix == ".whl":
        with zipfile.ZipFile(archive) as wheel, wheel.open(member) as content:
            shutil.copyfileobj(content, out, _CHUNK)
        return
    with tarfile.open(archive) as sdist:
        extracted = sdist.extractfile(member)
        if extracted is None:
            raise KeyError(member)
        with extracted:
            shutil.copyfileobj(extracted, out, _CHUNK)


def _wait(process: subprocess.Popen[bytes], scratch: Path, total: int, meter: Meter) -> int:
    while True:
        try:
            return process.wait(timeout=0.5)
        except subprocess.TimeoutExpired:
            # pip unpacks there, too: never report all bytes before pip ends
            meter.update(min(_tree_size(scratch), total - 1))
            if time.monotonic() - meter.started > PACKAGE_SECONDS:
                raise SourceFailed(f"pip did not end within {PACKAGE_SECONDS:.0f} s") from None


def _tree_size(folder: Path) -> int:
    total = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            try:
                total += (Path(parent) / name).stat().st_size
            except FileNotFoundError:  # pip removes files while it works
                continue
    return total


def _pip_error(log: str, code: int) -> str:
    lines = [line.strip() for line in log.splitlines() if line.strip()]
    errors = [line.removeprefix("ERROR: ") for line in lines if line.startswith("ERROR: ")]
    told = errors or lines
    return f"pip: {told[-1]}" if told else f"pip ended with {code}"
