"""Which execution an upload starts, and the wait until it has begun."""

from __future__ import annotations

import time

from avflow.errors import AvflowError
from avflow.filenames import printable
from avflow_cli import interrupt
from avflow_cli.follow import execution_arn
from avflow_cli.stack.stack import Stack
from lambdas.start.naming import video_of

#: seconds within which an execution must begin after an upload
START_WITHIN = 120.0
LOOK_SECONDS = 0.5


class RunNotStarted(AvflowError):
    """No execution began after the upload."""

    advice = "Look at the log of the stack's StartFunction, and at the queue in the output DeadLettersUrl."


def newest_arn(stack: Stack, key: str) -> str:
    """The ARN of the execution that StartFunction begins for the newest version of an upload."""
    version = stack.access.client("s3").head_object(Bucket=stack.bucket, Key=key)["VersionId"]
    created = {"bucket": {"name": stack.bucket}, "object": {"key": key, "version-id": version}}
    return execution_arn(stack.machine, video_of({"detail": created})["execution"])


def await_start(stack: Stack, key: str) -> str:
    """Wait until the execution of the upload's newest version has begun. Returns its ARN.

    Raises
    ------
    RunNotStarted
    """
    states, arn = stack.access.client("stepfunctions"), newest_arn(stack, key)
    end = time.monotonic() + START_WITHIN
    while time.monotonic() < end:
        interrupt.check()
        try:
            states.describe_execution(executionArn=arn)
            return arn
        except states.exceptions.ExecutionDoesNotExist:
            time.sleep(LOOK_SECONDS)
    raise RunNotStarted(f"{printable(key)} was uploaded, but no execution began within {START_WITHIN:.0f} s.")
