"""The wheel in a fresh environment and an empty folder: no file of the checkout is needed."""

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

from tests.e2e.conftest import ROOT, ffmpeg
from tests.result_sets import ALL, named

PARTS = (
    *("avflow", "avflow_cli", "batch_jobs", "lambdas", "local_aws", "requirements", "samples", "statemachine"),
    *("pyproject.toml", "setup.py", "MANIFEST.in", "README.md", "LICENSE", "NOTICE", "template.yaml", "samconfig.toml"),
)

pytestmark = pytest.mark.slow


def run(*command, **more):
    done = subprocess.run([*map(str, command)], capture_output=True, text=True, check=False, **more)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The wheel, built without network from a source distribution of a copy: a build leaves files in its tree."""
    tree = tmp_path_factory.mktemp("tree")
    for name in PARTS:
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, tree / name)
    run(sys.executable, "-c", "from setuptools.build_meta import build_sdist; build_sdist('dist')", cwd=tree)
    (source,) = (tree / "dist").glob("*.tar.gz")
    offline = ("--no-deps", "--no-build-isolation", "--no-index")
    run(sys.executable, "-m", "pip", "wheel", source, *offline, "-w", tree / "dist")
    (built,) = (tree / "dist").glob("*.whl")
    return built


@pytest.fixture(scope="module")
def python(wheel, tmp_path_factory):
    """The Python of a fresh environment with the wheel. All other packages are those of this environment."""
    folder = tmp_path_factory.mktemp("fresh")
    run(sys.executable, "-m", "venv", "--without-pip", folder)
    fresh = folder / "bin" / "python"
    run(sys.executable, "-m", "pip", "--python", fresh, "install", "--no-deps", "--no-index", "-q", wheel)
    site = Path(run(fresh, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))").strip())
    (site / "others.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return fresh


@pytest.fixture
def environment(tmp_path, monkeypatch):
    """A user's environment, and an empty folder."""
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path / "empty")
    return {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV")}


def test_licences_and_all_files_are_in_the_wheel(wheel):
    with zipfile.ZipFile(wheel) as content:
        names = {name.partition("/")[2] for name in content.namelist()}
        tree = wheel.parents[1]
        for name in ("template.yaml", "statemachine/av_workflow.asl.yaml", "samconfig.toml", "samples/my_video.mkv"):
            assert content.read(f"avflow_cli/files/{name}") == (tree / name).read_bytes()
        top = {name.partition("/")[0] for name in content.namelist()}
    assert {"licenses/LICENSE", "licenses/NOTICE", "py.typed", "models/models.toml", "darknet/data/coco.names"} <= names
    page = ROOT / "avflow_cli" / "console" / "page"
    assert {f"console/page/{path.name}" for path in page.iterdir()} <= names
    assert {name for name in top if not name.endswith(".dist-info")} == {
        "avflow", "avflow_cli", "batch_jobs", "lambdas", "local_aws",
    }  # fmt: skip


def test_nothing_of_the_checkout_is_loaded(python, environment):
    program = "import avflow, lambdas.start.naming, sys; print(avflow.__file__, lambdas.__file__, *sys.path, sep='\\n')"
    found = run(python, "-c", program, env=environment).splitlines()
    assert found[0].startswith(str(python.parents[1]))
    assert found[1].startswith(str(python.parents[1]))
    assert str(ROOT) not in found
    listed = run(python.parent / "avflow", "models", "list", env=environment)
    assert "yolov3-tiny" in listed
    assert list(Path().iterdir()) == []


def test_a_video_is_processed_in_an_empty_folder(python, environment):
    ffmpeg(
        *("-f", "lavfi", "-i", "testsrc=size=64x48:rate=10:duration=1", "-f", "lavfi", "-i", "sine=440:d=1"),
        *("-c:v", "libx264", "-c:a", "aac", "video.mp4"),
    )
    said = run(python.parent / "avflow", "run", "--speech-model", "whisper-tiny.en", "video.mp4", env=environment)
    assert "result/video.avi" in said
    found = {path.name for path in Path("result").iterdir()}
    assert {"video.avi", "video.srt", "video.detections.jsonl", "video.json"} <= found
    manifest = json.loads(Path("result/video.json").read_text())
    assert manifest["detections"]["frames"] == 10
    assert [step["name"] for step in manifest["steps"]] == ["ffmpeg", "audio2srt", "yolov3", "merge"]
    assert {path.name for path in Path().iterdir()} == {"result", "video.mp4"}


def test_the_calls_of_python_work_too(python, environment):
    program = "import numpy as np; from avflow import detect; print(len(detect(np.zeros((64, 64, 3), np.uint8))))"
    assert run(python, "-c", program, env=environment) == "0\n"


def test_process_makes_all_results_from_the_wheel(python, environment):
    ffmpeg(
        *("-f", "lavfi", "-i", "testsrc=size=64x48:rate=10:duration=1", "-f", "lavfi", "-i", "sine=440:d=1"),
        *("-c:v", "libx264", "-c:a", "aac", "video.mp4"),
    )
    program = "from avflow import process; print(len(process('video.mp4', speech_model='whisper-tiny.en').paths))"
    assert run(python, "-c", program, env=environment) == "10\n"
    assert {path.name for path in Path("result").iterdir()} == named("video", ALL - {".json"})
    assert '"video":"video.mp4"' in Path("result/video.html").read_text()
