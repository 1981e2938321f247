"""Completion for shells: their scripts, and the names of runs."""

from __future__ import annotations

import os
import sys
from typing import Any

import click
from click.shell_completion import get_completion_class, shell_complete

from avflow_cli.stack.commands import COMPLETION

#: newest runs whose uploads complete a NAME
NEWEST = 20


def script(command: click.Command, shell: str) -> int:
    """Print the script that a shell has to read. Returns the exit status."""
    kind = get_completion_class(shell)
    assert kind is not None
    print(kind(command, {}, "avflow", COMPLETION).source())
    return os.EX_OK


def answer(command: click.Command) -> int:
    """Answer the script of a shell. Returns the exit status."""
    return shell_complete(command, {}, "avflow", COMPLETION, os.environ[COMPLETION])


def uploads(options: dict[str, Any], incomplete: str) -> list[str]:
    """The uploads of the newest runs of the stack that the options name. None if AWS doesn't answer."""
    try:
        from avflow_cli.access import Access  # noqa: PLC0415
        from avflow_cli.stack.executions import Executions  # noqa: PLC0415
        from avflow_cli.stack.stack import Stack  # noqa: PLC0415

        where = {name: options.get(name) for name in ("stack_name", "profile", "region", "endpoint_url")}
        found = Executions(Stack.of(Access.named(**where))).newest(NEWEST)
    except Exception as error:
        if sys.flags.dev_mode:
            print(error, file=sys.stderr)
        return []
    return sorted({each.upload for each in found if each.upload.startswith(incomplete)})
