"""`avflow results`: list what a run has made, or download it."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path, PurePosixPath
from typing import Any

from avflow.errors import AvflowError
from avflow.filenames import printable
from avflow.workflow.layout import RESULT_PREFIX
from avflow_cli.fetching import OutputUnusable, fetched
from avflow_cli.outcomes import exit_status
from avflow_cli.stack.executions import Execution, Executions
from avflow_cli.stack.printing import line_of_json, say, size, table
from avflow_cli.stack.reports import error_of, manifest_of, results_of
from avflow_cli.stack.stack import Stack


class ResultsMissing(AvflowError):
    """The run has no results: it still goes on, or they are gone."""

    advice = "`avflow watch` shows how far a run is, `avflow list` which there are."
    exit_code = os.EX_NOINPUT


def run(stack: Stack, name: str | None, out: Path | None, *, as_json: bool) -> int:
    """List the results of a run, or download them. Returns the exit status: that of the run's error if it failed.

    Parameters
    ----------
    out:
        The folder for the files, which keep their path below result/; None to list them only.

    Raises
    ------
    RunNotFound, ResultsMissing, OutputUnusable
    """
    found = Executions(stack).find(name)
    report = _report(stack, found)
    keys = _keys(stack, found)
    files: dict[str, Path | None] = dict.fromkeys(keys)
    if out:
        targets = {key: _target(key, out) for key in keys}
        _require_ours(targets, report)
        s3 = stack.access.client("s3")
        files |= {key: fetched(s3, stack.bucket, key, target) for key, target in targets.items()}
    if as_json:
        for key, count in keys.items():
            file = files[key]
            told = {"uri": f"s3://{stack.bucket}/{key}", "bytes": count, "file": None if file is None else str(file)}
            line_of_json({"type": "result", **told})
        line_of_json({"type": "run", **found.to_dict()})
    elif out:
        for file in files.values():
            say(str(file))
    else:
        rows = [(f"s3://{stack.bucket}/{key}", size(count)) for key, count in keys.items()]
        table(("result", "size"), rows, right=["size"])
    return os.EX_OK if found.status == "SUCCEEDED" else exit_status(found.error or found.status)


def _report(stack: Stack, found: Execution) -> dict[str, Any]:
    """The manifest of the run, or its error report."""
    shown = found.upload or found.name
    if found.status == "RUNNING":
        raise ResultsMissing(f"{shown} still runs.", f"Watch it: avflow watch {found.name}")
    report = manifest_of(stack, found) or error_of(stack, found)
    if report is None:
        raise ResultsMissing(
            f"The results of {found.name} are not in the bucket: it has none, another run of {shown} replaced them, or "
            "they were deleted.",
            f"The newest run: avflow results {printable(shown)}",
        )
    return report


def _keys(stack: Stack, found: Execution) -> dict[str, int]:
    """The keys of the run's own results with their sizes: of one that failed only the error report."""
    failed = found.status != "SUCCEEDED"
    return {key: count for key, count in results_of(stack, found).items() if key.endswith(".error.json") == failed}


def _target(key: str, out: Path) -> Path:
    """Where a result goes, below `out`."""
    parts = PurePosixPath(key.removeprefix(RESULT_PREFIX)).parts
    if ".." in parts or not parts or parts[0] == "/":
        raise OutputUnusable(f"{printable(key)} leads out of {printable(str(out))}.", "Use `aws s3 cp`.")
    return out.joinpath(*parts)


def _require_ours(targets: dict[str, Path], report: dict[str, Any]) -> None:
    """Refuse to replace a file that is no result.

    A result is a report, a file that a report beside it lists, or one that has the content of the new result already:
    what an interrupted download has left.
    """
    contents = {each["key"]: each["sha256"] for each in report.get("files", ())}
    reports = [_read(path) for path in targets.values() if path.suffix == ".json"]
    listed = {PurePosixPath(str(key)).name for each in reports if each for key in each.get("results") or ()}
    for key, path in targets.items():
        if path.exists() and path.name not in listed and not _read(path) and _sha256(path) != contents.get(key):
            raise OutputUnusable(
                f"{printable(str(path))} was not written by av-workflow, and would be replaced.",
                "Choose another folder: --out.",
            )


def _sha256(path: Path) -> str | None:
    """None if it is no file."""
    if not path.is_file():
        return None
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _read(path: Path) -> dict[str, Any] | None:
    """A manifest or an error report; None if the file is neither."""
    if path.suffix != ".json":
        return None
    try:
        report: Any = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return report if isinstance(report, dict) and {"schema", "execution"} <= report.keys() else None
