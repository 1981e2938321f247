"""Make a virtual environment, and install a locked requirements file into it, only from wheels.

usage: scripts/set_up NAME (see there)

This module uses only the standard library. It replaces an environment whose set-up was interrupted.
"""

from __future__ import annotations

import importlib.util
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from scripts.platforms import DOCUMENT, refusal

ROOT = Path(__file__).resolve().parents[1]
#: name of a file that exists while pip installs: a killed pip leaves packages in part, and takes them for installed
_UNFINISHED = ".unfinished"


@dataclass(frozen=True)
class Environment:
    """The folder of the virtual environment for requirements/NAME.txt."""

    folder: str
    #: MB that it adds on Linux x86-64: to the download (None: not measured), and on the disk
    download: int | None
    disk: int


ENVIRONMENTS = {
    "local": Environment(".venv", 380, 1190),
    "dev": Environment(".venv", 135, 640),
    "bench": Environment(".venv", 25, 100),
    "sam": Environment(".venv-sam", 60, 340),
    "check": Environment(".venv-check", 55, 290),
    "docs": Environment(".venv-docs", 20, 140),
    "peers": Environment(".venv-peers", None, 6500),
}


class SetUpFailed(Exception):
    """The message says what is wrong and what to do."""


def main(name: str) -> int:
    """Set up one environment. Return the exit status."""
    try:
        if reason := refusal(name):
            raise SetUpFailed(reason)
        environment = ENVIRONMENTS[name]
        python = _python_of(ROOT / environment.folder)
        download = f"{environment.download} MB to download, " if environment.download else ""
        _tell(
            f"installing requirements/{name}.txt into {environment.folder}, once "
            f"(about {download}{environment.disk} MB on the disk) …"
        )
        _install(python, environment, "--require-hashes", "-r", f"requirements/{name}.txt")
        if name == "local":
            _install(python, environment, "--no-build-isolation", "-e", ".")
    except SetUpFailed as error:
        _tell(str(error))
        return 1
    except KeyboardInterrupt:
        _tell("interrupted. The next make starts again.")
        return 130
    return 0


def _python_of(folder: Path) -> Path:
    """The Python of the environment. Make the environment if it is missing or broken."""
    python = folder / "bin" / "python"
    if folder.exists():
        if whole(folder):
            return python
        _tell(f"removing {folder.name}: its set-up was interrupted, it was moved, or its Python is gone")
        shutil.rmtree(folder)
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    if not all(importlib.util.find_spec(module) for module in ("venv", "ensurepip")):
        raise SetUpFailed(
            f"{sys.executable} can't make virtual environments. Debian and Ubuntu have a package for that: "
            f"sudo apt install python{version}-venv"
        )
    _tell(f"making {folder.name} with Python {version} ({sys.executable}) …")
    made = subprocess.run([sys.executable, "-m", "venv", folder], capture_output=True, text=True, check=False)
    if made.returncode:
        shutil.rmtree(folder, ignore_errors=True)
        print(made.stdout + made.stderr, file=sys.stderr)
        raise SetUpFailed(f"{sys.executable} can't make {folder.name}, see above.")
    return python


def whole(folder: Path) -> bool:
    """Whether an environment exists where it was made, has its Python and pip, and its set-up was not interrupted."""
    python, pip = folder / "bin" / "python", folder / "bin" / "pip"
    try:
        # a script contains the full path of its interpreter, which is wrong after a move of the environment
        if (folder / _UNFINISHED).exists() or f"{python}" not in pip.read_text(encoding="utf-8"):
            return False
        return subprocess.run([python, "-c", "import pip"], capture_output=True, check=False).returncode == 0
    except OSError:
        return False


def _install(python: Path, environment: Environment, *arguments: str) -> None:
    unfinished = ROOT / environment.folder / _UNFINISHED
    unfinished.touch()
    # no dependencies: the file has them all, and pip would look for the hashes of those with extras by another name
    options = ["--disable-pip-version-check", "--progress-bar", "off", "--no-deps", "--only-binary", ":all:"]
    options.append("--no-compile")  # pip compiles on one core only, see below
    status, complaints = _run_pip([str(python), "-m", "pip", "install", *options, *arguments])
    if status == 0:
        _compile(python, ROOT / environment.folder)
    if status >= 0:  # pip was not killed, so it left no package in part
        unfinished.unlink()
    if status == 0:
        return
    # leave out warnings about a `find-links` folder without the package, and about each try of a connection
    noise = ("WARNING: Location ", "WARNING: Retrying ")
    print(*(line for line in complaints.splitlines() if not line.startswith(noise)), sep="\n", file=sys.stderr)
    raise SetUpFailed(explain(complaints, environment))


def _compile(python: Path, folder: Path) -> None:
    """Compile what is not compiled yet, on all cores. A step in its sandbox could not write what it compiles."""
    # a package may have files that are for another Python: they stay as they are, as with pip
    command = [python, "-m", "compileall", "-qq", "-j", "0", folder / "lib"]
    subprocess.run(command, cwd=ROOT, stdout=subprocess.DEVNULL, check=False)


def _run_pip(command: list[str]) -> tuple[int, str]:
    """Run pip, and return its exit status and stderr. On a terminal, a line shows what pip does."""
    line_alone = "\r\x1b[K" if sys.stderr.isatty() else None
    with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as complaints:
        with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=complaints, text=True) as process:
            for at in filter(None, map(doing, process.stdout or ())):
                if line_alone:
                    print(f"{line_alone}  {at}", end="", file=sys.stderr, flush=True)
        if line_alone:
            print(line_alone, end="", file=sys.stderr, flush=True)
        complaints.seek(0)
        return process.returncode, complaints.read()


def doing(line: str) -> str | None:
    """What pip does according to a line of its output, in few words. None if the line does not tell."""
    if found := re.match(r"Collecting ([\w.-]+)|  Downloading ([\w.]+)-\S* \((.*)\)", line):
        return f"fetching {found[1]}" if found[1] else f"fetching {found[2]} ({found[3]})"
    return "unpacking all of it …" if line.startswith("Installing collected packages") else None


def explain(stderr: str, environment: Environment) -> str:
    """What pip's stderr means, and what to do."""
    if "WARNING: Retrying " in stderr or "connection broken" in stderr.lower():
        return "The package index can't be reached: check the network and pip's settings (pip config list)."
    if "No space left on device" in stderr:
        return f"The disk is full: {environment.folder} needs about {environment.disk} MB, and downloads as much again."
    if "DO NOT MATCH THE HASHES" in stderr:
        return "A package differs from the pinned one, see above: the index or a proxy changed it."
    if found := re.search(r"No matching distribution found for ([^\s;]+)", stderr):
        python = f"Python {sys.version_info.major}.{sys.version_info.minor}"
        return (
            f"{found[1]} has no package for {python} on this platform, and av-workflow builds none. See {DOCUMENT} for "
            "the supported platforms, or use another Python: make PYTHON=python3.13."
        )
    return "pip failed, see above."


def _tell(text: str) -> None:
    print(f"av-workflow: {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
