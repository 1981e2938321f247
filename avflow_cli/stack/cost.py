"""`avflow cost`: what the runs since a time have cost, as their manifests estimate it."""

from __future__ import annotations

import os
from datetime import datetime

from avflow_cli.stack.executions import Execution, Executions
from avflow_cli.stack.printing import line_of_json, moment, say, table
from avflow_cli.stack.reports import manifest_of
from avflow_cli.stack.stack import Stack


def run(stack: Stack, since: datetime, *, as_json: bool) -> int:
    """Print the estimated cost of each run since then, and the sum. Returns the exit status.

    Only manifests name a cost: runs that failed, still go on, or whose results were replaced or deleted have none.
    """
    runs = [(each, _usd(stack, each)) for each in Executions(stack).since(since)]
    known = [usd for _, usd in runs if usd is not None]
    total, unknown = sum(known), len(runs) - len(known)
    if as_json:
        for each, usd in runs:
            line_of_json({"type": "run", **each.to_dict(), "usd": usd})
        line_of_json({"type": "total", "usd": round(total, 6), "runs": len(runs), "unknown": unknown})
        return os.EX_OK
    if runs:
        rows = (
            (each.upload, each.status, moment(each.started), "unknown" if usd is None else f"{usd:.4f}")
            for each, usd in runs
        )
        table(("upload", "status", "started", "USD"), rows, right=["USD"])
    left = f", without {unknown} whose cost is unknown" if unknown else ""
    counted = "1 run" if len(runs) == 1 else f"{len(runs)} runs"
    say(f"{total:.4f} US dollars, estimated, for {counted} since {moment(since)}{left}")
    return os.EX_OK


def _usd(stack: Stack, execution: Execution) -> float | None:
    """What the manifest of a run estimates; None without one."""
    if execution.status != "SUCCEEDED":
        return None
    manifest = manifest_of(stack, execution)
    return float(manifest["cost"]["usd"]) if manifest and manifest.get("cost") else None
