"""Write docs/errors.md: what the code itself says of each error, and what it tells users to do.

usage: python -m scripts.errors_page
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Iterator
from pathlib import Path

import avflow
import avflow_cli
import local_aws
from avflow.errors import AvflowError, InvalidMedia
from lambdas.failed import failure
from scripts.table_cell import cell

PAGE = Path(__file__).resolve().parents[1] / "docs" / "errors.md"
_HEAD = """\
# Errors

A run that fails has one of these names in `result/….error.json`, in the mail, and in the Step Functions console. So has
a command that fails. `python -m scripts.errors_page` writes this page from the code: "what to do" is what the error
itself says, unless it knows more of your file. [Failures](failures.md) says more about the most frequent ones.

| error | what it means | what to do |
|---|---|---|
"""
_PLATFORM = """
## Errors of AWS

The report gives them these names, and adds what AWS said.

| error | what it means | what to do |
|---|---|---|
"""
#: of a failed job, by the words of AWS Batch: the table in lambdas/failed/failure.py has their patterns
_OF_JOBS = "A job failed: the message has the reason of AWS Batch."


def written() -> str:
    """The page."""
    leaves = _leaves()
    own = "".join(_row(each.__name__, _about(each), each.advice) for each in sorted(leaves, key=_order))
    jobs = {name: (_OF_JOBS, advice) for name, _, advice in failure.BATCH_FAILURES}
    platform = {name.removeprefix("States."): told for name, told in failure.PLATFORM_ERRORS.items()}
    known = {each.__name__ for each in leaves}
    others = {name: told for name, told in {**jobs, **platform}.items() if name not in known}
    return _HEAD + own + _PLATFORM + "".join(_row(name, *others[name]) for name in sorted(others))


def names() -> set[str]:
    """The names of all errors of the code that a user can meet."""
    return {each.__name__ for each in _leaves()}


def _order(error: type[AvflowError]) -> tuple[bool, str]:
    """What is wrong with an upload comes first."""
    return not issubclass(error, InvalidMedia), error.__name__


def _leaves() -> list[type[AvflowError]]:
    """All errors that no other one derives from."""
    for package in (avflow, avflow_cli, local_aws):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if not module.name.endswith("__main__"):
                importlib.import_module(module.name)
    return [each for each in _below(AvflowError) if not each.__subclasses__()]


def _below(error: type[AvflowError]) -> Iterator[type[AvflowError]]:
    for each in error.__subclasses__():
        if not each.__name__.startswith("_"):
            yield each
            yield from _below(each)


def _about(error: type[AvflowError]) -> str:
    """The first paragraph of its docstring; references of the code become its words."""
    return inspect.cleandoc(error.__doc__ or "").partition("\n\n")[0]


def _row(name: str, about: str, advice: str) -> str:
    return f"| `{name}` | {cell(about)} | {cell(advice)} |\n"


if __name__ == "__main__":
    PAGE.write_text(written(), encoding="utf-8")
