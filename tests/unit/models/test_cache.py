"""The user's cache folder, and that no other module decides on one."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from avflow.models.cache import cache_folder

ROOT = Path(__file__).parents[3]
#: what code that chooses a cache folder itself would contain
CHOICE = re.compile(r"XDG_CACHE_HOME|(?<!ld\.so)\.cache\b[\"'/]|Library/Caches|user_cache_path|user_cache_dir")


def test_the_environment_chooses_it(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_folder("models") == tmp_path / "av-workflow" / "models"


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have other cache folders")
def test_on_linux_it_is_in_the_home_folder(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    for nothing in ("", "a/relative/path"):  # which the XDG Base Directory Specification says to ignore
        monkeypatch.setenv("XDG_CACHE_HOME", nothing)
        assert cache_folder("templates") == tmp_path / ".cache" / "av-workflow" / "templates"


def test_shell_scripts_ask_for_it(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    command = [sys.executable, "-m", "avflow.models.cache", "containers"]
    printed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert printed == f"{cache_folder('containers')}\n"


def test_one_module_decides():
    folders = ("avflow", "avflow_cli", "local_aws", "lambdas", "batch_jobs", "benchmarks", "scripts", "docker")
    told = ROOT / "benchmarks" / "results"  # words of the documents, no code
    files = [path for folder in folders for path in (ROOT / folder).rglob("*") if path.is_file()]
    files = [path for path in files if told not in path.parents]
    code = {path: path.read_text(encoding="utf-8", errors="ignore") for path in files if path.suffix != ".pyc"}
    found = {str(path.relative_to(ROOT)) for path, text in code.items() if CHOICE.search(text)}
    assert found == {"avflow/models/cache.py", "scripts/containers/setup"}, "the latter for pip's in a container"
