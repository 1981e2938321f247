"""The whole workflow as on a platform without packages of OpenVINO and PocketSphinx."""

import json
import sysconfig
import venv

import pytest

from tests.e2e.conftest import SAMPLE, avflow

#: what a virtual environment runs first in every Python, also in that of the media process, which has no environment
PTH = (
    "import site; site.addsitedir({packages!r})\n"
    "import sys; sys.modules['openvino'] = sys.modules['pocketsphinx'] = None\n"
)


@pytest.mark.slow
def test_onnx_runtime_stands_in_and_the_manifest_says_so(tmp_path, sample_run):
    venv.create(tmp_path / "venv", symlinks=True)
    (packages,) = (tmp_path / "venv" / "lib").glob("python*/site-packages")
    (packages / "without.pth").write_text(PTH.format(packages=sysconfig.get_path("purelib")))
    python = tmp_path / "venv" / "bin" / "python"
    done = avflow("run", "--out", tmp_path / "result", "--", SAMPLE, python=python)
    assert done.returncode == 0, done.stderr
    manifest, usual = (
        json.loads((folder / "my_video.json").read_text()) for folder in (tmp_path / "result", sample_run.folder)
    )
    assert manifest["detections"]["engine"] == "ONNX Runtime, CPUExecutionProvider, fp32"
    for class_name, frames in usual["detections"]["frames_with"].items():
        # OpenVINO's bfloat16, on a CPU that has it, can move the confidence of a box across the threshold
        assert manifest["detections"]["frames_with"].get(class_name, 0) == pytest.approx(frames, abs=8), class_name
