"""`import avflow` stays quick, and the calls know nothing of AWS. The examples of docs/python.md run."""

import os
import re
import shutil
import subprocess
import sys
from importlib.resources import files
from pathlib import Path

import pytest

import avflow
from tests.unit.api.conftest import PERSON

ROOT = Path(__file__).parents[3]
HEAVY = {"numpy", "cv2", "av", "boto3", "botocore", "openvino", "faster_whisper", "local_aws", "mashumaro"}
OF_AWS = {"boto3", "botocore", "aws_lambda_powertools", "local_aws", "moto", "lambdas"}


def modules(code):
    program = f"import sys; {code}; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT)
    return set(done.stdout.split())


def test_the_package_itself_loads_nothing():
    loaded = modules("import avflow")
    assert not {name for name in loaded if name.startswith("avflow.")}
    assert not HEAVY & loaded


def test_the_calls_know_nothing_of_aws():
    loaded = modules("from avflow import process, detect, transcribe, Detections, Processed, Transcription")
    assert not OF_AWS & loaded
    assert not {name for name in loaded if name.startswith("avflow.workflow")}


def test_names_of_packages_are_packages():
    loaded = modules(
        "import avflow.detection, avflow.media; assert avflow.detection.__path__ and avflow.media.__path__"
    )
    assert "avflow.api" not in loaded


def test_all_names_are_there_and_no_other():
    assert all(callable(getattr(avflow, name)) for name in avflow.__all__)
    assert set(avflow.__all__) <= set(dir(avflow))
    with pytest.raises(AttributeError, match="has no attribute 'detects'"):
        _ = avflow.detects


def test_the_package_says_that_it_has_types():
    assert files("avflow").joinpath("py.typed").is_file()


@pytest.mark.slow
def test_the_examples_of_the_page_run(film, tmp_path):
    text = (ROOT / "docs" / "python.md").read_text(encoding="utf-8")
    examples = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    assert len(examples) == 5
    shutil.copy(film, tmp_path / "my_video.mkv")
    shutil.copy(PERSON, tmp_path / "picture.jpg")
    done = subprocess.run(
        [sys.executable, "-c", "\n".join(examples)],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert done.returncode == 0, done.stderr
    assert "dog" in done.stdout
    assert "fellow Americans" in done.stdout
    assert re.search(r"^frame \d+: \d+ objects$", done.stdout, re.M)
    assert {path.name for path in tmp_path.iterdir()} == {
        "my_video.mkv", "picture.jpg", "result", "later.ass", "my_video.srt",
    }  # fmt: skip
    assert "fellow Americans" in (tmp_path / "later.ass").read_text(encoding="utf-8")
