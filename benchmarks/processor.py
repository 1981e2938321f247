"""Classes of processors by their instruction sets, and how a process is held to a class below the machine's.

Inference engines choose their code by the processor's instruction sets, so speed (and with int8 even what is found)
compares only within a class. A class is called by its highest level: "avx2", "avx_vnni", "avx512", "vnni", "bf16",
"amx"; "x86" has none of these, and "arm" is Arm's 64-bit architecture.

What libraries read (each tried on a bf16 machine; OpenVINO 2026.4 by its execution graph, the others by their logs):

- OpenVINO and CTranslate2 read oneDNN's `ONEDNN_MAX_CPU_ISA`, and `DNNL_MAX_CPU_ISA` where the former is unset or
  empty. OpenVINO finds bfloat16 by itself, whatever the cap: its default precision then needs instructions that the
  cap takes away (below avx512 it can't compile the network, from there to bf16 it emulates them). A process that is
  capped below "bf16" has to ask for `INFERENCE_PRECISION_HINT` f32, which is what a real processor of that class gets.
- CTranslate2 also reads `CT2_FORCE_CPU_ISA` and, where it uses Intel's MKL, that reads `MKL_ENABLE_INSTRUCTIONS`.
- OpenCV reads `OPENCV_CPU_DISABLE`, NumPy `NPY_DISABLE_CPU_FEATURES`.
- ONNX Runtime has no counterpart: it goes by the processor alone.

A whole processor can be emulated (QEMU's `qemu-x86_64 -cpu Haswell-noTSX`), some fifty times as slowly: there too
OpenVINO chooses float32, and 8-bit products saturate to the same sums as under the cap.
"""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import ParamSpec, TypeVar
from unittest.mock import patch

Arguments = ParamSpec("Arguments")
Found = TypeVar("Found")

CPUINFO = Path("/proc/cpuinfo")
#: in the order in which oneDNN reads them
CAPS = ("ONEDNN_MAX_CPU_ISA", "DNNL_MAX_CPU_ISA")


@dataclass(frozen=True)
class Level:
    """An instruction set that makes a difference to inference.

    Parameters
    ----------
    onednn:
        oneDNN's value that caps a process to it.
    mkl:
        Intel MKL's.
    flags:
        What Linux's /proc/cpuinfo lists for it, all of them needed.
    """

    onednn: str
    mkl: str
    flags: frozenset[str]


_AVX2 = frozenset({"avx2", "fma"})
_AVX512 = _AVX2 | {"avx512f", "avx512cd", "avx512bw", "avx512dq", "avx512vl"}
_VNNI = _AVX512 | {"avx512_vnni"}
_BF16 = _VNNI | {"avx512_bf16"}
#: lowest first
LEVELS = {
    "avx2": Level("AVX2", "AVX2", _AVX2),
    # 8-bit products without AVX-512: Intel's client processors since Alder Lake
    "avx_vnni": Level("AVX2_VNNI", "AVX2_E1", _AVX2 | {"avx_vnni"}),
    "avx512": Level("AVX512_CORE", "AVX512", _AVX512),
    "vnni": Level("AVX512_CORE_VNNI", "AVX512_E1", _VNNI),
    "bf16": Level("AVX512_CORE_BF16", "AVX512_E3", _BF16),
    "amx": Level("AVX512_CORE_AMX", "AVX512_E4", _BF16 | {"avx512_fp16", "amx_tile", "amx_int8", "amx_bf16"}),
}
#: oneDNN's other values, by the level they come down to; it takes a value that it doesn't know for no cap
_OTHER_CAPS = {
    "SSE41": None,
    "AVX": None,
    "AVX2_VNNI_2": "avx_vnni",
    "AVX512_CORE_FP16": "bf16",
    "AVX512_CORE_AMX_FP16": "amx",
    "AVX10_1_512": "bf16",
    "AVX10_1_512_AMX": "amx",
    "AVX10_1_512_AMX_FP16": "amx",
    "AVX10_2_512": "bf16",
    "AVX10_2_512_AMX_2": "amx",
}
#: what other libraries call some code of theirs, with the flags that it needs
_OPENCV = {
    "AVX512-SKX": _AVX512,
    "AVX512-CLX": _VNNI,
    "AVX512-ICL": _VNNI | {"avx512_vbmi2"},
}
_NUMPY = {
    "X86_V4": _AVX512,
    "AVX512_ICL": _VNNI | {"avx512_vbmi2"},
    "AVX512_SPR": _VNNI | {"avx512_vbmi2", "avx512_fp16"},
}
#: of a processor's flags what a reader wants to know, as Linux names them
_TELLING = ("avx2", "avx_vnni", "avx512f", "avx512_vnni", "avx512_bf16", "amx_bf16", "amx_int8")
#: come with a level without making one: capping a machine to its own class takes nothing away
_COMPANIONS = {"vnni": {"avx512_vbmi2"}, "bf16": {"avx512_vbmi2"}, "amx": {"avx512_vbmi2"}}


