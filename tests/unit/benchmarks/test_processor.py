"""Classes of processors, on what their systems say of themselves; and that a cap holds, by the engines' own word."""

import os
import platform
import re
import subprocess
import sys

import pytest

from benchmarks import common, processor

AVX512 = "avx512f avx512dq avx512cd avx512bw avx512vl"
VNNI = f"{AVX512} avx512_vnni avx512_vbmi2"
FLAGS = {
    "x86": "fpu sse4_2 avx",
    "avx2": "fpu sse4_2 avx fma avx2",
    "avx_vnni": "fpu avx fma avx2 avx_vnni",
    "avx512": f"fpu avx fma avx2 {AVX512}",
    "vnni": f"fpu avx fma avx2 {VNNI}",
    "bf16": f"fpu avx fma avx2 avx_vnni {VNNI} avx512_bf16",
    "amx": f"fpu avx fma avx2 avx_vnni {VNNI} avx512_bf16 avx512_fp16 amx_bf16 amx_tile amx_int8",
}
LOWEST_FIRST = ["avx2", "avx_vnni", "avx512", "vnni", "bf16", "amx"]


@pytest.fixture(autouse=True)
def _uncapped(monkeypatch):
    for name in processor.CAPS:
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def machine(monkeypatch, tmp_path):
    """Makes this machine say that it has such flags."""

    def pretend(flags, architecture="x86_64"):
        said = f"processor\t: 0\nmodel name\t: Some CPU: fast\nflags\t\t: {flags}\nbugs\t\t: none\n\n"
        (tmp_path / "cpuinfo").write_text(2 * said)
        monkeypatch.setattr(processor, "CPUINFO", tmp_path / "cpuinfo")
        monkeypatch.setattr(platform, "machine", lambda: architecture)

    return pretend


@pytest.fixture
def sysctl(monkeypatch, tmp_path):
    """Makes this machine a Mac that answers so."""

    def pretend(answers, architecture):
        program = tmp_path / "sysctl"
        cases = "".join(f"{name}) echo '{value}';;\n" for name, value in answers.items())
        program.write_text(f"#!/bin/sh\ncase $2 in\n{cases}*) echo unknown oid >&2; exit 1;;\nesac\n")
        program.chmod(0o755)
        monkeypatch.setattr(processor, "CPUINFO", tmp_path / "no cpuinfo")
        monkeypatch.setattr(platform, "machine", lambda: architecture)
        monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")

    return pretend


def test_levels_are_ordered():
    assert list(processor.LEVELS) == LOWEST_FIRST


@pytest.mark.parametrize("name", FLAGS)
def test_a_processor_is_of_the_class_of_its_highest_level(machine, name):
    machine(FLAGS[name])
    assert processor.processor_class() == name


def test_all_levels_below_are_named_lowest_first(machine):
    machine(FLAGS["x86"])
    assert processor.levels() == []
    machine(FLAGS["vnni"])
    assert processor.levels() == ["avx2", "avx512", "vnni"]
    machine(FLAGS["amx"])
    assert processor.levels() == LOWEST_FIRST


def test_a_part_of_an_instruction_set_is_not_enough(machine):
    machine(FLAGS["bf16"].replace("avx512vl ", ""))
    assert processor.levels() == ["avx2", "avx_vnni"]


def test_an_arm_processor_has_no_level_and_a_class(machine):
    machine("fp asimd bf16 i8mm sve", "aarch64")
    assert (processor.levels(), processor.processor_class()) == ([], "arm")


def test_another_architecture_is_a_class_of_its_own(machine):
    machine("", "riscv64")
    assert (processor.levels(), processor.processor_class()) == ([], "riscv64")


def test_macs_are_known_by_sysctl(sysctl):
    sysctl(
        {
            "machdep.cpu.features": "FPU SSE4.2 FMA AVX1.0",
            "machdep.cpu.leaf7_features": "AVX2 AVX512F AVX512DQ AVX512CD AVX512BW AVX512VL AVX512VNNI",
        },
        "x86_64",
    )
    assert processor.levels() == ["avx2", "avx512", "vnni"]
    assert processor.capped("avx2")["OPENCV_CPU_DISABLE"] == "AVX512-SKX,AVX512-CLX"
    sysctl({}, "arm64")
    assert (processor.levels(), processor.processor_class()) == ([], "arm")


def test_nothing_is_known_without_cpuinfo_and_sysctl(monkeypatch, tmp_path):
    monkeypatch.setattr(processor, "CPUINFO", tmp_path / "no cpuinfo")
    monkeypatch.setenv("PATH", os.fspath(tmp_path))
    monkeypatch.setattr(platform, "machine", lambda: "x86_64")
    assert (processor.levels(), processor.processor_class()) == ([], "x86")


# ---------------------------------------------------------------- in words
def test_a_machine_is_described_by_what_makes_it_quick(machine, monkeypatch):
    machine(FLAGS["vnni"])
    assert processor.described() == "Some CPU: fast (avx2 avx512f avx512_vnni)"
    assert re.fullmatch(r"Some CPU: fast \(avx2 avx512f avx512_vnni\), \d+ cores, \d+ GB(, .*)?", common.machine())
    monkeypatch.setenv("ONEDNN_MAX_CPU_ISA", "AVX2")
    assert processor.described() == "Some CPU: fast (avx2 avx512f avx512_vnni) held to avx2"


