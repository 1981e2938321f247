"""Every command in README.md, CONTRIBUTING.md and docs/ is one that its program takes; what users type first is run.

Which of them are run, and by which tests, is in `RUN`. The others are parsed by the parser of their program: click's of
`avflow`, `make -n`, the options of the SAM CLI, and botocore's models for `aws`.
"""

import ast

import pytest

from tests.docs import parsing
from tests.docs.collecting import PAGES, ROOT, Command, commands, of_shell

COMMANDS = commands()
#: programs that are none of ours: why no test knows their options
OTHERS = {
    "docker": "not on the machines of the tests; tests/containers/test_images.py reads the same files",
    "git": "not ours",
    "pip": "tests/e2e/test_wheel.py installs the wheel",
    "scar": "of the other side of docs/scar.md, from its own README",
    "jq": "not ours",
    "echo": "the shell's",
    "export": "the shell's",
    "id": "a function that the block before defines",
}
#: what a user types first, and the test that runs it, or where it can't be run the same by other means
RUN = {
    "make run": "tests/e2e/conftest.py::sample_run",
    "avflow run": "tests/e2e/test_many.py::test_videos_of_one_name_keep_their_results_apart",
    "make up": "tests/e2e/test_up.py::test_an_upload_from_another_program_is_processed",
    "sam build": "tests/containers/test_images.py",
    "sam deploy": "tests/template/conftest.py::deploy",
    "aws s3 cp": "tests/e2e/test_up.py::test_an_upload_from_another_program_is_processed",
    "avflow submit": "tests/e2e/test_stack.py::test_a_submitted_video_is_watched_to_its_results",
    "avflow watch": "tests/e2e/test_stack.py::test_a_submitted_video_is_watched_to_its_results",
    "avflow results": "tests/e2e/test_stack.py::test_results_are_listed_and_downloaded_by_the_uploads_name",
    "avflow verify": "tests/e2e/test_verify.py::test_a_stack_that_does_what_it_should",
    "avflow console": "tests/e2e/test_console.py::test_avflow_console_shows_the_stack_and_changes_nothing",
}
FIRST_PAGES = ("README.md", "docs/quickstart.md", "docs/commands.md")


def of(program):
    return [pytest.param(command, id=str(command)) for command in COMMANDS if command.words[0] == program]


@pytest.mark.parametrize("command", of("avflow"))
def test_avflow_takes_it(command, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    parsing.by_avflow(command, tmp_path)


@pytest.mark.parametrize("command", of("make"))
def test_make_takes_it(command):
    parsing.by_make(command)


@pytest.mark.skipif(not parsing.SAM.exists(), reason="`make check` has not installed the SAM CLI")
@pytest.mark.parametrize("command", of("sam"))
def test_sam_takes_it(command):
    parsing.by_sam(command)


@pytest.mark.parametrize("command", of("aws"))
def test_aws_takes_it(command):
    parsing.by_aws(command)


@pytest.mark.parametrize("command", [*of("python"), *of("pytest")])
def test_its_module_or_its_tests_are_there(command):
    parsing.by_python(command) if command.words[0] == "python" else parsing.by_pytest(command)


@pytest.mark.skipif(not parsing.SAM.exists(), reason="`make check` has not installed the SAM CLI")
def test_the_options_of_sam_are_known():
    assert {"--guided", "--image-repository", "--no-prompts"} <= {*parsing.sam_options()["deploy"]} | {
        *parsing.sam_options()["delete"]
    }


def test_no_command_is_left_over():
    known = {"avflow", "make", "sam", "aws", "python", "pytest", *OTHERS}
    assert [str(command) for command in COMMANDS if command.words[0] not in known] == []
    assert {command.words[0] for command in COMMANDS} >= set(OTHERS)


@pytest.mark.parametrize(
    ("typed", "parser"),
    [
        ("make rum", "make"),
        ("make run VIDOE=a.mp4", "make"),
        ("avflow run a.mp4 --keep-on", "avflow"),
        ("avflow submitt a.mp4", "avflow"),
        ("avflow export result --to word", "avflow"),
        ("avflow export result", "avflow"),
        ("sam deploy --guide", "sam"),
        ("sam destroy", "sam"),
        ("aws s3 cp a s3://b/ --recurse", "aws"),
        ("aws sqs purge-queues --queue-url URL", "aws"),
        ("aws sqs purge-queue --queue URL", "aws"),
        ("aws sqs purge-queue", "aws"),
        ("python -m benchmarks.ours", "python"),
        ("python -m benchmarks.hour --wirte", "python"),
        ("python -m scripts.gpu_offerings updated", "python"),
        ("pytest tests/fault", "pytest"),
    ],
)
def test_what_is_wrong_is_found(typed, parser, tmp_path, monkeypatch):
    if parser == "sam" and not parsing.SAM.exists():
        pytest.skip("`make check` has not installed the SAM CLI")
    monkeypatch.chdir(tmp_path)
    (words,) = of_shell(typed)
    command = Command("a page", words, whole=True)
    with pytest.raises(parsing.Wrong):
        parsing.by_avflow(command, tmp_path) if parser == "avflow" else getattr(parsing, f"by_{parser}")(command)


def test_commands_are_found_in_blocks_and_in_text(tmp_path, monkeypatch):
    monkeypatch.setattr("tests.docs.collecting.ROOT", tmp_path)
    page = tmp_path / "page.md"
    page.write_text(
        "Type `make run`, or `.venv/bin/avflow run\na.mp4`; `x = 1` is none.\n\n"
        "```sh\nA=1 make up   # keeps up\nfor x in $(aws s3 ls); do\n  sam build \\\n    --cached && sam deploy\ndone\n"
        'p="$(aws s3 presign s3://b/a | cat)"\n```\n\n```\n$ make check\nok\n```\n',
        encoding="utf-8",
    )
    from tests.docs.collecting import of_page

    found = [(" ".join(command.words), command.whole) for command in of_page(page)]
    assert found == [
        ("make up", True),
        ("aws s3 ls", True),
        ("sam build --cached", True),
        ("sam deploy", True),
        ("aws s3 presign s3://b/a", True),
        ("cat", True),
        ("make check", True),
        ("make run", False),
        ("avflow run a.mp4", False),
    ]


# ---------------------------------------------------------------- what is run
def begins(command):
    return next((start for start in RUN if f"{' '.join(command.words)} ".startswith(f"{start} ")), None)


@pytest.mark.parametrize("page", [page for page in FIRST_PAGES if ROOT / page in PAGES])
def test_what_users_type_first_is_run(page):
    typed = [command for command in COMMANDS if command.page == page and command.whole]
    assert len(typed) >= 3
    assert [str(command) for command in typed if command.words[0] not in OTHERS and not begins(command)] == []


@pytest.mark.parametrize("test", sorted({*RUN.values()}))
def test_the_test_that_runs_it_is_there(test):
    path, _, name = test.partition("::")
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    assert not name or name in {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
