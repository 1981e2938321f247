"""`avflow import`: the settings of SCAR's av-workflow as those of this template, and what has no counterpart here."""

from __future__ import annotations

import json
import os
from pathlib import Path

from avflow.errors import AvflowError
from avflow.filenames import printable
from avflow_cli import samconfig
from avflow_cli.scar.mapping import Mapped, mapped
from avflow_cli.scar.workflow import read
from avflow_cli.stack.printing import line_of_json, say


class FileExists(AvflowError):
    """The file to write is there already."""

    advice = "Replace it with --force, or write another file: --out FILE."
    exit_code = os.EX_CANTCREAT


def run(path: Path, out: Path, *, force: bool, as_json: bool) -> int:
    """Read a workflow of SCAR, write a samconfig.toml, and say what has no counterpart. Returns the exit status.

    Raises
    ------
    ScarInvalid
        The file can't be read, or has no function for videos.
    FileExists
    """
    deployment = samconfig.read()
    found = mapped(read(path), deployment.template)
    if out.exists() and not force:
        raise FileExists(f"{printable(str(out))} exists.")
    try:
        out.write_text(samconfig.written(found.stack_name, found.parameters, found.settings), encoding="utf-8")
    except OSError as error:
        raise FileExists(f"{printable(str(out))} can't be written: {error.strerror}.") from error
    if as_json:
        line_of_json({"type": "import", "file": str(out), **found.to_dict()})
    else:
        _say(found, out)
    return os.EX_OK


def _say(found: Mapped, out: Path) -> None:
    say(f"{out}: stack {found.stack_name}{''.join(f', {name} {text}' for name, text in found.settings.items())}")
    for name, value in found.parameters.items():
        say(f"  {name}={value if value else json.dumps(value)}")
    if found.notes:
        say("Without a counterpart, or other than in SCAR:")
    for note in found.notes:
        say(f"  {note}")
    say("Next: avflow doctor, sam build, sam deploy (docs/scar.md)")
