"""The wheel in a fresh environment and an empty folder: no file of the checkout is needed.

`make release` runs these tests with the wheel that it has built, and installs it with all packages, without network.
"""

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import time
import zipfile
from pathlib import Path

import pytest

from scripts.platforms import PYTHONS
from scripts.release import checkout, making, packages
from tests.browser.test_page import until
from tests.e2e.conftest import ROOT, SAMPLE, ffmpeg
from tests.result_sets import ALL, named

#: what a release is made of: packages, what is beside them, and what MANIFEST.in names
PARTS = {
    *("avflow", "avflow_cli", "batch_jobs", "docker", "lambdas", "local_aws", "requirements"),
    *("CHANGELOG.md", "LICENSE", "MANIFEST.in", "NOTICE", "README.md", "pyproject.toml", "setup.py"),
    *(
        name.partition("/")[0]
        for line in (ROOT / "MANIFEST.in").read_text(encoding="utf-8").splitlines()
        if line.startswith("include ")
        for name in line.split()[1:]
    ),
}
#: of scripts/release/__main__.py: the release to try, and a folder with the wheels of other packages
RELEASE, WHEELS = os.environ.get("AVFLOW_RELEASE"), os.environ.get("AVFLOW_RELEASE_WHEELS")
AUTHOR = {"NAME": "tests", "EMAIL": "tests@example.org", "DATE": "2026-10-01T12:00:00Z"}

pytestmark = pytest.mark.slow


def run(*command, **more):
    done = subprocess.run([*map(str, command)], capture_output=True, text=True, check=False, **more)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def built(folder):
    """All files of a release of this working tree, from a repository of its own: the same commit each time."""
    tree, out = folder / "tree", folder / "release"
    tree.mkdir()
    out.mkdir()
    for name in sorted(PARTS):
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, tree / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / name, tree / name)
    author = {f"GIT_{who}_{what}": value for who in ("AUTHOR", "COMMITTER") for what, value in AUTHOR.items()}
    for command in (("init", "-q"), ("add", "."), ("-c", "commit.gpgsign=false", "commit", "-q", "-m", "Release")):
        run("git", *command, cwd=tree, env={**os.environ, **author})
    making.make(tree, out)
    return out


@pytest.fixture(scope="module")
def built_here(tmp_path_factory):
    return built(tmp_path_factory.mktemp("built"))


@pytest.fixture(scope="module")
def release(request):
    """The folder of a release: the one to try, or one of this working tree."""
    return Path(RELEASE) if RELEASE else request.getfixturevalue("built_here")


@pytest.fixture(scope="module")
def wheel(release):
    (found,) = release.glob("*.whl")
    return found


