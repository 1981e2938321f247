"""`avflow models check`: before a build, have its models whole and verified in `models/`, or say why not."""

from __future__ import annotations

import os
import re
import sys
import tomllib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from avflow.models.checking import Checked, Probed, cached_store, check
from avflow.progress import Progress

ROOT = Path(__file__).parents[1]
#: the parameters of the template that name models
PARAMETERS = ("Yolov3Model", "SpeechModel")


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
    """The values of `parameter_overrides`: those of `sam build` win over those of all commands.

    The SAM CLI takes a text, `A=b C="d e"`, or a list of such texts (AWS SAM Developer Guide, "AWS SAM CLI
    configuration file").
    """
    if not samconfig.is_file():
        return {}
    environment: dict[str, Any] = tomllib.loads(samconfig.read_text(encoding="utf-8")).get("default", {})
    found: dict[str, str] = {}
    for command in ("global", "build"):
        found |= _pairs(environment.get(command, {}).get("parameters", {}).get("parameter_overrides", ()))
    return found


def _pairs(given: str | Iterable[str]) -> dict[str, str]:
    text = given if isinstance(given, str) else " ".join(given)
    pairs = re.findall(r"""(?:^|\s)(\w+)=("[^"]*"|'[^']*'|\S*)""", text)
    return {name: value.strip("\"'") for name, value in pairs}
