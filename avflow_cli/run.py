"""`avflow run`: one video through the deployed workflow, as an upload to `start/` would go."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

from boto3.s3.transfer import TransferConfig
from rich.console import Console

from avflow import errors
from avflow.layout import START_PREFIX, VideoRef
from avflow_cli.follow import follow
from avflow_cli.stack import Stack, StackOptions, deployed
from avflow_cli.view import RunView, summary

#: seconds within which an upload must have become an execution
START_WITHIN = 60
SUFFIXES = (".avi", ".srt", ".detections.jsonl", ".json", ".error.json")


class ExecutionNotStarted(errors.AvflowError):
    """The upload did not become an execution."""


def run(video: Path, out: Path, options: StackOptions) -> int:
    """Process one video; returns the exit status.

    Raises
    ------
    SourceMissing
        There is no such file.
    ModelUnavailable
        A model isn't here and can't be fetched.
    """
    if not video.is_file():
        raise errors.SourceMissing(f"{video} is not a file.", "Give the path of a video: make run VIDEO=path.")
    console = Console(highlight=False)
    with RunView(console) as view, deployed(options, view.heard) as stack:
        reference = _upload(stack, video)
        states = stack.aws.client("stepfunctions")
        arn = f"{stack.state_machine.replace(':stateMachine:', ':execution:')}:{reference.execution}"
        for event in follow(states, arn):
            if event.seconds is None:
                view.started(event.state, event.where)
            else:
                view.ended(event.state, event.where, event.seconds, event.error)
        execution = states.describe_execution(executionArn=arn)
        files = _download(stack, reference, out)
    if execution["status"] != "SUCCEEDED":
        return _failed(execution, files)
    manifest = json.loads((out / f"{reference.stem}.json").read_text(encoding="utf-8"))
    console.print(summary(manifest, files), soft_wrap=True)
    return 0


def _upload(stack: Stack, video: Path) -> VideoRef:
    """Upload the video, and wait until the start function has made an execution of it."""
    key = START_PREFIX + video.name
    stack.aws.client("s3").upload_file(str(video), stack.bucket, key, Config=TransferConfig(max_concurrency=4))
    states = stack.aws.client("stepfunctions")
    end = time.monotonic() + START_WITHIN
    while time.monotonic() < end:
        executions = states.list_executions(stateMachineArn=stack.state_machine)["executions"]
        if executions:
            return VideoRef(stack.bucket, key, executions[0]["name"])
        time.sleep(0.05)
    raise ExecutionNotStarted(
        f"{key} was uploaded and no execution began within {START_WITHIN} s.", "Run it again with `avflow up` and look."
    )


def _download(stack: Stack, video: VideoRef, out: Path) -> list[Path]:
    """Whatever the run left in `result/`; files of an earlier run that this one doesn't have are removed."""
    out.mkdir(parents=True, exist_ok=True)
    s3 = stack.aws.client("s3")
    listing = s3.list_objects_v2(Bucket=stack.bucket, Prefix="result/")
    keys = {found["Key"] for found in listing.get("Contents", [])}
    files = []
    for suffix in SUFFIXES:
        target = out / (video.stem + suffix)
        if video.result(suffix) in keys:
            s3.download_file(stack.bucket, video.result(suffix), str(target))
            files.append(target)
        else:
            target.unlink(missing_ok=True)
    return files


def _failed(execution: dict[str, Any], files: list[Path]) -> int:
    """One line on the terminal, and the exit status of the error's class."""
    name = execution.get("error") or execution["status"]
    where = f" ({files[-1]})" if files and files[-1].name.endswith(".error.json") else ""
    print(f"avflow: {name}: {execution.get('cause', '')}{where}", file=sys.stderr)
    known = getattr(errors, name, errors.AvflowError)
    is_ours = isinstance(known, type) and issubclass(known, errors.AvflowError)
    return known.exit_code if is_ours else errors.AvflowError.exit_code
