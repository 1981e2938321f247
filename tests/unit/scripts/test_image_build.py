"""What the images' builds run, without AVX, which emulators on Apple Silicon may lack."""

import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

import imageio_ffmpeg
import pytest

from avflow.models.store import ModelStore

ROOT = Path(__file__).parents[3]
QEMU = shutil.which("qemu-x86_64")
needs_qemu = pytest.mark.skipif(
    QEMU is None or platform.machine() != "x86_64", reason="needs qemu-x86_64 (Debian: qemu-user)"
)


def without_avx(*arguments, models):
    """Run Python with the instructions of 2008: SSE4.2 and no AVX. It ends with SIGILL where it needs more."""
    return subprocess.run(
        [QEMU, "-cpu", "Nehalem", sys.executable, *map(str, arguments)],
        env={**os.environ, "AVFLOW_MODELS": str(models), "PYTHONPATH": str(ROOT)},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def models(tmp_path):
    """A store with yolov3-tiny, and nothing converted."""
    shutil.copytree(ModelStore().fetch("yolov3-tiny"), tmp_path / "yolov3-tiny")
    return tmp_path


@needs_qemu
@pytest.mark.slow
def test_models_are_verified_and_converted_without_avx(models):
    baked = without_avx("docker/bake_model.py", "Yolov3Model", "yolov3-tiny", models=models)
    assert (baked.returncode, "sha256 verified" in baked.stdout) == (0, True), baked.stderr
    made = without_avx("docker/convert_model.py", "yolov3-tiny", "fastest", "samples/my_video.mkv", models=models)
    assert made.returncode == 0, made.stderr
    assert sorted(path.name.split(".", 1)[1] for path in (models / "converted").glob("*.onnx")) == ["fp16.onnx", "onnx"]


@needs_qemu
@pytest.mark.slow
def test_ffmpeg_tells_its_version_without_avx():
    """The list of what an image consists of asks it (docker/sbom.py)."""
    command = [QEMU, "-cpu", "Nehalem", imageio_ffmpeg.get_ffmpeg_exe(), "-version"]
    told = subprocess.run(command, capture_output=True, text=True, check=False)
    assert told.stdout.startswith("ffmpeg version "), told.stderr


@needs_qemu
@pytest.mark.slow
def test_this_finds_what_needs_avx(tmp_path):
    """Without AVX, NumPy does not list it, although this machine's processor has it."""
    code = "import numpy; print([name for name, on in numpy._core._multiarray_umath.__cpu_features__.items() if on])"
    found = without_avx("-c", code, models=tmp_path)
    assert "'SSE42'" in found.stdout, found.stderr
    assert "AVX" not in found.stdout
