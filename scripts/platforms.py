"""The supported platforms and Pythons, and the packages that they lack. They are declared only here.

The set-up refuses other machines, a test resolves the locked requirements for these, and docs/platforms.md lists them.
This module uses only the standard library: the set-up imports it before anything is installed.
"""

from __future__ import annotations

import platform
import sys
import sysconfig
from dataclasses import dataclass

PYTHONS = ("3.11", "3.12", "3.13", "3.14")
#: requirements of av 18.1 and OpenCV 5 (PEP 600 and the tags of their wheels)
OLDEST_GLIBC = (2, 28)
OLDEST_MACOS = (14, 0)
DOCUMENT = "docs/platforms.md"


@dataclass(frozen=True)
class Platform:
    """An operating system on a kind of processor."""

    name: str
    #: `sys.platform` and `platform.machine()` there
    system: str
    machine: str
    #: uv's name for it
    target: str


PLATFORMS = (
    Platform("Linux x86-64", "linux", "x86_64", f"x86_64-manylinux_{OLDEST_GLIBC[0]}_{OLDEST_GLIBC[1]}"),
    Platform("Linux aarch64", "linux", "aarch64", f"aarch64-manylinux_{OLDEST_GLIBC[0]}_{OLDEST_GLIBC[1]}"),
    Platform("macOS arm64", "darwin", "arm64", "aarch64-apple-darwin"),
    Platform("macOS x86-64", "darwin", "x86_64", "x86_64-apple-darwin"),
)

#: by NAME of requirements/NAME.txt for every platform and Python: its use
EVERYWHERE = {
    "local": "`make run`, `make up`",
    "dev": "`make test`",
    "bench": "`make bench`",
    "sam": "`make check`, `make images`",
    "check": "`make check`",
    "docs": "`make docs`, `make check`",
    "peers": "`make peers`",
}
#: NAMEs of the requirements of images: Debian 13 on Linux x86-64
IMAGES = ("media-image", "yolov3-image", "yolov3-gpu", "conversion-image")
IMAGE_PLATFORM, IMAGE_PYTHON = PLATFORMS[0], "3.13"


@dataclass(frozen=True)
class Missing:
    """A package that has no suitable wheel on some platforms and Pythons, and the requirements files that need it."""

    package: str
    files: tuple[str, ...]
    platforms: tuple[str, ...]
    pythons: tuple[str, ...]
    why: str


MISSING = (
    Missing(
        "onnxruntime",
        ("local", "dev", "bench"),
        ("macOS x86-64",),
        ("3.14",),
        "ONNX Runtime has no package for it",
    ),
    Missing(
        "watchdog",
        ("sam",),
        ("macOS arm64", "macOS x86-64"),
        ("3.14",),
        "the SAM CLI needs watchdog 4.0.2, which has no package for it",
    ),
    Missing("onnxruntime", ("peers",), ("macOS x86-64",), PYTHONS, "its ONNX Runtime has no package for it"),
)


def missing(file: str, where: str, python: str) -> Missing | None:
    """The missing package that prevents installing requirements/`file`.txt on the platform called `where`."""
    for each in MISSING:
        if file in each.files and where in each.platforms and python in each.pythons:
            return each
    return None


def refusal(file: str) -> str | None:
    """Why this Python can't install requirements/`file`.txt, and what to do. None if it can."""
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    here = this_platform()
    if here is None or sys.maxsize < 2**32:
        bits = "" if sys.maxsize > 2**32 else " with a 32-bit Python"
        return (
            f"av-workflow does not support {platform.system()} {platform.machine()}{bits}. "
            f"It runs on {', '.join(each.name for each in PLATFORMS)}: see {DOCUMENT}."
        )
    if too_old := _too_old():
        return f"{too_old} has no packages for av-workflow: see {DOCUMENT}."
    if sysconfig.get_config_var("Py_GIL_DISABLED"):
        return f"The free-threaded Python {sys.executable} lacks packages. Use an ordinary one, {_other(python)}."
    if (lack := missing(file, here.name, python)) and lack.pythons == PYTHONS:
        return f"requirements/{file}.txt can't be installed on {here.name}, as {lack.why} ({DOCUMENT})."
    if lack:
        return (
            f"av-workflow can't use Python {python} on {here.name}, as {lack.why}. "
            f"Use another one, {_other(python)} ({DOCUMENT})."
        )
    return None


def this_platform() -> Platform | None:
    """The platform that this Python runs on. None if it is not supported."""
    for each in PLATFORMS:
        if (each.system, each.machine) == (sys.platform, platform.machine()):
            return each
    return None


def _too_old() -> str | None:
    """A description of the operating system if it is too old for the packages, else None."""
    if sys.platform == "darwin":
        release = platform.mac_ver()[0]
        return f"macOS {release}, older than {OLDEST_MACOS[0]}," if _numbers(release) < OLDEST_MACOS else None
    name, release = platform.libc_ver()
    if name != "glibc":
        return "A Linux without glibc (Alpine, for example)"
    oldest = ".".join(map(str, OLDEST_GLIBC))
    return f"A Linux with glibc {release}, older than {oldest}," if _numbers(release) < OLDEST_GLIBC else None


def _numbers(release: str) -> tuple[int, ...]:
    return tuple(int(part) for part in release.split(".")[:2] if part.isdigit())


def _other(python: str) -> str:
    return f"for example make PYTHON=python{PYTHONS[2] if python != PYTHONS[2] else PYTHONS[0]}"
