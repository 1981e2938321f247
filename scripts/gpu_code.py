"""Read which GPU code shared libraries hold, and which libraries a program loads.

usage: python -m scripts.gpu_code FOLDER [FOLDER ...]

It prints a line for each library that ONNX Runtime's CUDA provider loads from these folders: the architectures of its
native code, and the newest PTX in it. It exits with 1 if a GPU that template.yaml allows would find no native code, or
if the driver could not compile a PTX.

NVIDIA's compiler puts GPU code into "fat binaries": containers with one entry for each architecture. cuobjdump finds
only those in the section `.nv_fatbin`; cuFFT has its own in an ordinary section, so this searches the whole file.
The layout is not documented by NVIDIA; what this reads of the pinned libraries equals what cuobjdump 13.5 lists.
"""

from __future__ import annotations

import mmap
import re
import struct
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

#: a compute capability, such as (8, 6): NVIDIA, "CUDA GPU Compute Capability"
Capability = tuple[int, int]

#: the driver branch of the AMI `ECS_AL2023_NVIDIA`, the CUDA that it came with, and the PTX that it can compile
#: (NVIDIA, "CUDA Toolkit Release Notes", table of drivers; "PTX ISA", release history)
DRIVER_BRANCH = 580
DRIVER_CUDA = (13, 0)
DRIVER_PTX = (9, 0)

#: the GPUs of the instance families that `GpuInstanceTypes` of template.yaml allows
#: (Amazon EC2, "Accelerated computing instances"; NVIDIA, "CUDA GPU Compute Capability")
CAPABILITIES: Mapping[str, Capability] = {
    "g4dn": (7, 5),  # T4
    "g5": (8, 6),  # A10G
    "g6": (8, 9),  # L4
    "g6e": (8, 9),  # L40S
    "gr6": (8, 9),  # L4
    "g7e": (12, 0),  # RTX PRO 6000 Blackwell Server Edition
    "p4d": (8, 0),  # A100
    "p4de": (8, 0),  # A100
    "p5": (9, 0),  # H100
    "p5e": (9, 0),  # H200
    "p5en": (9, 0),  # H200
}

#: what loads all others; ONNX Runtime opens it when a session asks for a GPU
PROVIDER = "libonnxruntime_providers_cuda.so"

_MAGIC = b"\x50\xed\x55\xba"
#: magic, version, size of this header, size of the entries
_CONTAINER = struct.Struct("<IHHQ")
#: kind, version, sizes of header and content, size if compressed, offset of options, PTX version (minor, major),
#: architecture, offset and length of a name, flags
_ENTRY = struct.Struct("<HHIQIIHHIIIQ")
_LONGEST_HEADER = 4096
_KINDS = {1: "ptx", 2: "native", 8: "lto"}
#: flags of an entry: for this architecture only (sm_90a), and for its family (sm_120f)
_SPECIFIC, _FAMILY = 0x100000, 0x200000


@dataclass(frozen=True, order=True)
class Code:
    """One entry of a fat binary: native code ("native"), PTX ("ptx"), or a half-product of the linker ("lto")."""

    kind: str
    architecture: Capability
    #: "a": runs on this architecture only; "f": on its family; else empty
    only: str = ""
    #: the version of the PTX language, for PTX
    ptx: tuple[int, int] | None = None

    def runs_on(self, capability: Capability) -> bool:
        """Whether a GPU runs this without compiling.

        Native code runs on its own architecture and on a later one of the same generation: code for 8.0 on 8.6 and 8.9,
        but neither code for 8.6 on 8.0 nor code for 8.x on 9.0 (NVIDIA, "Blackwell Compatibility Guide", 1.2).
        """
        if self.kind != "native":
            return False
        if self.only == "a":
            return capability == self.architecture
        return capability[0] == self.architecture[0] and capability[1] >= self.architecture[1]

    def __str__(self) -> str:
        return f"sm_{self.architecture[0]}{self.architecture[1]}{self.only}"


def read(library: Path) -> Counter[Code]:
    """How many entries of each kind the fat binaries of a library have. Empty if it has no GPU code.

    Raises
    ------
    ValueError
        A fat binary has an entry that this can't read.
    """
    found: Counter[Code] = Counter()
    with library.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        at = 0
        while (at := content.find(_MAGIC, at)) >= 0:
            end = _end(content, at)
            if end is None:  # the same four bytes in other data, such as the code that looks for them
                at += len(_MAGIC)
                continue
            try:
                found.update(_entries(content, at + _CONTAINER.size, end))
            except (ValueError, struct.error) as error:
                raise ValueError(f"{library.name}: the fat binary at {at:#x} can't be read: {error}") from error
            at = end
    return found


