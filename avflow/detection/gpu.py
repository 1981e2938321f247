"""What the GPU of this machine is, and whether its driver fits the CUDA libraries: asked of the libraries themselves.

It needs neither an inference engine nor a model, so it can tell why an engine does not start. CUDA Driver API, "Version
Management" and "Device Management"; CUDA Runtime API, "Version Management"; NVRTC; cuDNN, `cudnnGetVersion`.
"""

from __future__ import annotations

import ctypes
import importlib.util
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from avflow.media.contract import Contract

DRIVER, RUNTIME, NVRTC, CUDNN = "libcuda.so.1", "libcudart.so.13", "libnvrtc.so.13", "libcudnn.so.9"
#: the kernel module says here which driver it is
DRIVER_FILE = Path("/proc/driver/nvidia/version")
#: CUdevice_attribute
_CAPABILITY_MAJOR, _CAPABILITY_MINOR = 75, 76
_LONGEST_NAME = 256


@dataclass(frozen=True)
class GpuFacts(Contract):
    """The first GPU, its driver, and the CUDA libraries. None: unknown, and `missing` says why."""

    #: such as "Tesla T4"
    name: str | None = None
    #: the architecture, such as "7.5"
    capability: str | None = None
    #: the driver's version, such as "580.178.03"
    driver: str | None = None
    #: the newest CUDA that the driver knows, such as "13.0"
    driver_cuda: str | None = None
    #: versions of the libraries that this process loads
    runtime: str | None = None
    nvrtc: str | None = None
    cudnn: str | None = None
    #: a sentence for each of them that could not be found out, and for what does not fit
    missing: tuple[str, ...] = ()

    def __str__(self) -> str:
        told = [
            f"{self.name}, compute capability {self.capability or 'unknown'}" if self.name else "no GPU",
            f"driver {self.driver or 'unknown'}, for CUDA up to {self.driver_cuda or 'unknown'}",
            f"CUDA runtime {self.runtime or 'unknown'}, NVRTC {self.nvrtc or 'unknown'}, "
            f"cuDNN {self.cudnn or 'unknown'}",
            *self.missing,
        ]
        return "; ".join(told)


@dataclass
class _Asked:
    """What has been found out, by the fields of `GpuFacts`."""

    found: dict[str, str] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)

    @contextmanager
    def about(self, path: str) -> Iterator[None]:
        """What raises OSError, or an AttributeError of a library without the function, is missing."""
        try:
            yield
        except (OSError, AttributeError) as error:
            why = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
            self.missing.append(why if path in why else f"{path}: {why}")


def of_packages(library: str) -> str:
    """The file of NVIDIA's Python packages that ONNX Runtime loads, or else the name, for the loader to find.

    A system has often another cuDNN. The first one with a name that a process loads is then the one for all.
    """
    found = importlib.util.find_spec("nvidia")
    folders = found.submodule_search_locations if found else None
    files = [file for folder in folders or () for file in sorted(Path(folder).glob(f"*/lib/{library}"))]
    return str(files[0]) if files else library


