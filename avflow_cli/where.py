"""Where the files are that the command line reads: in a checkout beside the packages, in a wheel inside this one."""

from __future__ import annotations

from pathlib import Path

_PACKED = Path(__file__).parent / "files"


def code() -> Path:
    """The folder with the packages `avflow`, `lambdas` and `batch_jobs`: the checkout, or site-packages."""
    return Path(__file__).parents[1]


def files() -> Path:
    """The folder with both templates, samconfig.toml, `statemachine/`, `samples/` and requirements/sam.txt."""
    return _PACKED if _PACKED.is_dir() else code()


def models() -> Path:
    """The folder of models that `sam build` takes: that of the checkout, else `models` in the current folder."""
    return Path("models") if _PACKED.is_dir() else code() / "models"
