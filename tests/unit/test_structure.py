"""The rules of who may import whom, and how long things may get."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("avflow", "avflow_cli", "local_aws", "lambdas", "batch_jobs")
MAY_IMPORT = {
    "avflow": {"avflow"},
    "lambdas": {"avflow", "lambdas"},
    "batch_jobs": {"avflow", "batch_jobs"},
    "avflow_cli": {"avflow", "avflow_cli", "local_aws"},
    "local_aws": {"local_aws"},
}


def modules(package):
    return sorted((ROOT / package).rglob("*.py"))


def imported(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield node.module


@pytest.mark.parametrize("package", PACKAGES)
def test_dependencies_point_one_way(package):
    wrong = [
        f"{path.relative_to(ROOT)} imports {name}"
        for path in modules(package)
        for name in imported(path)
        if name.split(".")[0] in PACKAGES and name.split(".")[0] not in MAY_IMPORT[package]
    ]
    assert not wrong


@pytest.mark.parametrize("entry", [*ROOT.glob("lambdas/*/app.py"), *ROOT.glob("batch_jobs/*/job.py")], ids=str)
def test_entries_are_short(entry):
    assert len(entry.read_text().splitlines()) <= 40


@pytest.mark.parametrize("package", [*PACKAGES, "tests", "scripts", "benchmarks"])
def test_no_file_is_over_400_lines(package):
    assert not [str(path) for path in modules(package) if len(path.read_text().splitlines()) > 400]


def test_moto_is_private_to_one_file():
    private = [
        str(path.relative_to(ROOT))
        for path in modules("local_aws")
        for name in imported(path)
        if name.startswith("moto.") and name != "moto.server"
    ]
    assert set(private) <= {"local_aws/moto_patches.py"}