def _end(content: mmap.mmap, at: int) -> int | None:
    """Where the fat binary at `at` ends. None if there is none."""
    if at + _CONTAINER.size > len(content):
        return None
    _, version, header, size = _CONTAINER.unpack_from(content, at)
    end = at + int(header) + int(size)
    return end if version == 1 and header == _CONTAINER.size and end <= len(content) else None


def _entries(content: mmap.mmap, at: int, end: int) -> Iterator[Code]:
    while at < end:
        fields = _ENTRY.unpack_from(content, at)
        kind, header, size, ptx, number, flags = fields[0], fields[2], fields[3], fields[7:5:-1], fields[8], fields[11]
        if not _ENTRY.size <= header <= _LONGEST_HEADER or kind not in _KINDS or at + header + size > end:
            raise ValueError(f"an entry of kind {kind} with a header of {header} and a content of {size} bytes")
        only = "a" if flags & _SPECIFIC else "f" if flags & _FAMILY else ""
        named = _KINDS[kind]
        yield Code(named, divmod(number, 10), only, (ptx[0], ptx[1]) if named == "ptx" else None)
        at += header + size


# ---------------------------------------------------------------- what is loaded
#: names of NVIDIA's libraries in a program: as wanted by the loader (NEEDED), as given to dlopen, or a part of such
_NAMES = re.compile(rb"lib(?:cu|nv)[A-Za-z_]+(?:-[a-z]+)?(?:\.alt)?")


def loaded(libraries: Iterable[Path], root: str = PROVIDER) -> list[Path]:
    """The libraries that `root` loads, and those that these load, and so on, with `root` first.

    A library counts as loaded if its name without ".so…" is somewhere in the file. So both the names for the loader
    of programs (NEEDED) and those for dlopen count, also those that a program puts together, such as
    "libnvrtc.so." + "13". That may be one too many, never one too few.

    Raises
    ------
    ValueError
        `root` is not among the libraries.
    """
    by_stem = {path.name.partition(".so")[0]: path for path in libraries}
    first = by_stem.get(root.partition(".so")[0])
    if first is None:
        raise ValueError(f"there is no {root}")
    found = [first]
    for path in found:
        for name in sorted(_named(path)):
            found += [each for each in _called(name, by_stem) if each not in found]
    return found


def _named(path: Path) -> set[str]:
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        return {match.group().decode() for match in _NAMES.finditer(content)}


def _called(name: str, by_stem: Mapping[str, Path]) -> list[Path]:
    """The library of this name. Compilers keep short texts in code, where another letter may follow: "libcufftL"."""
    return [by_stem[stem] for stem in (name, name[:-1]) if stem in by_stem][:1]


# ---------------------------------------------------------------- what is wrong
def faults(code: Mapping[str, Counter[Code]], capabilities: Mapping[str, Capability] = CAPABILITIES) -> list[str]:
    """A sentence for each library, by name, that an allowed GPU or the driver could not run. Empty if all is well.

    A library without GPU code, such as the CUDA runtime, works for the others on every GPU.
    """
    found = []
    for name, entries in code.items():
        lacking = sorted(
            f"{family} ({capability[0]}.{capability[1]})"
            for family, capability in capabilities.items()
            if entries and not any(each.runs_on(capability) for each in entries)
        )
        if lacking:
            found.append(f"{name} has no native code for {', '.join(lacking)}")
        newest = max((each.ptx for each in entries if each.ptx), default=DRIVER_PTX)
        if newest > DRIVER_PTX:
            found.append(
                f"{name} has PTX {newest[0]}.{newest[1]}, and driver {DRIVER_BRANCH} compiles PTX up to "
                f"{DRIVER_PTX[0]}.{DRIVER_PTX[1]}"
            )
    return found


def described(name: str, entries: Counter[Code]) -> str:
    """One line: the architectures of the native code, and the newest PTX."""
    if not entries:
        return f"{name}: no GPU code"
    native = ", ".join(map(str, sorted({each for each in entries if each.kind == "native"})))
    newest = max((each.ptx for each in entries if each.ptx), default=None)
    return f"{name}: {native or 'no native code'}{f'; PTX up to {newest[0]}.{newest[1]}' if newest else ''}"


def main(*folders: str) -> int:
    """Print what the libraries hold. Returns 1 if something is wrong."""
    libraries = [path for folder in folders for path in sorted(Path(folder).rglob("lib*.so*"))]
    code = {path.name: read(path) for path in loaded(libraries)}
    for name, entries in code.items():
        print(described(name, entries))
    wrong = faults(code)
    for each in wrong:
        print(each, file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
