"""A library that answers as CUDA's driver, runtime, NVRTC and cuDNN do on a machine with one T4."""

from __future__ import annotations

import subprocess
from pathlib import Path

SOURCE = r"""
#include <stddef.h>
#include <string.h>
int cuDriverGetVersion(int *v) { *v = DRIVER; return 0; }
int cuInit(unsigned flags) { return INIT; }
int cuDeviceGet(int *device, int ordinal) { *device = 0; return 0; }
int cuDeviceGetName(char *name, int n, int device) { strncpy(name, "Tesla T4", n); return 0; }
int cuDeviceGetAttribute(int *v, int which, int device) {
  if (which != 75 && which != 76) return 1;
  *v = which == 75 ? 7 : 5;
  return 0;
}
int cuGetErrorName(int code, const char **text) { *text = "CUDA_ERROR_NO_DEVICE"; return code != 100; }
int cudaRuntimeGetVersion(int *v) { *v = RUNTIME; return 0; }
int nvrtcVersion(int *major, int *minor) { *major = RUNTIME / 1000; *minor = RUNTIME % 1000 / 10; return 0; }
size_t cudnnGetVersion(void) { return 91600; }
"""


def compile_cuda(path: Path, *, driver: int = 13000, runtime: int = 13000, init: int = 0) -> Path:
    """Write the library to `path`.

    Parameters
    ----------
    driver, runtime:
        The CUDA that the driver knows, and that of the libraries: 13000 is 13.0.
    init:
        The answer of `cuInit`: 0, or an error.
    """
    source = path.with_name("cuda.c")
    source.write_text(SOURCE)
    numbers = [f"-DDRIVER={driver}", f"-DRUNTIME={runtime}", f"-DINIT={init}"]
    subprocess.run(["cc", "-shared", "-fPIC", "-w", *numbers, "-o", path, source], check=True)
    return path
