"""What `sam deploy` would deploy from this checkout: samconfig.toml over the defaults of template.yaml."""

from __future__ import annotations

import json
import os
import re
import shlex
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from avflow.errors import AvflowError
from avflow_cli import where

ROOT = where.files()
STACK_NAME = "av-workflow"
_FILE = "samconfig.toml"
_LONG_FORM = re.compile(r"ParameterKey=(?P<name>[^,\s]+),ParameterValue=(?P<value>.*)", re.DOTALL)


class SamconfigInvalid(AvflowError):
    """samconfig.toml can't be read."""

    advice = "Compare it with the samconfig.toml of the repository."
    exit_code = os.EX_CONFIG


@dataclass(frozen=True)
class Named:
    """Which stack, and where.

    Parameters
    ----------
    stack_name, region, profile:
        As in samconfig.toml; None where it leaves them to the environment.
    """

    stack_name: str
    region: str | None
    profile: str | None


@dataclass(frozen=True)
class Deployment(Named):
    """The stack that `sam deploy` would create or update.

    Parameters
    ----------
    parameters:
        The value of each parameter of the template.
    template:
        The template, as it is written.
    """

    parameters: Mapping[str, str]
    template: Mapping[str, Any]

    @property
    def uses_gpu(self) -> bool:
        """Whether YOLOv3 runs on GPUs."""
        return self.parameters["DetectorCompute"] != "cpu"


def named(folder: Path | None = None) -> Named:
    """Which stack samconfig.toml names: that of `folder`, by default of the current folder, else of the checkout.

    Raises
    ------
    SamconfigInvalid
        It is not TOML.
    """
    if folder is None:
        folder = Path() if Path(_FILE).is_file() else ROOT
    told = _settings(_config(folder), "deploy")
    return Named(str(told.get("stack_name", STACK_NAME)), told.get("region"), told.get("profile"))


def read(folder: Path = ROOT, command: str = "deploy") -> Deployment:
    """What samconfig.toml and template.yaml in `folder` say to `sam build` or `sam deploy`.

    Without samconfig.toml the defaults of the template hold. What stands below `[default.deploy.parameters]` replaces,
    key by key, what stands below `[default.global.parameters]` (`get_all` in samcli/lib/config/samconfig.py of
    aws/aws-sam-cli).

    Raises
    ------
    SamconfigInvalid
        It is not TOML, or `parameter_overrides` has none of SAM's forms.
    """
    from samtranslator.yaml_helper import yaml_parse  # noqa: PLC0415 - slow to import

    told = _settings(_config(folder), command)
    template = yaml_parse((folder / "template.yaml").read_text(encoding="utf-8"))
    defaults = {name: str(facts.get("Default", "")) for name, facts in template["Parameters"].items()}
    return Deployment(
        stack_name=str(told.get("stack_name", STACK_NAME)),
        region=told.get("region"),
        profile=told.get("profile"),
        parameters=defaults | _overrides(told.get("parameter_overrides", "")),
        template=template,
    )


def written(stack_name: str, parameters: Mapping[str, str], settings: Mapping[str, str]) -> str:
    """A samconfig.toml like that of the checkout, with these values for all commands of SAM.

    Parameters
    ----------
    settings:
        Others of its settings, such as `region` and `profile`.
    """
    config = {name: dict(value) for name, value in _config(ROOT).get("default", {}).items()}
    overrides = " ".join(shlex.quote(f"{name}={value}") for name, value in parameters.items())
    of_all = {"stack_name": stack_name, **settings, **({"parameter_overrides": overrides} if overrides else {})}
    lines = ["version = 0.1", "", "[default.global.parameters]", *_lines(of_all)]
    for command, value in config.items():
        if command != "global":
            lines += ["", f"[default.{command}.parameters]", *_lines(value.get("parameters", {}))]
    return "\n".join(lines) + "\n"


def _lines(settings: Mapping[str, Any]) -> list[str]:
    """Lines of TOML. Its strings, numbers and lists of them are written as JSON's."""
    return [f"{name} = {json.dumps(value, ensure_ascii=False)}" for name, value in settings.items()]


def _config(folder: Path) -> Mapping[str, Any]:
    try:
        return tomllib.loads((folder / _FILE).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise SamconfigInvalid(f"{_FILE}: {error}") from error


def _settings(config: Mapping[str, Any], command: str) -> dict[str, Any]:
    """The parameters of a command in the environment `default`: its own over the global ones."""
    environment = config.get("default", {})
    found: dict[str, Any] = {}
    for section in ("global", command):
        found |= environment.get(section, {}).get("parameters", {})
    return found


def _overrides(given: Any) -> dict[str, str]:
    """The parameters in any form that SAM takes: text, a list of texts, or a table."""
    if isinstance(given, Mapping):
        return {key: str(value) for key, value in given.items()}
    try:
        parts = shlex.split(given) if isinstance(given, str) else [str(each) for each in given]
    except (TypeError, ValueError) as error:
        raise SamconfigInvalid(f"{_FILE}: parameter_overrides: {error}") from error
    found = {}
    for part in parts:
        if long := _LONG_FORM.fullmatch(part):
            found[long["name"]] = long["value"]
        elif "=" in part:
            key, _, value = part.partition("=")
            found[key] = value
        else:
            raise SamconfigInvalid(f"{_FILE}: parameter_overrides: {part!r} is not Name=Value")
    return found
