"""`avflow retry`: let a run go on where it stopped, or process its upload again."""

from __future__ import annotations

import os

from botocore.exceptions import ClientError

from avflow.errors import AvflowError, SourceMissing
from avflow.filenames import printable
from avflow_cli.stack.executions import Execution, Executions
from avflow_cli.stack.objects import Uploaded
from avflow_cli.stack.printing import line_of_json, say
from avflow_cli.stack.stack import Stack


class NothingToRetry(AvflowError):
    """The run still goes on, or it succeeded."""

    advice = "`avflow list --status FAILED` shows the runs that failed."
    exit_code = os.EX_USAGE


def run(stack: Stack, name: str | None, *, as_json: bool) -> int:
    """Let a run go on, or start another of the same upload. Returns the exit status.

    An execution that was stopped or timed out goes on in the state in which it was (RedriveExecution). One that FAILED
    would fail in its state `Failed` again, so its upload becomes a new version, which starts another execution.

    Raises
    ------
    RunNotFound, NothingToRetry, SourceMissing, RunNotStarted
    """
    executions = Executions(stack)
    found = executions.find(name)
    shown = found.upload or found.name
    if found.status == "RUNNING":
        raise NothingToRetry(f"{shown} still runs.", f"Watch it: avflow watch {found.name}")
    if found.status == "SUCCEEDED":
        raise NothingToRetry(f"{shown} succeeded.", f"Get its results: avflow results {found.name} --download")
    if found.status in ("ABORTED", "TIMED_OUT") and found.redrivable:
        stack.access.client("stepfunctions").redrive_execution(executionArn=found.arn)
        again, how = executions.describe(found.arn), "goes on where it stopped"
    else:
        again, how = _anew(stack, found), "begins anew"
    if as_json:
        line_of_json({**again.to_dict(), "redriven": again.arn == found.arn})
    else:
        say(f"{shown} {how}. Watch it: avflow watch {again.name}")
    return os.EX_OK


def _anew(stack: Stack, found: Execution) -> Execution:
    """Copy the run's version of the upload onto itself. Returns the execution that this starts."""
    if found.video is None:
        raise SourceMissing(f"{found.name} says no upload.", "Submit the video again.")
    video = found.video
    try:
        upload = Uploaded.found(stack.access.client("s3"), video.bucket, video.key, video.version_id)
    except ClientError as error:
        if error.response["Error"]["Code"] not in ("404", "NoSuchKey", "NoSuchVersion"):
            raise
        raise SourceMissing(
            f"{printable(video.key)} is not in the bucket any more.", "Submit the video again."
        ) from error
    upload.copy_onto_itself()
    return Execution.described(stack.place.await_start(video.key))