@pytest.fixture(scope="module")
def python(wheel, release, tmp_path_factory):
    """The Python of a fresh environment with the wheel.

    That of a release has the packages that the wheel asks for, in the pinned versions. Otherwise, which is sooner, all
    other packages are those of this environment.
    """
    folder = tmp_path_factory.mktemp("fresh")
    run(sys.executable, "-m", "venv", "--without-pip", folder)
    fresh = folder / "bin" / "python"
    pip = (sys.executable, "-m", "pip", "--python", fresh, "install", "--no-index", "-q")
    if RELEASE:
        (constraints,) = release.glob("*.constraints.txt")
        run(*pip, "--only-binary", ":all:", "--find-links", WHEELS, "--constraint", constraints, wheel)
        assert run(*pip[:5], "check") == "No broken requirements found.\n"
    else:
        run(*pip, "--no-deps", wheel)
        site = Path(run(fresh, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))").strip())
        (site / "others.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return fresh


EXPECTED = json.loads((ROOT / "samples" / "my_video.expected.json").read_text(encoding="utf-8"))


def users():
    return {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV")}


@pytest.fixture
def environment(tmp_path, monkeypatch):
    """A user's environment, and an empty folder."""
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path / "empty")
    return users()


def test_licences_and_all_files_are_in_the_wheel(wheel):
    with zipfile.ZipFile(wheel) as content:
        names = {name.partition("/")[2] for name in content.namelist()}
        for name in (
            "template.yaml",
            "budget.yaml",
            "statemachine/av_workflow.asl.yaml",
            "samconfig.toml",
            "samples/my_video.mkv",
        ):
            assert content.read(f"avflow_cli/files/{name}") == (ROOT / name).read_bytes()
        top = {name.partition("/")[0] for name in content.namelist()}
    assert {"licenses/LICENSE", "licenses/NOTICE", "py.typed", "models/models.toml", "darknet/data/coco.names"} <= names
    page = ROOT / "avflow_cli" / "console" / "page"
    assert {f"console/page/{path.name}" for path in page.iterdir()} <= names
    assert {name for name in top if not name.endswith(".dist-info")} == {
        "avflow", "avflow_cli", "batch_jobs", "lambdas", "local_aws",
    }  # fmt: skip


def test_the_same_sources_give_the_same_bytes(built_here, tmp_path_factory):
    """Elsewhere, later, and by a user with another umask."""
    first = (built_here / packages.SUMS).stat().st_mtime
    while int(time.time()) <= first:  # archives have times in seconds
        time.sleep(0.05)
    before = os.umask(0o077)
    try:
        again = built(tmp_path_factory.mktemp("built_again"))
    finally:
        os.umask(before)
    contents = {path.name: path.read_bytes() for path in built_here.iterdir()}
    assert {path.name: path.read_bytes() for path in again.iterdir()} == contents
    number = checkout.version(ROOT)
    assert set(contents) == {
        packages.SUMS, f"av_workflow-{number}.tar.gz", f"av_workflow-{number}-py3-none-any.whl",
        *(f"av-workflow-{number}{end}" for end in ("-sources.tar.gz", ".cdx.json", ".constraints.txt", ".changes.md")),
    }  # fmt: skip


def test_the_sums_are_those_of_the_files(release):
    sums = [line.split("  ") for line in (release / packages.SUMS).read_text().splitlines()]
    files = {path.name: path.read_bytes() for path in release.iterdir() if path.name != packages.SUMS}
    assert dict(map(reversed, sums)) == {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}


def test_the_metadata_is_that_of_this_version_and_readable(wheel):
    packages.check(wheel)
    with zipfile.ZipFile(wheel) as content:
        (name,) = (name for name in content.namelist() if name.endswith("/METADATA"))
        metadata = content.read(name).decode()
    assert f"\nVersion: {checkout.version(ROOT)}\n" in metadata
    assert "\nLicense-Expression: Apache-2.0\n" in metadata
    pythons = re.findall(r"^Classifier: Programming Language :: Python :: (3\.\d+)$", metadata, re.MULTILINE)
    assert tuple(pythons) == PYTHONS


def test_no_test_and_no_path_of_this_machine_is_in_the_wheel(wheel):
    with zipfile.ZipFile(wheel) as content:
        names = content.namelist()
        assert not [name for name in names if re.search(r"(^|/)(tests?|conftest|test_[^/]*)(/|\.py$)", name)]
        machine = (str(ROOT).encode(), str(wheel.parents[1]).encode(), sys.prefix.encode())
        assert not [name for name in names if any(path in content.read(name) for path in machine)]


def test_the_command_says_its_version(python, environment):
    assert run(python.parent / "avflow", "--version", env=environment) == f"av-workflow {checkout.version(ROOT)}\n"


def test_nothing_of_the_checkout_is_loaded(python, environment):
    program = "import avflow, lambdas.start.naming, sys; print(avflow.__file__, lambdas.__file__, *sys.path, sep='\\n')"
    found = run(python, "-c", program, env=environment).splitlines()
    assert found[0].startswith(str(python.parents[1]))
    assert found[1].startswith(str(python.parents[1]))
    assert str(ROOT) not in found
    listed = run(python.parent / "avflow", "models", "list", env=environment)
    assert "yolov3-tiny" in listed
    assert list(Path().iterdir()) == []


@pytest.fixture(scope="module")
def sample(python, tmp_path_factory):
    """What `avflow run` makes of the sample in an otherwise empty folder."""
    folder = tmp_path_factory.mktemp("sample")
    shutil.copy(SAMPLE, folder)
    said = run(python.parent / "avflow", "run", "my_video.mkv", env=users(), cwd=folder)
    assert "result/my_video.avi" in said
    return folder


def test_a_video_is_processed_in_an_empty_folder(sample):
    found = {path.name for path in (sample / "result").iterdir()}
    assert {"my_video.avi", "my_video.srt", "my_video.detections.jsonl", "my_video.json"} <= found
    manifest = json.loads((sample / "result" / "my_video.json").read_text())
    assert manifest["detections"]["frames"] == EXPECTED["frames"]
    assert [step["name"] for step in manifest["steps"]] == ["ffmpeg", "audio2srt", "yolov3", "merge"]
    assert {path.name for path in sample.iterdir()} == {"result", "my_video.mkv"}


def test_the_page_shows_the_video_its_objects_and_its_words(sample, watched):
    seen = watched()
    page = seen.open(sample / "result" / "my_video.html")
    until(page, "video.readyState >= 2")
    assert page.evaluate("[video.videoWidth, video.videoHeight]") == [768, 576]
    shown = page.locator(".track").evaluate_all("found => found.map(one => one.getAttribute('aria-label'))")
    assert {each.partition(":")[0] for each in shown} >= {each["class"] for each in EXPECTED["objects"]}
    words = re.findall(r"[a-z]+", " ".join(page.locator("#cues li").all_text_contents()).lower())
    assert "ask not what your country can do for you" in " ".join(words)
    assert seen.said == []


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