def levels() -> list[str]:
    """The levels that this machine's processor has, lowest first, whatever caps the environment sets."""
    has = _features()
    return [name for name, level in LEVELS.items() if not _missing(level.flags, has)]


def processor_class() -> str:
    """The highest level that this process may use: a capped process behaves like that class."""
    return _class_of(_uncapped(levels()))


def described() -> str:
    """`AMD EPYC (avx2 avx512f avx512_vnni)`: the model, what makes it quick at inference, and this process's cap."""
    model = _cpuinfo().get("model name") or _sysctl("machdep.cpu.brand_string").strip()
    flags = [flag for flag in _TELLING if not _missing({flag}, _features())]
    text = model or platform.processor() or platform.machine() or "unknown processor"
    text += f" ({' '.join(flags)})" if flags else ""
    held = processor_class()
    return text if held == _class_of(levels()) else f"{text} held to {held}"


def _class_of(names: Sequence[str]) -> str:
    if names:
        return names[-1]
    architecture = platform.machine().lower()
    known = {"aarch64": "arm", "arm64": "arm", "x86_64": "x86", "amd64": "x86"}
    return known.get(architecture, architecture or "unknown")


def capped(level: str) -> dict[str, str]:
    """The environment variables with which a child process behaves as on a processor of that level.

    They replace the caps that this process has itself. The machine has to have the level (see `levels`).

    Raises
    ------
    ValueError
        There is no such level.
    """
    if level not in LEVELS:
        raise ValueError(f"There is no level {level!r}; there are {', '.join(LEVELS)}")
    has = _features()
    kept = LEVELS[level].flags | _COMPANIONS.get(level, set())
    return {
        **dict.fromkeys(CAPS, LEVELS[level].onednn),
        "MKL_ENABLE_INSTRUCTIONS": LEVELS[level].mkl,
        # by itself it takes AVX-512 on Intel's processors alone: it is held down, never told to take it
        "CT2_FORCE_CPU_ISA": "AVX2" if _missing(_AVX512, kept) else "",
        "OPENCV_CPU_DISABLE": ",".join(_beyond(_OPENCV, kept, has)),
        "NPY_DISABLE_CPU_FEATURES": " ".join(_beyond(_NUMPY, kept, has)),
    }


def at_level(
    level: str, function: Callable[Arguments, Found], *args: Arguments.args, **kwargs: Arguments.kwargs
) -> Found:
    """What a function of some module returns in a process of its own that is capped to a level.

    Raises
    ------
    ValueError
        There is no such level.
    """
    with patch.dict(os.environ, capped(level)), ProcessPoolExecutor(1, get_context("spawn")) as process:
        return process.submit(function, *args, **kwargs).result()


def _beyond(code: dict[str, frozenset[str]], kept: Collection[str], has: Collection[str]) -> list[str]:
    """Of a library's code what the machine could run and the level couldn't; libraries complain of any other."""
    return [name for name, flags in code.items() if not _missing(flags, has) and _missing(flags, kept)]


def _missing(flags: Collection[str], has: Collection[str]) -> set[str]:
    """macOS writes AVX512VNNI for Linux's avx512_vnni."""
    return {_plain(flag) for flag in flags} - {_plain(flag) for flag in has}


def _plain(flag: str) -> str:
    return flag.lower().replace("_", "")


def _uncapped(names: list[str]) -> list[str]:
    """Those of these levels that the environment's cap leaves."""
    value = next((os.environ[name] for name in CAPS if os.environ.get(name)), "").upper()
    by_value = {level.onednn: name for name, level in LEVELS.items()} | _OTHER_CAPS
    if value not in by_value:
        return names
    cap = by_value[value]
    return [name for name in names if cap is not None and LEVELS[name].flags <= LEVELS[cap].flags]


def _features() -> list[str]:
    """The processor's, by the names that the system has for them; empty where it tells of none."""
    if flags := _cpuinfo().get("flags"):
        return flags.split()
    # macOS: on an Arm processor there are no such variables
    return (_sysctl("machdep.cpu.features") + " " + _sysctl("machdep.cpu.leaf7_features")).split()


def _cpuinfo() -> dict[str, str]:
    """What Linux says of the last processor; empty elsewhere."""
    if not CPUINFO.exists():
        return {}
    lines = (line.partition(":") for line in CPUINFO.read_text(encoding="utf-8", errors="replace").splitlines())
    return {name.strip(): value.strip() for name, _, value in lines}


def _sysctl(name: str) -> str:
    """A variable of macOS's kernel; empty where there is none of that name."""
    if not (program := shutil.which("sysctl")):
        return ""
    answer = subprocess.run([program, "-n", name], capture_output=True, text=True, check=False)
    return "" if answer.returncode else answer.stdout
