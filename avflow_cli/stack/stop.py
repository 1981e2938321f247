"""`avflow stop`: end a run, with its functions and jobs."""

from __future__ import annotations

import os

from avflow.errors import AvflowError
from avflow_cli.stack.executions import Executions
from avflow_cli.stack.printing import line_of_json, say
from avflow_cli.stack.stack import Stack


class RunEnded(AvflowError):
    """The run has ended already."""

    advice = "`avflow list --status RUNNING` shows what runs."
    exit_code = os.EX_USAGE


def run(stack: Stack, name: str | None, *, as_json: bool) -> int:
    """Stop a run. Step Functions ends its jobs; the stack reports the run as ExecutionAborted. Returns the exit status.

    Raises
    ------
    RunNotFound, RunEnded
    """
    executions = Executions(stack)
    found = executions.find(name)
    if found.status != "RUNNING":
        raise RunEnded(f"{found.upload or found.name} is {found.status}: there is nothing to stop.")
    states = stack.access.client("stepfunctions")
    states.stop_execution(executionArn=found.arn, error="Stopped", cause="avflow stop")
    now = executions.describe(found.arn)
    if as_json:
        line_of_json(now.to_dict())
    else:
        say(f"{found.upload} ({found.name}) is {now.status}. Let it go on: avflow retry {found.name}")
    return os.EX_OK
