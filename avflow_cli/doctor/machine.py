"""What `sam build` needs on this machine: the SAM CLI, a container engine, disk, and models."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

from avflow.models.checking import cached_store, probe
from avflow_cli import where
from avflow_cli.doctor.finding import Finding, fix, ok
from avflow_cli.samconfig import ROOT

#: what `sam build` needs for both images, in GB: docs/deploy.md
BUILD_GB = 15
#: seconds after which a program that is asked for its version counts as stuck
PATIENCE_SECONDS = 20
#: the line of requirements/sam.txt with the version that continuous integration builds with
_TESTED = re.compile(r"^aws-sam-cli==([\d.]+)", re.MULTILINE)
_ENGINE = ("Start Docker, or Podman's socket and name it: export DOCKER_HOST=unix:///run/podman/podman.sock",)


def sam() -> Finding:
    """The SAM CLI, and whether it is as new as the one that builds the images in continuous integration."""
    name, tested = "SAM CLI", _TESTED.search((ROOT / "requirements" / "sam.txt").read_text(encoding="utf-8"))
    answer = _answer("sam", "--version")
    found = re.search(r"[\d.]+\d", answer or "")
    if found is None:
        install = f"pip install aws-sam-cli=={tested[1]}" if tested else "pip install aws-sam-cli"
        return fix(name, "`sam` does not run", f"{install}    (or one of the other ways in AWS's documentation)")
    version = found[0]
    if tested and _numbers(version) < _numbers(tested[1]):
        return ok(name, f"{version}; the images are tested with {tested[1]}, so update it if `sam build` refuses")
    return ok(name, version)


def engine() -> Finding:
    """What `sam build` builds images with: Docker, or Podman at DOCKER_HOST."""
    name, where = "container engine", os.environ.get("DOCKER_HOST", "its default socket")
    version = _asked_engine("version")
    if version is None:
        return fix(name, f"none answers at {where}", *_ENGINE)
    architecture = str(version.get("Arch", ""))
    told = f"{version.get('Platform', {}).get('Name') or 'Docker'} {version.get('Version', '')}".strip()
    if architecture in ("amd64", "x86_64"):
        return ok(name, told)
    return ok(name, f"{told} on {architecture}: the images are x86-64, so they build under emulation, which is slow")


def disk() -> Finding:
    """Room for both images, where the engine keeps them if that is on this machine."""
    kept = Path((_asked_engine("info") or {}).get("DockerRootDir") or where.code())
    folder = kept if kept.exists() else where.code()
    free = shutil.disk_usage(folder).free / 1e9
    if free < BUILD_GB:
        return fix("disk", f"{free:.0f} GB free at {folder}; a build needs about {BUILD_GB}", "docker system prune")
    return ok("disk", f"{free:.0f} GB free")


def _asked_engine(what: Literal["version", "info"]) -> dict[str, Any] | None:
    """What the container engine answers, or None if none does."""
    import docker.client  # noqa: PLC0415 - slow to import
    import docker.errors  # noqa: PLC0415

    try:
        client = docker.client.from_env(timeout=PATIENCE_SECONDS)
        answer: dict[str, Any] = client.version() if what == "version" else client.info()
    except (docker.errors.DockerException, OSError, ValueError):
        return None
    return answer


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".") if part)


def _answer(*command: str) -> str | None:
    """What a program prints, or None if it does not run."""
    try:
        run = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return run.stdout


def models(names: Sequence[str]) -> Iterator[Finding]:
    """Whether the models of the build are in models/, or can be fetched. Nothing is downloaded.

    Raises
    ------
    ModelUnknown
    """
    store = cached_store(where.models())
    for name, probed in probe(names, store).items():
        files = {each.file.name for each in probed}
        lacking = files - {each.file.name for each in probed if not each.failure}
        if lacking:
            yield fix(f"model {name}", f"no source has {', '.join(sorted(lacking))}", "make models    (says why)")
        elif files:
            size = sum(each.bytes for each in store.missing(name)) / 1e6
            yield ok(f"model {name}", f"{size:.0f} MB to fetch; a source answers for each file")
        else:
            yield ok(f"model {name}", "on this machine")
