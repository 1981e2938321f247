"""Which module of the embedded AWS may import which; every import counts, also late ones and those for types."""

import ast
import graphlib
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "local_aws"
#: service -> the other services that it may import
SERVICES = {
    "access": set(),
    "sandbox": set(),
    "iam": set(),
    "s3": {"access", "iam"},
    "awslambda": {"sandbox", "iam"},
    "batch": {"sandbox"},
    "logs": {"sandbox"},
    "eventbridge": {"awslambda", "s3"},
    "stepfunctions": set(),
    "cloudformation": {"sandbox", "iam", "s3", "awslambda", "batch", "eventbridge", "stepfunctions"},
}
#: modules that every service may import, and that import no service
SHARED = {
    "by_moto", "callbacks", "callers", "coverage", "environment", "full_disk", "http_server", "names", "protocols",
    "quotas", "sessions", "system", "wire",
}  # fmt: skip


def module_name(path):
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_name(path): path for path in PACKAGE.rglob("*.py")}


def imports(name):
    """The modules of the embedded AWS that a module imports."""
    found = set()
    for node in ast.walk(ast.parse(MODULES[name].read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {each.name for each in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{name} has a relative import"
            names = {f"{node.module}.{each.name}" for each in node.names}
            found |= {each if each in MODULES else node.module for each in names}
    return {each for each in found if each in MODULES} - {name}


def room(name):
    """The service, or the module in the root, to which a module belongs."""
    return name.split(".")[1] if "." in name else ""


def test_every_module_has_its_place():
    assert {path.parent.name for path in PACKAGE.glob("*/__init__.py")} == {*SERVICES}
    assert {path.stem for path in PACKAGE.glob("*.py")} == {"__init__", "server", *SHARED}


def test_there_are_no_circles():
    graph = {name: imports(name) for name in MODULES}
    try:
        graphlib.TopologicalSorter(graph).prepare()
    except graphlib.CycleError as error:
        pytest.fail(" imports ".join(reversed(error.args[1])))


@pytest.mark.parametrize("service", SERVICES)
def test_services_import_each_other_as_declared(service):
    allowed = {service, *SHARED, *SERVICES[service], *(["server"] if service == "cloudformation" else [])}
    wrong = [
        f"{name} imports {other}"
        for name in MODULES
        if room(name) == service
        for other in imports(name)
        if room(other) not in allowed
    ]
    assert not wrong


def test_what_all_share_imports_no_service():
    found = {(name, other) for name in SHARED for other in imports(f"local_aws.{name}") if room(other) not in SHARED}
    assert not found


def test_the_embedded_aws_does_not_know_cloudformation():
    assert "cloudformation" not in {room(other) for other in imports("local_aws.server")}
