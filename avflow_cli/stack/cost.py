"""`avflow cost`: what the runs since a time have cost, as their manifests estimate it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import datetime

from avflow_cli.stack.executions import Execution, Executions
from avflow_cli.stack.printing import line_of_json, moment, say, table
from avflow_cli.stack.reports import manifest_of
from avflow_cli.stack.spent import at_most_usd
from avflow_cli.stack.stack import Stack


def run(stack: Stack, since: datetime, *, as_json: bool) -> int:
    """Print the estimated cost of each run since then, and the sum. Returns the exit status.

    Only manifests name a cost. What runs have cost at most that failed, were stopped, or whose results were replaced or
    deleted, is told from their histories; of those that still go on it is unknown.
    """
    runs = [(each, usd, None if usd is not None else at_most_usd(stack, each)) for each, usd in _known(stack, since)]
    total = sum(usd for _, usd, _ in runs if usd is not None)
    bounds = [most for _, usd, most in runs if usd is None]
    most = sum(each for each in bounds if each is not None)
    if as_json:
        for each, usd, bound in runs:
            bounded = None if bound is None else round(bound, 6)
            line_of_json(
                {"type": "run", **each.to_dict(), "usd": usd, "at_most_usd": usd if usd is not None else bounded}
            )
        sums = {"usd": round(total, 6), "at_most_usd": round(total + most, 6), "runs": len(runs)}
        line_of_json({"type": "total", **sums, "unknown": len(bounds), "running": bounds.count(None)})
        return os.EX_OK
    if runs:
        rows = ((each.upload, each.status, moment(each.started), _cell(usd, bound)) for each, usd, bound in runs)
        table(("upload", "status", "started", "USD"), rows, right=["USD"], spare=["started"])
    counted = "1 run" if len(runs) == 1 else f"{len(runs)} runs"
    say(f"{total:.4f} US dollars, estimated, for {counted} since {moment(since)}{_left(bounds, most)}")
    return os.EX_OK


def _known(stack: Stack, since: datetime) -> list[tuple[Execution, float | None]]:
    return [(each, _usd(stack, each)) for each in Executions(stack).since(since)]


def _cell(usd: float | None, bound: float | None) -> str:
    if usd is not None:
        return f"{usd:.4f}"
    return "unknown" if bound is None else f"at most {bound:.4f}"


def _left(bounds: Sequence[float | None], most: float) -> str:
    """What the sum lacks."""
    if not bounds:
        return ""
    running = bounds.count(None)
    told = f", without {len(bounds)} whose cost is unknown"
    if running < len(bounds):
        told += f": {most:.4f} at most for {len(bounds) - running} without a manifest"
    return told + (f"; {running} still running" if running and running < len(bounds) else "")


def _usd(stack: Stack, execution: Execution) -> float | None:
    """What the manifest of a run estimates; None without one."""
    if execution.status != "SUCCEEDED":
        return None
    manifest = manifest_of(stack, execution)
    return float(manifest["cost"]["usd"]) if manifest and manifest.get("cost") else None
