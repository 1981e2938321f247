"""The file that `avflow verify` writes: what was checked, found, paid and waited for, without the account's id."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from importlib.metadata import version

from avflow_cli.stack import Stack
from avflow_cli.verify.expectations import Check
from avflow_cli.verify.runs import Run

#: parameters that tell about the account
_PRIVATE = ("FailureEmail", "VpcId", "SubnetIds", "PermissionsBoundaryArn")
_ACCOUNT = re.compile(r"\b\d{12}\b")


def written(stack: Stack, runs: Sequence[Run], checks: Sequence[Check]) -> str:
    """The report in Markdown."""
    region = stack.account.session.region_name
    right = sum(check.right for check in checks)
    parameters = {name: value for name, value in stack.parameters.items() if name not in _PRIVATE}
    lines = [
        f"# av-workflow {version('av-workflow')} on AWS",
        "",
        f"{right} of {len(checks)} checks are right. {datetime.now(UTC):%Y-%m-%d %H:%M} UTC, {region}, stack "
        f"{stack.account.deployment.stack_name} ({stack.status}).",
        "",
        "## Checks",
        "",
        *_table(
            ("check", "right", "found"), ((each.name, "yes" if each.right else "NO", each.found) for each in checks)
        ),
        "",
        "## Steps",
        "",
        "Waited: the task's time without the step's own, as for a queue, a machine, an image and imports.",
        "",
        *_table(("run", "step", "ran on", "seconds", "waited"), (row for run in runs for row in _steps(run))),
        "",
        "## Cost",
        "",
        *_table(
            ("run", "seconds", "US dollars, estimated"), ((run.title, f"{run.seconds:.0f}", _cost(run)) for run in runs)
        ),
        "",
        "## Parameters",
        "",
        *_table(("parameter", "value"), sorted(parameters.items())),
    ]
    for run in runs:
        if run.status != "SUCCEEDED":
            lines += ["", f"## {run.title}: {run.status}", "", f"{run.error}", "", "```", run.cause, "```"]
    return _ACCOUNT.sub("ACCOUNT", "\n".join(lines)) + "\n"


def _steps(run: Run) -> Iterable[tuple[str, ...]]:
    for step in run.manifest.get("steps", []):
        waited = run.waited(step["name"])
        told = "" if waited is None else f"{waited:.1f}"
        yield run.title, step["name"], step["ran_on"], f"{step['seconds']:.1f}", told


def _cost(run: Run) -> str:
    cost = run.manifest.get("cost")
    return f"{cost['usd']:.4f}" if cost else "unknown"


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """A table whose cells can't end it."""
    cells = ([str(cell).replace("|", "\\|").replace("\n", " ") for cell in row] for row in rows)
    return [f"| {' | '.join(heads)} |", "|---" * len(heads) + "|", *(f"| {' | '.join(row)} |" for row in cells)]
