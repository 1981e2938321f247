"""Lock requirements/*.in into requirements/*.txt, or resolve one for a platform, with uv and pip's settings.

usage: python -m scripts.lock [NAME ...]

A pinned version stays as long as the .in file allows it. To get the newest version, delete its line in the .txt file or
the whole file.
"""

from __future__ import annotations

import ast
import functools
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from uv import find_uv_bin

from scripts import platforms
from scripts.platforms import EVERYWHERE, IMAGE_PLATFORM, IMAGE_PYTHON, IMAGES, OLDEST_MACOS, Platform

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "requirements"


class Unresolvable(Exception):
    """A package has no suitable wheel. The message is uv's, without addresses."""


def lock(name: str) -> None:
    """Write requirements/`name`.txt."""
    where = ["--universal", "--python-version", platforms.PYTHONS[0]]
    if name in IMAGES:
        where = ["--python-platform", IMAGE_PLATFORM.target, "--python-version", IMAGE_PYTHON]
    _uv(f"requirements/{name}.in", "--output-file", f"requirements/{name}.txt", "--generate-hashes",
        "--no-emit-index-url", "--no-emit-find-links", *where)  # fmt: skip


def resolve(file: Path, platform: Platform, python: str) -> dict[str, str]:
    """The versions of all packages that `file` needs, by name. Only wheels count.

    Raises
    ------
    Unresolvable
    """
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "out.txt"
        _uv(str(file), "--output-file", str(out), "--no-annotate",
            "--python-platform", platform.target, "--python-version", python)  # fmt: skip
        return {canonicalize_name(each.name): _version(each) for each in requirements(out)}


def install(name: str, folder: Path) -> None:
    """Install what requirements/`name`.txt of an image pins into `folder`, which is made, with its hashes.

    Raises
    ------
    Unresolvable
    """
    _run("install", "--requirement", f"requirements/{name}.txt", "--require-hashes", "--target", str(folder),
         "--cache-dir", str(folder / ".wheels"), "--python-platform", IMAGE_PLATFORM.target,
         "--python-version", IMAGE_PYTHON)  # fmt: skip


def pinned(file: Path, platform: Platform, python: str) -> dict[str, str]:
    """The versions of all packages that pip would install from a locked file on a platform, by name."""
    environment = {
        "implementation_name": "cpython",
        "implementation_version": f"{python}.0",
        "os_name": "posix",
        "platform_machine": platform.machine,
        "platform_python_implementation": "CPython",
        "platform_system": {"linux": "Linux", "darwin": "Darwin"}[platform.system],
        "python_full_version": f"{python}.0",
        "python_version": python,
        "sys_platform": platform.system,
    }
    return {
        canonicalize_name(each.name): _version(each)
        for each in requirements(file)
        if each.marker is None or each.marker.evaluate(environment)
    }


def requirements(file: Path) -> Iterator[Requirement]:
    """The lines of a locked file, without their hashes."""
    for line in file.read_text(encoding="utf-8").splitlines():
        if line and not line.startswith((" ", "#")):
            yield Requirement(line.removesuffix("\\").strip())


def _version(requirement: Requirement) -> str:
    return str(requirement.specifier).removeprefix("==")


def _uv(*arguments: str) -> None:
    _run("compile", "--no-header", "--overrides", "requirements/overrides.in", *arguments)


def _run(verb: str, *arguments: str) -> None:
    command = [find_uv_bin(), "pip", verb, "--quiet", "--only-binary", ":all:",
               "--python", sys.executable, *arguments]  # fmt: skip
    done = subprocess.run(command, cwd=ROOT, env=_environment(), capture_output=True, text=True, check=False)
    if done.returncode:
        raise Unresolvable(re.sub(r"\b(https?|file)://\S+", r"\1://…", done.stderr.strip()))


@functools.cache
def _environment() -> dict[str, str]:
    return {
        **os.environ,
        **_as_uv_reads(_pip_settings()),
        "MACOSX_DEPLOYMENT_TARGET": ".".join(map(str, OLDEST_MACOS)),
        "UV_PYTHON_DOWNLOADS": "never",
        "UV_NO_CONFIG": "1",
    }


def _pip_settings() -> dict[str, str]:
    """The values of pip's configuration files and variables, by option. uv does not read them."""
    listed = subprocess.run(
        [sys.executable, "-m", "pip", "config", "list"], capture_output=True, text=True, check=True
    ).stdout
    found: dict[tuple[int, str], str] = {}
    for line in listed.splitlines():
        name, _, value = line.partition("=")
        section, _, option = name.rpartition(".")
        if section in (order := ("global", "install", ":env:")):  # the later win
            found[order.index(section), option] = str(ast.literal_eval(value))
    return {option: found[where, option] for where, option in sorted(found)}


def _as_uv_reads(settings: Mapping[str, str]) -> dict[str, str]:
    """pip's settings as uv's environment variables.

    pip's extra indexes are left out: uv takes a package from the first index that has it, and an extra index may have
    the wheels of only one platform.
    """
    wanted = {
        "UV_DEFAULT_INDEX": settings.get("index-url", ""),
        "UV_FIND_LINKS": ",".join(settings.get("find-links", "").split()),
        "UV_INSECURE_HOST": settings.get("trusted-host", ""),
        "UV_HTTP_TIMEOUT": settings.get("timeout", settings.get("default-timeout", "")),
        "SSL_CERT_FILE": settings.get("cert", ""),
        "ALL_PROXY": settings.get("proxy", ""),
    }
    return {variable: value for variable, value in wanted.items() if value}


def main(*names: str) -> int:
    """Lock the files called `names`, or all."""
    for name in names or (*EVERYWHERE, *IMAGES):
        print(f"requirements/{name}.txt", flush=True)
        try:
            lock(name)
        except Unresolvable as error:
            print(error, file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
