"""The reader of GPU code, on libraries whose code is known because it was written here."""

from __future__ import annotations

import struct
from collections import Counter
from pathlib import Path

import pytest

from scripts.gpu_code import CAPABILITIES, Code, described, faults, loaded, main, read

PTX, NATIVE, LTO = 1, 2, 8
#: as the CUDA provider of ONNX Runtime has them
ALL = ((7, 5), (8, 0), (8, 6), (8, 9), (9, 0), (12, 0))


def entry(kind: int, architecture: tuple[int, int], flags: int = 0x8011, ptx: tuple[int, int] = (1, 8)) -> bytes:
    content = b"code of a GPU, which nobody reads."
    number = architecture[0] * 10 + architecture[1]
    return (
        struct.pack("<HHIQIIHHIIIQ", kind, 0x101, 64, len(content), 0, 0, ptx[1], ptx[0], number, 0, 0, flags)
        + bytes(16)
        + content
    )


def container(*entries: bytes) -> bytes:
    return struct.pack("<IHHQ", 0xBA55ED50, 1, 16, sum(map(len, entries))) + b"".join(entries)


@pytest.fixture
def library(tmp_path: Path):
    def library(name: str, *content: bytes) -> Path:
        (tmp_path / name).write_bytes(b"\x7fELF" + b"\0some code\0".join((b"", *content, b"")))
        return tmp_path / name

    return library


def test_every_entry_of_every_container_is_read(library) -> None:
    found = read(
        library(
            "libcublas.so.13",
            container(entry(NATIVE, (7, 5)), entry(NATIVE, (9, 0), 0x108011), entry(NATIVE, (12, 0), 0x1208011)),
            container(entry(NATIVE, (7, 5)), entry(PTX, (12, 0), ptx=(9, 0)), entry(LTO, (7, 5))),
        )
    )
    assert found == {
        Code("native", (7, 5)): 2,
        Code("native", (9, 0), "a"): 1,
        Code("native", (12, 0), "f"): 1,
        Code("ptx", (12, 0), ptx=(9, 0)): 1,
        Code("lto", (7, 5)): 1,
    }
    assert described("libcublas.so.13", found) == "libcublas.so.13: sm_75, sm_90a, sm_120f; PTX up to 9.0"


def test_a_library_without_gpu_code_is_no_fault(library) -> None:
    """The magic number alone, as NVIDIA's own compilers have it, is no container."""
    magic = struct.pack("<I", 0xBA55ED50)
    code = read(
        library("libnvJitLink.so.13", magic, magic + b"\1\0\0\0" + bytes(8), magic + b"\1\0\x10\0" + b"\xff" * 8)
    )
    assert code == Counter()
    assert faults({"libnvJitLink.so.13": code}) == []
    assert described("libnvJitLink.so.13", code).endswith("no GPU code")


@pytest.mark.parametrize(
    "damaged",
    [entry(7, (8, 0)), entry(NATIVE, (8, 0))[:70], struct.pack("<HHIQ", NATIVE, 0x101, 8, 8) + bytes(48)],
    ids=["of an unknown kind", "cut", "with too short a header"],
)
def test_an_entry_that_cannot_be_read_is_not_passed_over(library, damaged: bytes) -> None:
    with pytest.raises(ValueError, match=r"libcudnn_ops\.so\.9: the fat binary at 0x[0-9a-f]+ can't be read"):
        read(library("libcudnn_ops.so.9", container(damaged)))


@pytest.mark.parametrize(
    ("code", "runs", "does_not"),
    [
        (Code("native", (8, 0)), [(8, 0), (8, 6), (8, 9)], [(7, 5), (9, 0), (12, 0)]),
        (Code("native", (8, 6)), [(8, 6), (8, 9)], [(8, 0), (9, 0)]),
        (Code("native", (9, 0), "a"), [(9, 0)], [(8, 9), (9, 1), (10, 0)]),
        (Code("native", (12, 0), "f"), [(12, 0), (12, 1)], [(10, 0), (11, 0)]),
        (Code("ptx", (7, 5), ptx=(7, 0)), [], [(7, 5), (8, 0), (12, 0)]),
        (Code("lto", (7, 5)), [], [(7, 5), (8, 0)]),
    ],
    ids=str,
)
def test_code_runs_on_its_generation_from_its_architecture_on(code: Code, runs: list, does_not: list) -> None:
    assert [each for each in (*runs, *does_not) if code.runs_on(each)] == runs


def test_the_newest_ptx_and_each_gpu_without_native_code_are_named(library) -> None:
    code = {
        "libright.so": read(library("libright.so", container(*(entry(NATIVE, each) for each in ALL)))),
        "libptx.so": read(library("libptx.so", container(*(entry(PTX, each, ptx=(9, 0)) for each in ALL)))),
        "libnew.so": read(
            library("libnew.so", container(*(entry(NATIVE, each) for each in ALL), entry(PTX, (12, 0), ptx=(9, 5))))
        ),
        "libold.so": read(library("libold.so", container(entry(NATIVE, (8, 0)), entry(NATIVE, (9, 0))))),
    }
    assert faults(code) == [
        f"libptx.so has no native code for {', '.join(sorted(_shown()))}",
        "libnew.so has PTX 9.5, and driver 580 compiles PTX up to 9.0",
        "libold.so has no native code for g4dn (7.5), g7e (12.0)",
    ]


def _shown() -> list[str]:
    return [f"{family} ({major}.{minor})" for family, (major, minor) in CAPABILITIES.items()]


def test_what_is_loaded_is_followed_by_every_kind_of_name(library) -> None:
    wanted = [
        library("libonnxruntime_providers_cuda.so", b"libcublas.so.13", b"H\xb8libcudnnH\x89\x45"),
        library("libcublas.so.13"),
        library("libcudnn.so.9", b"libcudnn_graph.so.%d"),
        library("libcudnn_graph.so.9", b"libnvrtc.so", b"libcudnn.so.9"),
        library("libnvrtc.so.13", b"libnvrtc-builtins.so.13.0"),
        library("libnvrtc-builtins.so.13.0"),
    ]
    others = [
        library("libcufftw.so.12", b"libcufft.so.12"),
        library("libnvrtc.alt.so.13"),
        library("libonnxruntime.so"),
    ]
    assert {*loaded([*others, *wanted])} == {*wanted}
    assert loaded([*others, *wanted])[0] == wanted[0]
    with pytest.raises(ValueError, match="there is no libonnxruntime_providers_cuda"):
        loaded(others)


def test_the_command_says_what_is_wrong(library, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    library("libonnxruntime_providers_cuda.so", container(*(entry(NATIVE, each) for each in ALL)), b"libcurand.so.10")
    library("libcurand.so.10", container(*(entry(NATIVE, each) for each in ALL)))
    assert main(str(tmp_path)) == 0
    library("libcurand.so.10", container(*(entry(NATIVE, each) for each in ALL), entry(PTX, (7, 5), ptx=(9, 4))))
    assert main(str(tmp_path)) == 1
    told = capsys.readouterr()
    assert "libcurand.so.10: sm_75, sm_80, sm_86, sm_89, sm_90, sm_120; PTX up to 9.4" in told.out
    assert told.err == "libcurand.so.10 has PTX 9.4, and driver 580 compiles PTX up to 9.0\n"
