"""What a media process needs: files, folders, devices, programs, and harmless environment variables."""

from __future__ import annotations

import os
import sys
import sysconfig
from collections.abc import Iterator, Sequence
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path

from avflow.cores import usable_cores
from avflow.isolation.policy import Limits, Policy
from avflow.isolation.workplace import Workplace
from avflow.models.store import ModelStore

#: environment variables that say how to compute, and nothing else
_PASSED_ON = (
    "LD_LIBRARY_PATH",
    "ONEDNN_MAX_CPU_ISA",
    "DNNL_MAX_CPU_ISA",
    "AVFLOW_MODELS_TOML",
    "OMP_NUM_THREADS",
    "IMAGEIO_FFMPEG_EXE",
    "CUDA_VISIBLE_DEVICES",
    "NVIDIA_VISIBLE_DEVICES",
)
#: folders of shared libraries: not those of programs, which the loader could run
_LIBRARIES = (
    "/lib64",
    "/lib",
    "/usr/lib64",
    "/usr/lib",
    "/usr/local/lib",
    "/opt/nvidia",
    "/usr/local/cuda",
    "/nix/store",
)
_ALWAYS = ("/etc/ld.so.cache", "/sys/devices/system/cpu", "/sys/devices/system/node")
#: for CUDA: what the driver says of the GPU, and the process's own memory map
_OF_GPU = (
    *("/proc/driver/nvidia", "/proc/devices", "/proc/modules", "/proc/cpuinfo", "/proc/self", "/proc/sys/vm"),
    *("/sys/module/nvidia", "/sys/bus/pci", "/sys/devices"),
    *("/usr/local/nvidia", "/etc/nvidia"),
)
#: CUDA names its threads, and does not start if it can't: /proc/self/task/*/comm. The process itself resolves `self`
_NAMES_OF_THREADS = "/proc/self/task"
#: folders of fonts, of the system and below a user's home
_FONTS = (
    "/usr/share/fonts",
    "/usr/local/share/fonts",
    "/run/current-system/sw/share/X11/fonts",
    "/System/Library/Fonts",
    "/Library/Fonts",
)
_FONTS_OF_USER = (".local/share/fonts", ".fonts", "Library/Fonts")
_GPU_DEVICES = ("nvidia*", "nvidia-caps", "dri")


def policy(
    tasks: str,
    place: Workplace,
    limits: Limits,
    *,
    programs: bool,
    gpu: bool,
    readable: Sequence[Path] = (),
    writable: Sequence[Path] = (),
    without: Sequence[str] = (),
) -> Policy:
    """The policy of a media process with the module `tasks`; the rest is as for `MediaWorker`."""
    read = [
        *_ALWAYS,
        *_library_folders(),
        *_python(),
        *_packages("avflow", tasks.split(".", maxsplit=1)[0]),
        str(place.inputs),
    ]
    read += [str(path) for path in readable]
    return Policy(
        read=tuple(dict.fromkeys([*read, *(_OF_GPU if gpu else ())])),
        write=(str(place.work), "/dev/null", *map(str, writable), *([_NAMES_OF_THREADS] if gpu else [])),
        execute=tuple(_programs()) if programs else (),
        devices=tuple(str(path) for name in _GPU_DEVICES for path in Path("/dev").glob(name)) if gpu else (),
        parent=os.getpid(),
        limits=limits,
        local_sockets=gpu,
        without=tuple(without),
    )


def font_folders() -> list[Path]:
    """The folders of fonts that there are, for a process that draws text."""
    found = [Path(folder) for folder in _FONTS]
    with suppress(RuntimeError):  # the user may have no home
        found += [Path.home() / folder for folder in _FONTS_OF_USER]
    return [folder for folder in found if folder.is_dir()]


def environment(place: Workplace) -> dict[str, str]:
    """The environment of a media process: no credentials, no names of the user, its work folder for temporary files."""
    return {**harmless_environment(), "TMPDIR": str(place.work), "HOME": str(place.work)}


def harmless_environment() -> dict[str, str]:
    """What of it does not depend on the upload."""
    passed = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    # the child can't read the limits of its cgroup
    told = {"PYTHON_CPU_COUNT": str(usable_cores()), "AVFLOW_MODELS": str(ModelStore().root)}
    return {**passed, **told}


def _library_folders() -> Iterator[str]:
    """The folders of shared libraries. Where the system has one for its architecture, then not all of /usr/lib."""
    multiarch = sysconfig.get_config_var("MULTIARCH")
    for folder in _LIBRARIES:
        own = Path(folder, multiarch) if multiarch else None
        yield str(own) if own and own.is_dir() else folder


def _python() -> Iterator[str]:
    """The standard library, the installed packages, and the shared library of Python."""
    yield from (path for name in ("stdlib", "platstdlib", "purelib", "platlib") if (path := sysconfig.get_path(name)))
    yield str(Path(sys.base_prefix, "lib"))
    yield from (entry for entry in sys.path if entry.endswith(("site-packages", "dist-packages", ".zip")))
    yield str(Path(sys.prefix, "pyvenv.cfg"))


def _packages(*names: str) -> Iterator[str]:
    for name in names:
        spec = find_spec(name)
        if spec is not None and spec.submodule_search_locations:
            yield from spec.submodule_search_locations


def _programs() -> Iterator[str]:
    """FFmpeg, and the loader that it names (ELF, program header PT_INTERP)."""
    import imageio_ffmpeg  # type: ignore[import-untyped]  # noqa: PLC0415

    program = os.path.realpath(imageio_ffmpeg.get_ffmpeg_exe())
    yield program
    if (loader := interpreter(Path(program))) is not None:
        yield loader


def interpreter(program: Path) -> str | None:
    """The loader of a 64-bit little-endian ELF program; None of a static one, and of other files."""
    with program.open("rb") as file:
        header = file.read(64)
        if header[:6] != b"\x7fELF\x02\x01":
            return None
        offset, size, count = (int.from_bytes(header[at : at + n], "little") for at, n in ((32, 8), (54, 2), (56, 2)))
        file.seek(offset)
        table = file.read(size * count)
        for start in range(0, len(table), size):
            if table[start] == 3 and table[start + 1 : start + 4] == b"\0\0\0":  # PT_INTERP
                file.seek(int.from_bytes(table[start + 8 : start + 16], "little"))
                length = int.from_bytes(table[start + 32 : start + 40], "little")
                return file.read(length).rstrip(b"\0").decode()
    return None
