"""`avflow run`: one video through the deployed workflow, as an upload to `start/` would go."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

from boto3.s3.transfer import TransferConfig

from avflow import errors
from avflow.filenames import as_stored
from avflow.workflow.layout import START_PREFIX, VideoRef
from avflow_cli import interrupt, terminal
from avflow_cli.follow import follow
from avflow_cli.output import Output
from avflow_cli.stack import Stack, StackOptions, deployed
from avflow_cli.view import RunView, summary

#: seconds within which an upload must have become an execution
START_WITHIN = 60


class ExecutionNotStarted(errors.AvflowError):
    """The upload did not become an execution."""


def run(video: Path, out: Path, options: StackOptions) -> int:
    """Process one video; returns the exit status.

    Raises
    ------
    OutputUnusable
        The results can't be written, or would replace something else.
    ModelUnavailable
        A model isn't here and can't be fetched.
    """
    video = as_stored(video)
    output = Output(out, video)
    console = terminal.console()
    view = RunView(console)
    with deployed(options, view.heard) as stack, view:  # in this order: fetching a model draws a bar of its own
        reference = _upload(stack, video)
        states = stack.aws.client("stepfunctions")
        arn = f"{stack.state_machine.replace(':stateMachine:', ':execution:')}:{reference.execution}"
        for event in follow(states, arn):
            view.show(event)
        execution = states.describe_execution(executionArn=arn)
        files = output.fetch(stack.aws.client("s3"), reference)
    if execution["status"] != "SUCCEEDED":
        return _failed(execution, files)
    manifest = json.loads((out / f"{reference.stem}.json").read_text(encoding="utf-8"))
    console.print(summary(manifest, files, spaced=console.is_terminal), soft_wrap=True)
    return 0


def _upload(stack: Stack, video: Path) -> VideoRef:
    """Upload the video, and wait until the start function has made an execution of it."""
    key = START_PREFIX + video.name
    stack.aws.client("s3").upload_file(str(video), stack.bucket, key, Config=TransferConfig(max_concurrency=4))
    states = stack.aws.client("stepfunctions")
    end = time.monotonic() + START_WITHIN
    while time.monotonic() < end:
        interrupt.check()
        executions = states.list_executions(stateMachineArn=stack.state_machine)["executions"]
        if executions:
            return VideoRef(stack.bucket, key, executions[0]["name"])
        time.sleep(0.05)
    raise ExecutionNotStarted(
        f"{key} was uploaded and no execution began within {START_WITHIN} s.", "Run it again with `avflow up` and look."
    )


def _failed(execution: dict[str, Any], files: list[Path]) -> int:
    """One line on the terminal, and the exit status of the error's class."""
    name = execution.get("error") or execution["status"]
    where = "".join(f" ({file})" for file in files if file.name.endswith(".error.json"))
    print(f"avflow: {name}: {execution.get('cause', '')}{where}", file=sys.stderr)
    known = getattr(errors, name, errors.AvflowError)
    is_ours = isinstance(known, type) and issubclass(known, errors.AvflowError)
    return known.exit_code if is_ours else errors.AvflowError.exit_code
