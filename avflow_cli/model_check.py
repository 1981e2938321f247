"""`avflow models check`: before a build, have its models whole and verified in `models/`, or say why not."""

from __future__ import annotations

import os
import re
import sys
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from avflow.models.checking import Checked, Probed, cached_store, check
from avflow.progress import Progress

ROOT = Path(__file__).parents[1]
#: the parameters of the template that name models
PARAMETERS = ("Yolov3Model", "SpeechModel")
#: a value of `parameter_overrides`, with or without quotes
_VALUE = r"""("[^"]*"|'[^']*'|[^\s"']*)"""


def run(names: Sequence[str], into: Path) -> int:
    """Check the models called `names`, or those that `sam build` would build. Returns the exit status.

    Raises
    ------
    ModelUnknown, ModelManifestInvalid
    """
    checked = check(names or of_the_stack(), cached_store(into), _tell)
    for each in checked:
        print(_line(each, into), file=sys.stderr if each.problem else sys.stdout)
    if all(each.problem is None for each in checked):
        return os.EX_OK
    return os.EX_TEMPFAIL if all(each.unfinished or not each.problem for each in checked) else os.EX_UNAVAILABLE


def _tell(event: Probed | Progress) -> None:
    """A line for each source. Downloads are quiet: they end within the minute."""
    if isinstance(event, Probed):
        print(f"  {event}", flush=True)


def _line(checked: Checked, into: Path) -> str:
    if checked.problem is None:
        return f"{checked.name}: ok, in {into / checked.name}, sha256 verified"
    return f"{checked.name}: {'NOT FINISHED' if checked.unfinished else 'MISSING'}: {checked.problem}\n{checked.advice}"


def of_the_stack(root: Path = ROOT) -> list[str]:
    """The models that `sam build` puts into the images: those of samconfig.toml, else the template's defaults."""
    from samtranslator.yaml_helper import yaml_parse  # noqa: PLC0415 - slow to import

    parameters = yaml_parse((root / "template.yaml").read_text(encoding="utf-8"))["Parameters"]
    configured = _overrides(root / "samconfig.toml")
    return [configured.get(name, str(parameters[name]["Default"])) for name in PARAMETERS]


def _overrides(samconfig: Path) -> dict[str, str]:
    """The values of `parameter_overrides` that `sam build` uses.

    What stands below `[default.build.parameters]` replaces, as a whole, what stands below `[default.global.parameters]`
    (`get_all` in samcli/lib/config/samconfig.py of aws/aws-sam-cli).
    """
    if not samconfig.is_file():
        return {}
    environment: dict[str, Any] = tomllib.loads(samconfig.read_text(encoding="utf-8")).get("default", {})
    sections = [environment.get(command, {}).get("parameters", {}) for command in ("build", "global")]
    given = next((each["parameter_overrides"] for each in sections if "parameter_overrides" in each), ())
    return _pairs(given)


def _pairs(given: Any) -> dict[str, str]:
    """The pairs of a text, a list or a table (SAM CLI: `CfnParameterOverridesType`). Files are not followed."""
    if isinstance(given, dict):
        return {str(name): str(value) for name, value in given.items()}
    if isinstance(given, str):
        pairs = re.findall(r"ParameterKey=(\w+),ParameterValue=" + _VALUE, given) or re.findall(
            r"(?:^|\s)(\w+)=" + _VALUE, given
        )
        return {name: value.strip("\"'") for name, value in pairs}
    return {name: value for each in given for name, value in _pairs(each).items()}
