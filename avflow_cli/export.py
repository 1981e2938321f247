"""`avflow export`: write a video's results in the format of another program."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

import click

from avflow.exports import FORMATS, Format, Results
from avflow.filenames import printable
from avflow_cli.fetching import OutputUnusable
from avflow_cli.stack.printing import line_of_json

_OTHER = "Choose another name: avflow export … --out NAME."


def run(result: Path, name: str, out: Path | None, names: Path | None, *, as_json: bool = False) -> int:
    """Write the results that `result` names in the format `name`. Returns the exit status.

    Raises
    ------
    SourceMissing, ResultInvalid
        As `Results.find` and its members.
    OutputUnusable
        The file can't be written, or would replace something else.
    """
    found, form = Results.find(result, names), FORMATS[name]
    target = out or Path(found.base + form.suffix)
    _require_free(target, found, form)
    try:
        _write_whole(found, form, target)
    except OSError as error:
        raise OutputUnusable(f"{_shown(target)} can't be written: {error.strerror}.", _OTHER) from error
    if as_json:
        line_of_json({"type": "export", "format": name, "path": str(target)})
    else:
        click.echo(_shown(target))
    return os.EX_OK


def _require_free(target: Path, found: Results, form: Format) -> None:
    """Refuse to replace a result, a folder with files in it, or a file by a folder and the other way round."""
    for source in (found.manifest, found.detections):
        if target.exists() and target.samefile(source):
            raise OutputUnusable(f"The export would replace {_shown(source)} itself.", _OTHER)
    if target.exists() and target.is_dir() != form.folder:
        what = "a folder, and the format is one file" if target.is_dir() else "a file, and the format is a folder"
        raise OutputUnusable(f"{_shown(target)} is {what}.", _OTHER)
    if form.folder and target.is_dir() and any(target.iterdir()):
        raise OutputUnusable(f"The folder {_shown(target)} is not empty.", "Remove it, or c" + _OTHER[1:])


def _write_whole(found: Results, form: Format, target: Path) -> None:
    """Write beside the target first: after an error, or if it is interrupted, the target is as it was."""
    with tempfile.TemporaryDirectory(prefix=".avflow-export-", dir=target.parent) as folder:
        made = Path(folder) / "export"
        form.write(found, made)
        if target.is_dir():
            target.rmdir()  # it is empty
        if form.folder:
            shutil.move(made, target)
        else:
            made.replace(target)


def _shown(path: Path) -> str:
    return printable(str(path))