def test_a_cap_that_takes_nothing_away_is_not_mentioned(machine, monkeypatch):
    machine(FLAGS["bf16"])
    monkeypatch.setenv("ONEDNN_MAX_CPU_ISA", "AVX512_CORE_AMX")
    assert "held" not in processor.described()


def test_a_mac_is_described_without_proc_and_affinity(sysctl, monkeypatch):
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    sysctl({"machdep.cpu.brand_string": "Apple M3"}, "arm64")
    assert re.fullmatch(r"Apple M3, \d+ cores, \d+ GB(, .*)?", common.machine())


# ---------------------------------------------------------------- caps
@pytest.mark.parametrize(
    ("cap", "name"),
    [
        ("SSE41", "x86"),
        ("AVX2", "avx2"),
        ("avx2_vnni_2", "avx_vnni"),
        ("AVX512_CORE", "avx512"),
        ("AVX512_CORE_VNNI", "vnni"),
        ("AVX512_CORE_FP16", "bf16"),
        ("AVX10_1_512_AMX", "amx"),
        ("ALL", "amx"),
        ("NONSENSE", "amx"),  # oneDNN ignores it
    ],
)
@pytest.mark.parametrize("variable", processor.CAPS)
def test_a_capped_process_is_of_the_class_of_its_cap(machine, monkeypatch, variable, cap, name):
    machine(FLAGS["amx"])
    monkeypatch.setenv(variable, cap)
    assert processor.processor_class() == name
    assert processor.levels() == LOWEST_FIRST


def test_a_cap_above_what_the_processor_has_changes_nothing(machine, monkeypatch):
    machine(FLAGS["avx2"])
    monkeypatch.setenv("ONEDNN_MAX_CPU_ISA", "AVX512_CORE_BF16")
    assert processor.processor_class() == "avx2"


def test_onednns_newer_name_comes_first_where_it_says_anything(machine, monkeypatch):
    machine(FLAGS["bf16"])
    monkeypatch.setenv("DNNL_MAX_CPU_ISA", "AVX2")
    monkeypatch.setenv("ONEDNN_MAX_CPU_ISA", "AVX512_CORE")
    assert processor.processor_class() == "avx512"
    monkeypatch.setenv("ONEDNN_MAX_CPU_ISA", "")
    assert processor.processor_class() == "avx2"


@pytest.mark.parametrize("name", processor.LEVELS)
def test_a_cap_makes_a_process_of_its_class(machine, monkeypatch, name):
    machine(FLAGS["amx"])
    for variable, value in processor.capped(name).items():
        monkeypatch.setenv(variable, value)
    assert processor.processor_class() == name


def test_each_library_is_told_in_its_own_words(machine):
    machine(FLAGS["bf16"])
    assert processor.capped("avx2") == {
        "ONEDNN_MAX_CPU_ISA": "AVX2",
        "DNNL_MAX_CPU_ISA": "AVX2",
        "MKL_ENABLE_INSTRUCTIONS": "AVX2",
        "CT2_FORCE_CPU_ISA": "AVX2",
        "OPENCV_CPU_DISABLE": "AVX512-SKX,AVX512-CLX,AVX512-ICL",
        "NPY_DISABLE_CPU_FEATURES": "X86_V4 AVX512_ICL",
    }
    assert processor.capped("avx512")["OPENCV_CPU_DISABLE"] == "AVX512-CLX,AVX512-ICL"
    assert processor.capped("vnni")["NPY_DISABLE_CPU_FEATURES"] == ""


@pytest.mark.parametrize("name", ["avx2", "vnni", "bf16", "amx"])
def test_a_cap_to_the_machines_own_class_disables_nothing(machine, name):
    machine(FLAGS[name])
    environment = processor.capped(name)
    assert environment["OPENCV_CPU_DISABLE"] == environment["NPY_DISABLE_CPU_FEATURES"] == ""


def test_an_unknown_level_is_refused():
    with pytest.raises(ValueError, match="no level 'sse2'; there are avx2, "):
        processor.capped("sse2")


def child(level, code):
    """What Python prints in a process that is capped, with no warning allowed."""
    command = [sys.executable, "-W", "error", "-c", code]
    environment = {**os.environ, **processor.capped(level)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert done.stderr == ""
    return done.stdout.strip()


@pytest.mark.parametrize("level", processor.LEVELS)
def test_the_engines_say_that_a_cap_holds(level, tmp_path):
    if level not in processor.levels():
        pytest.skip(f"this processor has no {level}")
    code = (
        "import numpy as np, openvino as ov, openvino.opset13 as o\n"
        "x = o.parameter([1, 16, 32, 32]); w = np.ones((16, 16, 3, 3), np.float32)\n"
        "y = o.convolution(x, w, [1, 1], [1, 1], [1, 1], [1, 1])\n"
        "c = ov.Core().compile_model(ov.Model([y], [x]), 'CPU', {'INFERENCE_PRECISION_HINT': 'f32'})\n"
        "r = [n.get_rt_info() for n in c.get_runtime_model().get_ops()]\n"
        "print(*(i['primitiveType'].astype(str) for i in r if i['layerType'].astype(str) == 'Convolution'))"
    )
    assert ("avx512" in child(level, code)) is ("avx512f" in processor.LEVELS[level].flags)
    dispatched = child(level, "import cv2; print(cv2.getCPUFeaturesLine())")
    assert ("*AVX512-SKX?" in dispatched) is (
        "avx512f" not in processor.LEVELS[level].flags and "avx512" in processor.levels()
    )
