"""The pinned libraries of the GPU image: all that the CUDA provider loads runs on the allowed GPUs and the driver.

The slow tests install the wheels of requirements/yolov3-gpu.txt (1.4 GB) into a folder that is removed at once, and
read the libraries. They need no GPU.
"""

import os
import re
import shutil
import subprocess
import sys

import pytest
from samtranslator.yaml_helper import yaml_parse

from scripts import gpu_offerings
from scripts.gpu_code import CAPABILITIES, DRIVER_BRANCH, DRIVER_CUDA, faults, loaded, read
from scripts.lock import FOLDER, ROOT, Unresolvable, install, requirements
from tests.requirements.test_wheels import no_index

#: the versions of these are those of CUDA itself
OF_CUDA = ("nvidia-cuda-nvrtc", "nvidia-cuda-runtime", "nvidia-nvjitlink")
#: libraries that work on the CPU: the runtime, compilers, and what chooses among the others
WITHOUT_CODE = {
    "libcudart.so.13",
    "libcudnn.so.9",
    "libcudnn_graph.so.9",
    "libcudnn_heuristic.so.9",
    "libnvJitLink.so.13",
    "libnvrtc.so.13",
    "libnvrtc-builtins.so.13.0",
}
#: what the detector needs; the others follow from these
CERTAIN = {
    "libcublas.so.13",
    "libcublasLt.so.13",
    "libcudnn_cnn.so.9",
    "libcudnn_engines_precompiled.so.9",
    "libcudnn_engines_runtime_compiled.so.9",
    "libcudnn_ops.so.9",
    "libcufft.so.12",
    "libcurand.so.10",
    "libonnxruntime_providers_cuda.so",
}
#: asks the libraries themselves, in a process of its own, because what they load must be found by LD_LIBRARY_PATH
VERSIONS = """
import ctypes
def pair(library, function):
    first, second = ctypes.c_int(), ctypes.c_int()
    assert getattr(ctypes.CDLL(library), function)(ctypes.byref(first), ctypes.byref(second)) == 0
    return first.value * 1000 + second.value * 10
runtime = ctypes.c_int()
assert ctypes.CDLL("libcudart.so.13").cudaRuntimeGetVersion(ctypes.byref(runtime)) == 0
cudnn = ctypes.CDLL("libcudnn.so.9").cudnnGetCudartVersion
cudnn.restype = ctypes.c_size_t
print(runtime.value, pair("libnvrtc.so.13", "nvrtcVersion"), pair("libnvJitLink.so.13", "nvJitLinkVersion"), cudnn())
"""


def test_nothing_pinned_is_newer_than_the_driver():
    pinned = {each.name: str(each.specifier).removeprefix("==") for each in requirements(FOLDER / "yolov3-gpu.txt")}
    assert {name: tuple(map(int, pinned[name].split(".")[:2])) for name in OF_CUDA} == dict.fromkeys(
        OF_CUDA, DRIVER_CUDA
    )


def test_the_documents_name_the_driver_that_the_libraries_are_pinned_for():
    assert f"driver {DRIVER_BRANCH} or later" in (ROOT / "docs" / "images.md").read_text()
    assert f"branch {DRIVER_BRANCH}" in (FOLDER / "yolov3-gpu.in").read_text()


def test_the_gpu_of_each_allowed_instance_family_is_known():
    template = yaml_parse((ROOT / "template.yaml").read_text())
    listed = re.findall(r"\(([\w|]{20,})\)", template["Parameters"]["GpuInstanceTypes"]["AllowedPattern"])
    assert [{*each.split("|")} for each in listed] == [{*CAPABILITIES}] * 2, "the first type, and each further one"
    assert {each.partition(".")[0] for each in gpu_offerings.TYPES} <= {*CAPABILITIES}, "if it is empty"


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """The folder with what the image installs."""
    if reason := no_index():
        if os.environ.get("CI", "").lower() in ("1", "true"):
            pytest.fail(reason)
        pytest.skip(reason)
    folder = tmp_path_factory.mktemp("gpu") / "site-packages"
    try:
        install("yolov3-gpu", folder)
        yield folder
    except Unresolvable as error:
        pytest.fail(str(error))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.mark.slow
def test_every_library_that_the_provider_loads_has_native_code_for_every_allowed_gpu(installed):
    libraries = loaded(path for path in installed.rglob("lib*.so*") if ".wheels" not in path.parts)
    code = {path.name: read(path) for path in libraries}
    assert code.keys() >= CERTAIN | WITHOUT_CODE
    assert faults(code) == []
    assert {name for name, entries in code.items() if not entries} == WITHOUT_CODE
    assert not any(".alt." in name for name in code), "docker/yolov3.Dockerfile removes these"
    removed = re.findall(r"/opt/nvidia/\S+", (ROOT / "docker" / "yolov3.Dockerfile").read_text())
    assert "/opt/nvidia/*/lib/*.alt.so*" in removed


@pytest.mark.slow
def test_the_libraries_themselves_say_that_they_are_of_the_drivers_cuda(installed):
    folders = [installed / "nvidia" / "cu13" / "lib", installed / "nvidia" / "cudnn" / "lib"]
    done = subprocess.run(
        [sys.executable, "-c", VERSIONS],
        env=os.environ | {"LD_LIBRARY_PATH": ":".join(map(str, folders))},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    cuda = DRIVER_CUDA[0] * 1000 + DRIVER_CUDA[1] * 10
    assert done.stdout.split() == [str(cuda)] * 4
