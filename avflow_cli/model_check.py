"""`avflow models check`: before a build, have its models whole and verified in `models/`, or say why not."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from avflow.models.checking import Checked, Probed, cached_store, check
from avflow.progress import Progress
from avflow_cli import samconfig
from avflow_cli.stack.printing import line_of_json

#: the parameters of the template that name models
PARAMETERS = ("Yolov3Model", "SpeechModel")


def run(names: Sequence[str], into: Path, *, as_json: bool = False) -> int:
    """Check the models called `names`, or those that `sam build` would build. Returns the exit status.

    Raises
    ------
    ModelUnknown, ModelManifestInvalid
    """
    checked = check(names or of_the_stack(), cached_store(into), _tell_in_json if as_json else _tell)
    for each in checked:
        if as_json:
            told = {"problem": each.problem, "advice": each.advice or None, "unfinished": each.unfinished}
            line_of_json({"type": "model", "name": each.name, "folder": str(into / each.name), **told})
            continue
        print(_line(each, into), file=sys.stderr if each.problem else sys.stdout)
    if all(each.problem is None for each in checked):
        return os.EX_OK
    return os.EX_TEMPFAIL if all(each.unfinished or not each.problem for each in checked) else os.EX_UNAVAILABLE


def _tell(event: Probed | Progress) -> None:
    """A line for each source. Downloads are quiet: they end within the minute."""
    if isinstance(event, Probed):
        print(f"  {event}", flush=True)


def _tell_in_json(event: Probed | Progress) -> None:
    if isinstance(event, Probed):
        origin = event.source.origin(event.file)
        line_of_json({"type": "source", "file": event.file.name, "source": origin, "problem": event.failure})


def _line(checked: Checked, into: Path) -> str:
    if checked.problem is None:
        return f"{checked.name}: ok, in {into / checked.name}, sha256 verified"
    return f"{checked.name}: {'NOT FINISHED' if checked.unfinished else 'MISSING'}: {checked.problem}\n{checked.advice}"


def of_the_stack(root: Path = samconfig.ROOT) -> list[str]:
    """The models that `sam build` puts into the images: those of samconfig.toml, else the template's defaults."""
    parameters = samconfig.read(root, "build").parameters
    return [parameters[name] for name in PARAMETERS]
