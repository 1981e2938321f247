"""Which execution an upload starts, and the wait until it has begun."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from avflow.errors import AvflowError
from avflow.filenames import printable
from avflow_cli import interrupt
from avflow_cli.follow import execution_arn
from lambdas.start.naming import video_of

#: seconds within which an execution must begin after an upload
START_WITHIN = 120.0
LOOK_SECONDS = 0.5


class RunNotStarted(AvflowError):
    """No execution began after the upload."""

    advice = "Look at the log of the stack's StartFunction, and at the queue in the output DeadLettersUrl."


@dataclass(frozen=True)
class Place:
    """Where uploads go and runs begin: a stack's, or that of the embedded AWS of this command.

    Parameters
    ----------
    client:
        Makes the boto3 client of a service.
    bucket, machine:
        The bucket's name, and the state machine's ARN.
    """

    client: Callable[[str], Any]
    bucket: str
    machine: str

    def newest_arn(self, key: str) -> str:
        """The ARN of the execution that StartFunction begins for the newest version of an upload."""
        version = self.client("s3").head_object(Bucket=self.bucket, Key=key).get("VersionId")
        created = {"bucket": {"name": self.bucket}, "object": {"key": key, "version-id": version}}
        return execution_arn(self.machine, video_of({"detail": created})["execution"])

    def await_start(self, key: str, look: float = LOOK_SECONDS) -> dict[str, Any]:
        """Wait until the execution of the upload's newest version has begun. Returns the answer of DescribeExecution.

        Parameters
        ----------
        look:
            Seconds between two looks.

        Raises
        ------
        RunNotStarted
        """
        states, arn = self.client("stepfunctions"), self.newest_arn(key)
        end = time.monotonic() + START_WITHIN
        while time.monotonic() < end:
            interrupt.check()
            try:
                found: dict[str, Any] = states.describe_execution(executionArn=arn)
                return found
            except states.exceptions.ExecutionDoesNotExist:
                time.sleep(look)
        raise RunNotStarted(f"{printable(key)} was uploaded, but no execution began within {START_WITHIN:.0f} s.")
