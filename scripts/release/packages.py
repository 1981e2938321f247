"""The files of a release: tagged sources, source distribution, wheel, constraints and checksums.

The same commit gives the same bytes: all files have its time (reproducible-builds.org, SOURCE_DATE_EPOCH), no owner,
and modes that do not depend on the umask. Nothing here needs the network but `fetch`.
"""

from __future__ import annotations

import email
import gzip
import hashlib
import io
import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

from packaging.metadata import InvalidMetadata, Metadata
from packaging.utils import canonicalize_name
from readme_renderer import markdown
from uv import find_uv_bin

from scripts.lock import requirements
from scripts.release.checkout import NotReleasable

SUMS = "SHA256SUMS"
Command = list[str | Path]


def export(root: Path, archive: Path, version: str, epoch: int) -> None:
    """Write the sources of the commit as a compressed tar: what Git has, tests included."""
    # Git's own default of the modes depends on its configuration
    command: Command = [
        "git",
        "-C",
        root,
        "-c",
        "tar.umask=0022",
        "archive",
        f"--prefix=av-workflow-{version}/",
        "HEAD",
    ]
    done = subprocess.run(command, capture_output=True, check=True)
    archive.write_bytes(gzip.compress(done.stdout, mtime=epoch))


def unpack(archive: Path, folder: Path) -> Path:
    """Unpack sources into a new folder, and return the folder that is in them."""
    with tarfile.open(archive) as sources:
        sources.extractall(folder, filter="data")
    (tree,) = folder.iterdir()
    return tree


def build(tree: Path, out: Path, epoch: int) -> tuple[Path, Path]:
    """Build the source distribution from a tree, which stays with rests of it, and from that the wheel.

    The build uses the setuptools of this environment, so it needs no network.

    Raises
    ------
    NotReleasable
        The build failed; the message has its output.
    """
    _build(tree, out, epoch, "--sdist")
    (source,) = out.glob("*.tar.gz")
    _normalise(source, epoch)
    _build(source, out, epoch, "--wheel")
    (wheel,) = out.glob("*.whl")
    return source, wheel


def _build(what: Path, out: Path, epoch: int, kind: str) -> None:
    command: Command = [find_uv_bin(), "build", kind, "--quiet", "--offline", "--no-build-isolation",
                        "--no-create-gitignore", "--python", sys.executable, "--out-dir", out, what]  # fmt: skip
    environment = {**os.environ, "SOURCE_DATE_EPOCH": str(epoch), "UV_NO_CONFIG": "1", "UV_PYTHON_DOWNLOADS": "never"}
    before = os.umask(0o022)
    try:
        done = subprocess.run(command, cwd=out, env=environment, capture_output=True, text=True, check=False)
    finally:
        os.umask(before)
    if done.returncode:
        raise NotReleasable(f"The build failed:\n{done.stdout}{done.stderr}")


def _normalise(source: Path, epoch: int) -> None:
    """Pack a source distribution anew: setuptools keeps times and owners of files."""
    packed = io.BytesIO()
    with tarfile.open(source) as old, tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as new:
        for member in sorted(old.getmembers(), key=lambda each: each.name):
            same = tarfile.TarInfo(member.name)
            same.type, same.size, same.mtime = member.type, member.size, epoch
            same.mode = 0o755 if member.isdir() or member.mode & 0o100 else 0o644
            new.addfile(same, old.extractfile(member) if member.isfile() else None)
    source.write_bytes(gzip.compress(packed.getvalue(), mtime=epoch))


def check(wheel: Path) -> None:
    """Read the metadata and the description as an index would.

    Raises
    ------
    NotReleasable
    """
    with zipfile.ZipFile(wheel) as content:
        (name,) = (name for name in content.namelist() if name.endswith(".dist-info/METADATA"))
        raw = content.read(name)
    try:
        Metadata.from_email(raw, validate=True)
    except ExceptionGroup as errors:
        wrong = "\n".join(str(each) for each in errors.exceptions if isinstance(each, InvalidMetadata))
        raise NotReleasable(f"The metadata of {wheel.name} is not valid:\n{wrong}") from errors
    message = email.message_from_bytes(raw)
    if message["Description-Content-Type"] != "text/markdown" or not markdown.render(str(message.get_payload())):
        raise NotReleasable(f"The description of {wheel.name} can't be shown: see README.md.")


def constraints(root: Path) -> str:
    """The versions of requirements/local.txt in the form that pip's option -c takes, without hashes."""
    pinned = [
        f"{canonicalize_name(each.name)}{each.specifier}" + (f" ; {each.marker}" if each.marker else "")
        for each in requirements(root / "requirements" / "local.txt")
    ]
    return "\n".join(pinned) + "\n"


def write_sums(folder: Path) -> None:
    """Write the sha256 of each file in a folder, for `sha256sum --check`."""
    lines = [f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}" for path in sorted(folder.iterdir())]
    (folder / SUMS).write_text("\n".join(lines) + "\n", encoding="utf-8")


def fetch(root: Path, wheels: Path) -> None:
    """Fill a folder with the wheels of requirements/local.txt for this machine, each with a hash of it.

    The network is asked only if one is missing.

    Raises
    ------
    NotReleasable
    """
    wheels.mkdir(parents=True, exist_ok=True)
    command: Command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps",
                        "--require-hashes", "--only-binary", ":all:", "--find-links", wheels, "--dest", wheels,
                        "--requirement", root / "requirements" / "local.txt"]  # fmt: skip
    if subprocess.run([*command, "--no-index"], capture_output=True, check=False).returncode == 0:
        return
    print("fetching the wheels of requirements/local.txt, the only step that needs the network …", flush=True)
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        errors = [line for line in done.stderr.splitlines() if line.startswith("ERROR")]
        raise NotReleasable("\n".join(["The wheels of requirements/local.txt can't be had.", *errors]))
