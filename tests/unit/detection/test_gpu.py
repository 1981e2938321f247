"""What is told about a GPU: with a driver that was compiled here, with one in Python, and without any."""

from __future__ import annotations

import ctypes
import ctypes.util
import shutil
from pathlib import Path
from typing import Any

import pytest

from avflow.detection import gpu
from avflow.detection.gpu import CUDNN, GpuFacts, gpu_facts, of_packages
from tests.fake_cuda import compile_cuda

VERSION_FILE = """NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  580.178.03  Release Build  (dvs-builder@U22)
GCC version:  gcc version 11.4.1 20230605 (Red Hat 11.4.1-2) (GCC)
"""
T4 = {"name": "Tesla T4", "capability": "7.5", "driver": "580.178.03", "cudnn": "9.16.0"}


class InPython:
    """The same in Python, for a machine without a compiler."""

    def __init__(self, driver: int, runtime: int, init: int) -> None:
        self.driver, self.runtime, self.init = driver, runtime, init
        self.cudnnGetVersion = Returning(91600)

    def cuDriverGetVersion(self, value: Any) -> int:
        return into(value, self.driver)

    def cuInit(self, flags: int) -> int:
        return self.init

    def cuDeviceGet(self, device: Any, ordinal: int) -> int:
        return into(device, 0)

    def cuDeviceGetName(self, name: Any, length: int, device: Any) -> int:
        name.value = b"Tesla T4"
        return 0

    def cuDeviceGetAttribute(self, value: Any, which: int, device: Any) -> int:
        return into(value, {75: 7, 76: 5}[which])

    def cuGetErrorName(self, code: int, text: Any) -> int:
        ctypes.cast(text, ctypes.POINTER(ctypes.c_char_p))[0] = b"CUDA_ERROR_NO_DEVICE"
        return int(code != 100)

    def cudaRuntimeGetVersion(self, value: Any) -> int:
        return into(value, self.runtime)

    def nvrtcVersion(self, major: Any, minor: Any) -> int:
        return into(major, self.runtime // 1000) or into(minor, self.runtime % 1000 // 10)


class Returning:
    """A function of a library, whose type of answer can be set."""

    restype: Any = None

    def __init__(self, value: int) -> None:
        self.value = value

    def __call__(self) -> int:
        return self.value


def into(pointer: Any, value: int) -> int:
    ctypes.cast(pointer, ctypes.POINTER(ctypes.c_int))[0] = value
    return 0


@pytest.fixture(params=["compiled", "in Python"])
def facts_of(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """What is told on a machine with a driver and libraries of these versions."""
    (tmp_path / "version").write_text(VERSION_FILE)

    def facts_of(driver: int = 13000, runtime: int = 13000, init: int = 0) -> GpuFacts:
        path = tmp_path / f"libcuda-{driver}-{runtime}-{init}.so.1"
        if request.param == "in Python":
            library = InPython(driver, runtime, init)
            monkeypatch.setattr(gpu.ctypes, "CDLL", lambda name: library)
        else:
            compile_cuda(path, driver=driver, runtime=runtime, init=init)
        return gpu_facts(*[str(path)] * 4, driver_file=tmp_path / "version")

    if request.param == "compiled" and shutil.which("cc") is None:
        pytest.skip("no C compiler")
    return facts_of


def test_a_gpu_is_told_with_its_driver_and_cuda(facts_of) -> None:
    facts = facts_of()
    assert facts == GpuFacts(**T4, driver_cuda="13.0", runtime="13.0", nvrtc="13.0")
    assert str(facts) == (
        "Tesla T4, compute capability 7.5; driver 580.178.03, for CUDA up to 13.0; "
        "CUDA runtime 13.0, NVRTC 13.0, cuDNN 9.16.0"
    )
    assert GpuFacts.from_dict(facts.to_dict()) == facts


def test_libraries_newer_than_the_driver_are_told(facts_of) -> None:
    facts = facts_of(runtime=13050)
    assert (facts.driver_cuda, facts.runtime, facts.nvrtc) == ("13.0", "13.5", "13.5")
    assert facts.missing == (
        "the CUDA runtime 13.5 is newer than the driver's CUDA 13.0: what it compiles, the driver may refuse",
        "NVRTC 13.5 is newer than the driver's CUDA 13.0: what it compiles, the driver may refuse",
    )
    assert facts_of(driver=13020, runtime=13000).missing == ()
    assert facts_of(driver=12080, runtime=13000).missing
    assert facts_of(driver=13100, runtime=13090).missing == (), "13.10 is newer than 13.9"


def test_a_driver_without_a_gpu_tells_its_error_and_the_rest(facts_of) -> None:
    facts = facts_of(init=100)
    assert (facts.name, facts.capability) == (None, None)
    assert (facts.driver_cuda, facts.driver, facts.cudnn) == ("13.0", "580.178.03", "9.16.0")
    assert [each.partition(": ")[2] for each in facts.missing] == ["cuInit answers CUDA_ERROR_NO_DEVICE (100)"]
    assert str(facts).startswith("no GPU; driver 580.178.03, for CUDA up to 13.0;")
    assert facts_of(init=999).missing[0].endswith("cuInit answers 999"), "an error that the driver has no name for"


def test_without_a_gpu_all_that_is_missing_is_named(tmp_path: Path) -> None:
    names = [f"{tmp_path}/{name}" for name in ("libcuda.so.1", "libcudart.so.13", "libnvrtc.so.13", "libcudnn.so.9")]
    facts = gpu_facts(*names, driver_file=tmp_path / "version")
    assert facts == GpuFacts(missing=facts.missing)
    assert [each.partition(":")[0] for each in facts.missing] == [f"{tmp_path}/version", *names]
    assert str(facts).startswith("no GPU; driver unknown, for CUDA up to unknown; CUDA runtime unknown, NVRTC unknown")


def test_a_library_that_lacks_a_function_is_no_failure(tmp_path: Path) -> None:
    libc = ctypes.util.find_library("c") or "libc.so.6"
    (tmp_path / "version").write_text("of something else\n")
    facts = gpu_facts(*[libc] * 4, driver_file=tmp_path / "version")
    assert facts == GpuFacts(missing=facts.missing)
    assert facts.missing[0] == f"{tmp_path}/version: names no version"
    assert "cuDriverGetVersion" in facts.missing[1]


def test_the_libraries_of_python_packages_come_before_those_of_the_system(tmp_path, monkeypatch) -> None:
    assert of_packages("libno-such-library.so.9") == "libno-such-library.so.9"
    library = tmp_path / "nvidia" / "cudnn" / "lib" / CUDNN
    library.parent.mkdir(parents=True)
    library.touch()
    monkeypatch.syspath_prepend(str(tmp_path))
    assert of_packages(CUDNN) == str(library)
