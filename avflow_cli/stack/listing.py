"""`avflow list`: the newest runs of a stack."""

from __future__ import annotations

import os

from avflow_cli.stack.executions import Executions
from avflow_cli.stack.printing import lasted, line_of_json, moment, say, table
from avflow_cli.stack.stack import Stack


def run(stack: Stack, count: int, status: str | None, *, as_json: bool) -> int:
    """Print the newest `count` runs, those of one status if it is named. Returns the exit status."""
    found = Executions(stack).newest(count, status)
    if as_json:
        for each in found:
            line_of_json(each.to_dict())
    elif found:
        rows = ((each.upload, each.status, moment(each.started), lasted(each.seconds), each.name) for each in found)
        table(("upload", "status", "started", "took", "name"), rows, right=["took"], spare=["name", "took", "started"])
    else:
        say(f"{stack.name} has no such run." if status else f"{stack.name} has had no run yet: avflow submit VIDEO")
    return os.EX_OK