def gpu_facts(
    driver: str = DRIVER,
    runtime: str | None = None,
    nvrtc: str | None = None,
    cudnn: str | None = None,
    driver_file: Path = DRIVER_FILE,
) -> GpuFacts:
    """Ask the driver and the libraries. It raises nothing, and makes no CUDA context.

    Parameters
    ----------
    driver, runtime, nvrtc, cudnn:
        The names or paths of the libraries; by default those that ONNX Runtime loads (`of_packages`).
    driver_file:
        Where the kernel module tells its version.
    """
    asked = _Asked()
    runtime, nvrtc, cudnn = runtime or of_packages(RUNTIME), nvrtc or of_packages(NVRTC), cudnn or of_packages(CUDNN)
    with asked.about(str(driver_file)):
        asked.found["driver"] = _driver_version(driver_file)
    with asked.about(driver):
        _ask_driver(ctypes.CDLL(driver), asked)
    with asked.about(runtime):
        asked.found["runtime"] = _cuda(_number(ctypes.CDLL(runtime).cudaRuntimeGetVersion, "cudaRuntimeGetVersion"))
    with asked.about(nvrtc):
        major, minor = ctypes.c_int(), ctypes.c_int()
        _checked("nvrtcVersion", ctypes.CDLL(nvrtc).nvrtcVersion(ctypes.byref(major), ctypes.byref(minor)))
        asked.found["nvrtc"] = f"{major.value}.{minor.value}"
    with asked.about(cudnn):
        function = ctypes.CDLL(cudnn).cudnnGetVersion
        function.restype = ctypes.c_size_t
        version = int(function())
        asked.found["cudnn"] = f"{version // 10000}.{version // 100 % 100}.{version % 100}"
    asked.missing += _unfit(asked.found)
    return GpuFacts(**asked.found, missing=tuple(asked.missing))


def _ask_driver(library: ctypes.CDLL, asked: _Asked) -> None:
    """The driver API answers its version without a GPU. For all else `cuInit` must have found one.

    Raises
    ------
    OSError
        There is no GPU that this process may use.
    """
    asked.found["driver_cuda"] = _cuda(_number(library.cuDriverGetVersion, "cuDriverGetVersion"))
    _checked("cuInit", library.cuInit(0), library)
    device = ctypes.c_int()
    _checked("cuDeviceGet", library.cuDeviceGet(ctypes.byref(device), 0), library)
    name = ctypes.create_string_buffer(_LONGEST_NAME)
    _checked("cuDeviceGetName", library.cuDeviceGetName(name, _LONGEST_NAME, device), library)
    asked.found["name"] = name.value.decode(errors="replace")
    numbers = []
    for attribute in (_CAPABILITY_MAJOR, _CAPABILITY_MINOR):
        value = ctypes.c_int()
        code = library.cuDeviceGetAttribute(ctypes.byref(value), attribute, device)
        _checked("cuDeviceGetAttribute", code, library)
        numbers.append(str(value.value))
    asked.found["capability"] = ".".join(numbers)


def _driver_version(file: Path) -> str:
    """`NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  580.178.03  Release Build …`: the first such number.

    Raises
    ------
    OSError
    """
    words = file.read_text(encoding="utf-8").split()
    for word in words:
        if word.count(".") >= 1 and word.replace(".", "").isdigit():
            return word
    raise OSError("names no version")


def _number(function: Callable[..., int], name: str) -> int:
    value = ctypes.c_int()
    _checked(name, function(ctypes.byref(value)))
    return value.value


def _checked(name: str, code: int, library: Any = None) -> None:
    """Raise OSError with the name of CUDA's error."""
    if code == 0:
        return
    text = ctypes.c_char_p()
    if library is not None and library.cuGetErrorName(code, ctypes.byref(text)) == 0 and text.value:
        raise OSError(f"{name} answers {text.value.decode(errors='replace')} ({code})")
    raise OSError(f"{name} answers {code}")


def _cuda(version: int) -> str:
    """13000 -> "13.0"."""
    return f"{version // 1000}.{version % 1000 // 10}"


def _unfit(found: dict[str, str]) -> list[str]:
    """A sentence for each library that is newer than the driver.

    What such a library compiles at run time is in a PTX that the driver refuses (cudaErrorUnsupportedPtxVersion).
    """
    known = found.get("driver_cuda")
    return [
        f"{name} {found[key]} is newer than the driver's CUDA {known}: what it compiles, the driver may refuse"
        for key, name in (("runtime", "the CUDA runtime"), ("nvrtc", "NVRTC"))
        if known and key in found and _parts(found[key]) > _parts(known)
    ]


def _parts(version: str) -> tuple[int, ...]:
    return tuple(map(int, version.split(".")))
