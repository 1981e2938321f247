"""Whether a command is one that its program takes: by the program's own parser or model, without running it."""

from __future__ import annotations

import ast
import json
import os
import subprocess
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import click
from botocore import xform_name
from botocore.session import Session

from avflow_cli.main import avflow
from tests.docs.collecting import ROOT, Command

#: what a page writes where the user's own word belongs, and such a word
PLACEHOLDERS = {"N": "4566", "FORMAT": "coco", "SHELL": "bash", "PATH": "video.mp4"}
#: options of the AWS CLI for every command
AWS_GLOBAL = {"--region", "--profile", "--output", "--query", "--endpoint-url"}
#: commands of the AWS CLI that are no operation of a service: their options
AWS_OWN = {
    ("s3", "cp"): {"--recursive", "--metadata", "--metadata-directive"},
    ("s3", "ls"): {"--recursive"},
    ("s3", "presign"): {"--expires-in"},
    ("logs", "tail"): {"--follow", "--since"},
    ("cloudformation", "deploy"): {"--template-file", "--stack-name", "--parameter-overrides", "--capabilities"},
    ("sso", "login"): set(),
    ("configure",): set(),
}
SAM = ROOT / ".venv-sam" / "bin" / "python"
_SAM_OPTIONS = """
import json
from importlib import import_module
modules = {"build": "build.command", "deploy": "deploy.command", "delete": "delete.command",
           "validate": "validate.validate"}
found = {}
for name, module in modules.items():
    params = import_module(f"samcli.commands.{module}").cli.params
    found[name] = [option for param in params for option in (*param.opts, *param.secondary_opts)]
print(json.dumps(found))
"""


#: modules that only the images have
OF_IMAGES = {"awslambdaric"}


class Wrong(Exception):
    """A command that its program would refuse."""


# ---------------------------------------------------------------- avflow
def by_avflow(command: Command, folder: Path) -> None:
    """Parse with click. The files that the command names are made in `folder`, which must be the current one."""
    words = [PLACEHOLDERS.get(word, word) for word in command.words[1:]]
    for word in words:
        if "/" in word or "." in word:
            path = folder / word.lstrip("/")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.mkdir(exist_ok=True) if word.endswith("/") else path.touch()
    try:
        _parse(avflow, "avflow", words, None)
    except click.exceptions.Exit:  # --help, --version
        pass
    except click.UsageError as error:
        if isinstance(error, click.MissingParameter) and not command.whole:
            return  # in the running text only the name
        raise Wrong(error.format_message()) from error


def _parse(command: click.Command, name: str, words: list[str], parent: click.Context | None) -> None:
    if isinstance(command, click.Group) and words and not words[0].startswith("-"):
        # with its settings, as click does: a command keeps the names of its help option from its first context
        context = click.Context(command, parent=parent, info_name=name, **command.context_settings)
        found, inner, rest = command.resolve_command(context, words)
        assert inner is not None
        _parse(inner, found or "", rest, context)
    else:
        command.make_context(name, list(words), parent=parent).close()


# ---------------------------------------------------------------- make
@cache
def _make(words: tuple[str, ...]) -> str:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
    done = subprocess.run(
        ["make", "-n", *words], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    return done.stderr if done.returncode else ""


def by_make(command: Command) -> None:
    """Let make say what it would do."""
    if refused := _make(command.words[1:]):
        raise Wrong(refused)


# ---------------------------------------------------------------- sam
@cache
def sam_options() -> dict[str, list[str]]:
    """The options of the commands of the SAM CLI, from its own environment."""
    environment = os.environ | {"SAM_CLI_TELEMETRY": "0"}
    done = subprocess.run([SAM, "-c", _SAM_OPTIONS], env=environment, capture_output=True, text=True, check=True)
    found: dict[str, list[str]] = json.loads(done.stdout)
    return found


def by_sam(command: Command) -> None:
    """Compare with the options of the SAM CLI."""
    name, *rest = command.words[1:]
    if name not in sam_options():
        raise Wrong(f"sam has no {name}")
    _only(rest, set(sam_options()[name]))


# ---------------------------------------------------------------- aws
def by_aws(command: Command) -> None:
    """Compare with the service's model, and where the AWS CLI has a command of its own, with `AWS_OWN`."""
    words = command.words[1:]
    own = next((name for name in AWS_OWN if words[: len(name)] == name), None)
    if own is not None:
        return _only(words[len(own) :], AWS_OWN[own] | AWS_GLOBAL)
    service, operation, *rest = words
    model = Session().get_service_model(service)
    operations = {xform_name(name, "-"): name for name in model.operation_names}
    if operation not in operations:
        raise Wrong(f"{service} has no {operation}")
    shape: Any = model.operation_model(operations[operation]).input_shape
    members = {f"--{xform_name(name, '-')}": name for name in (shape.members if shape else {})}
    _only(rest, {*members, *AWS_GLOBAL})
    given = {members[word] for word in rest if word in members}
    missing = {*(shape.required_members if shape else ())} - given
    if missing and (command.whole or given):
        raise Wrong(f"{operation} also needs {', '.join(sorted(missing))}")
    return None


# ---------------------------------------------------------------- python, pytest
def by_python(command: Command) -> None:
    """`python -m MODULE`: the module is here, and knows the options."""
    flag, module, *rest = command.words[1:]
    if flag != "-m":
        raise Wrong(f"python {flag}")
    if module in OF_IMAGES:
        return None
    if module == "pytest":
        return by_pytest(command, rest)
    # <step> and NAME stand for any of several
    places = [module.replace("<step>", step) for step in ("ffmpeg", "yolov3", "merge")]
    named = [place.replace("NAME", "speech").removesuffix(".handler") for place in places]
    found = [spec for name in named if (spec := _spec(name))]
    if not found:
        raise Wrong(f"there is no module {module}")
    if not found[0].origin or not found[0].origin.startswith(str(ROOT) + os.sep) or ".venv" in found[0].origin:
        return None
    package = Path(found[0].origin)
    source = package.with_name("__main__.py") if package.name == "__init__.py" else package
    known = {node.value for node in ast.walk(ast.parse(source.read_text("utf-8"))) if isinstance(node, ast.Constant)}
    _only(rest, {text for text in known if isinstance(text, str)} | {"--help"})
    if "ArgumentParser" not in source.read_text("utf-8"):
        wrong = [word for word in rest if word.islower() and not word.startswith("-") and word not in known]
        if wrong:
            raise Wrong(f"{module} knows no {wrong[0]}")
    return None


def _spec(module: str) -> Any:
    try:
        return find_spec(module)
    except ModuleNotFoundError:
        return None


def by_pytest(command: Command, words: list[str] | None = None) -> None:
    """The files and folders are there."""
    for word in command.words[1:] if words is None else words:
        if word.startswith("-"):
            _only([word], {"-x", "-m", "-k", "-q"})
        elif not (ROOT / word.partition("::")[0]).exists():
            raise Wrong(f"there is no {word}")


def _only(words: list[str] | tuple[str, ...], known: set[str]) -> None:
    options = [word.partition("=")[0] for word in words if word.startswith("--")]
    if unknown := [option for option in options if option not in known]:
        raise Wrong(f"there is no option {unknown[0]}")
