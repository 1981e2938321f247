"""Rules of the source tree: which package may import which, and how long a file may be."""

import ast
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("avflow", "avflow_cli", "local_aws", "lambdas", "batch_jobs")
MAY_IMPORT = {
    "avflow": {"avflow"},
    "lambdas": {"avflow", "lambdas"},
    "batch_jobs": {"avflow", "batch_jobs"},
    "avflow_cli": {"avflow", "avflow_cli", "local_aws", "lambdas"},  # lambdas.start: the one rule for names of results
    "local_aws": {"local_aws"},
}


def modules(package):
    return sorted((ROOT / package).rglob("*.py"))


def imported(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield from (f"{node.module}.{name.name}" for name in node.names)


@pytest.mark.parametrize("package", PACKAGES)
def test_dependencies_point_one_way(package):
    wrong = [
        f"{path.relative_to(ROOT)} imports {name}"
        for path in modules(package)
        for name in imported(path)
        if name.split(".")[0] in PACKAGES and name.split(".")[0] not in MAY_IMPORT[package]
    ]
    assert not wrong


MEDIA_FLOOR = ("media", "ffmpeg", "video", "detection", "darknet", "models", "speech", "annotation", "isolation",
               "media_work", "tracking", "exports", "page", "results", "api")  # fmt: skip
#: modules that know about AWS
OF_AWS = ("avflow.workflow", "boto3", "botocore", "aws_lambda_powertools", "aws_xray_sdk")


#: reads a model from the user's bucket, before a build: nothing that a step does
FETCHES_FROM_S3 = "avflow/models/s3.py"


@pytest.mark.parametrize("room", MEDIA_FLOOR)
def test_the_media_floor_knows_nothing_of_aws(room):
    wrong = [
        f"{path.relative_to(ROOT)} imports {name}"
        for path in modules(f"avflow/{room}")
        for name in imported(path)
        if name.startswith(OF_AWS) and path != ROOT / FETCHES_FROM_S3
    ]
    assert not wrong
    assert {name.split(".")[0] for name in imported(ROOT / FETCHES_FROM_S3) if name.startswith(OF_AWS)} == {
        "boto3",
        "botocore",
    }


def test_the_workflow_floor_stands_on_the_media_floor_alone():
    rooms = {name.split(".")[1] for path in modules("avflow/workflow") for name in imported(path) if "avflow." in name}
    assert rooms <= {*MEDIA_FLOOR, "workflow", *LOOSE}


#: modules that both floors use
LOOSE = {"choices", "cores", "errors", "filenames", "progress"}


def test_every_module_is_in_a_room():
    assert {path.stem for path in (ROOT / "avflow").glob("*.py")} == {"__init__", *LOOSE}
    assert {path.parent.name for path in (ROOT / "avflow").glob("*/__init__.py")} == {*MEDIA_FLOOR, "workflow"}
    for loose in LOOSE:
        assert not [name for name in imported(ROOT / "avflow" / f"{loose}.py") if name.startswith(OF_AWS)]


@pytest.mark.parametrize("entry", [*ROOT.glob("lambdas/*/app.py"), *ROOT.glob("batch_jobs/*/job.py")], ids=str)
def test_entries_are_short(entry):
    assert len(entry.read_text().splitlines()) <= 40


@pytest.mark.parametrize("package", [*PACKAGES, "tests", "scripts", "benchmarks"])
def test_no_file_is_over_400_lines(package):
    assert not [str(path) for path in modules(package) if len(path.read_text().splitlines()) > 400]


#: functions that some operating systems lack or implement differently
OF_ONE_SYSTEM = re.compile(
    r"sched_[gs]etaffinity|/proc\b|/sys/|prctl|fcntl|setrlimit|RLIMIT_|killpg|prlimit|psutil|cpu_count\(|sys\.platform"
    r"|platform\.system|posix_fa|O_TMPFILE|memfd|epoll|SC_NPROCESSORS"
)
#: the modules that may use them, and why
OWNERS = {
    "local_aws/system.py": "all differences between systems, for the embedded AWS",
    "avflow/cores.py": "cores and quotas, for the product; the embedded AWS is not part of it",
    "local_aws/sandbox/watchdog.py": "killpg: runs as a script without the package",
    "local_aws/awslambda/bootstrap.py": "RLIMIT_FSIZE: runs as a script next to the function's code; macOS has it",
    "avflow/detection/gpu.py": "/proc/driver/nvidia: elsewhere it says that the file is missing",
    "avflow/media/memory.py": "RLIMIT_DATA, as Linux counts it; the media floor also runs outside a media process",
    "avflow/models/store.py": "fcntl.flock, to wait for another process's download: every POSIX system has it",
}


@pytest.mark.parametrize("package", PACKAGES)
def test_what_differs_between_systems_has_one_owner(package):
    named = [path for path in modules(package) if path.parent != ROOT / "avflow" / "isolation"]  # it is about systems
    found = {str(path.relative_to(ROOT)) for path in named if OF_ONE_SYSTEM.search(code_of(path))}
    assert found == {name for name in OWNERS if name.split("/")[0] == package}


def code_of(path):
    """A module's source without comments and docstrings."""
    return ast.unparse(WithoutDocstrings().visit(ast.parse(path.read_text(encoding="utf-8"))))


class WithoutDocstrings(ast.NodeTransformer):
    def visit_Expr(self, node):
        return None if isinstance(node.value, ast.Constant) else node


def test_the_inside_of_moto_is_used_in_four_files_only():
    private = [
        str(path.relative_to(ROOT))
        for path in modules("local_aws")
        for name in imported(path)
        if name.startswith("moto.") and not name.startswith("moto.server")
    ]
    assert set(private) <= {
        "local_aws/by_moto.py",
        "local_aws/iam/roles.py",
        "local_aws/stepfunctions/moto_patches.py",
        "local_aws/stepfunctions/redrives.py",
    }


@pytest.mark.parametrize("image", ["media", "yolov3"])
def test_an_image_fetches_its_model_with_the_modules_that_it_copies(image, tmp_path):
    """The build stage copies no other module, so that other changes don't download hundreds of megabytes again.

    It comes before all packages (-S), so that a model that can't be had ends the build at once.
    """
    text = (ROOT / "docker" / f"{image}.Dockerfile").read_text(encoding="utf-8").replace("\\\n", " ")
    copied = re.findall(r"^COPY (avflow/.*) /build/(avflow/.*)$", text, re.MULTILINE)
    for names, folder in copied:
        (tmp_path / folder).mkdir(exist_ok=True)
        for name in names.split():
            files = [ROOT / name] if (ROOT / name).is_file() else (ROOT / name).glob("*.*")
            for file in files:
                shutil.copy(file, tmp_path / folder)
    done = subprocess.run(
        [sys.executable, "-S", "-c", "import avflow.models.store; print(avflow.models.store.__file__)"],
        cwd=tmp_path, capture_output=True, text=True, check=False)  # fmt: skip
    assert done.stdout.strip() == str(tmp_path / "avflow" / "models" / "store.py"), done.stderr


def private_uses(path):
    """Names with an underscore that a test takes from the product: by attribute, by import, or by patching."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] in PACKAGES:
            yield from (name.name for name in node.names if name.name.startswith("_"))
        if isinstance(node, ast.Attribute) and ast.unparse(node.value) not in ("self", "os", "super()"):
            yield from (node.attr for _ in [0] if re.match(r"_[^_]", node.attr))
        if isinstance(node, ast.Call) and ast.unparse(node.func).endswith(".setattr"):
            patched = [argument.value for argument in node.args if isinstance(argument, ast.Constant)]
            yield from (name for name in patched if isinstance(name, str) and re.search(r"(^|\.)_[^_.]+$", name))


def test_tests_use_what_is_public():
    paths = sorted((ROOT / "tests").rglob("*.py"))
    assert not [f"{path.relative_to(ROOT)}: {name}" for path in paths for name in private_uses(path)]


def test_no_test_takes_all_names_of_another_module():
    stars = [str(path.relative_to(ROOT)) for path in (ROOT / "tests").rglob("*.py")
             for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
             if isinstance(node, ast.ImportFrom) and any(name.name == "*" for name in node.names)]  # fmt: skip
    assert not stars
