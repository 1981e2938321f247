"""The executions of a stack, newest first, and the one that a user means by a name."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from typing import Any

from avflow.errors import AvflowError
from avflow.filenames import printable
from avflow.workflow.layout import START_PREFIX, VideoRef
from avflow_cli.events import object_of
from avflow_cli.follow import execution_arn
from avflow_cli.stack.stack import Stack
from lambdas.start.naming import execution_name

#: executions among which one is searched by its upload
MOST_SEARCHED = 5000
_NAME = re.compile(r"[A-Za-z0-9_-]{1,80}")
#: characters of the digest at the end of a name, with the hyphen before it
_DIGEST = 17


class RunNotFound(AvflowError):
    """No execution of the stack has this name, or is of this upload."""

    advice = "`avflow list` shows the runs. A name is that of an execution, or of an upload such as my_video.mkv."


@dataclass(frozen=True)
class Execution:
    """One execution.

    Parameters
    ----------
    video:
        What it processes; None if its input has another form.
    started, ended:
        With a time zone; `ended` is None while it runs.
    redrivable:
        Whether Step Functions can let it go on where it stopped.
    """

    arn: str
    name: str
    status: str
    started: datetime
    ended: datetime | None
    video: VideoRef | None
    error: str = ""
    cause: str = ""
    redrivable: bool = False

    @classmethod
    def described(cls, found: dict[str, Any]) -> Execution:
        """From the answer of DescribeExecution."""
        try:
            video = VideoRef.from_dict(video_in(found))
        except KeyError:
            video = None
        return cls(
            found["executionArn"],
            found["name"],
            found["status"],
            found["startDate"],
            found.get("stopDate"),
            video,
            found.get("error", ""),
            found.get("cause", ""),
            found.get("redriveStatus") == "REDRIVABLE",
        )

    @property
    def seconds(self) -> float:
        """How long it ran, or has run until now."""
        return ((self.ended or datetime.now(UTC)) - self.started).total_seconds()

    @property
    def upload(self) -> str:
        """The upload's path below start/."""
        return self.video.key.removeprefix(START_PREFIX) if self.video else ""

    def to_dict(self) -> dict[str, Any]:
        """What `--json` prints."""
        return {
            "name": self.name,
            "status": self.status,
            "upload": self.upload or None,
            "started": self.started.astimezone(UTC).isoformat(timespec="milliseconds"),
            "seconds": round(self.seconds, 3),
            "error": self.error or None,
            "arn": self.arn,
        }


def video_in(described: dict[str, Any]) -> dict[str, Any]:
    """`$.video` of an execution's input, as DescribeExecution has it; empty if it has none.

    An execution that somebody started by hand may have some of its fields only.
    """
    found = object_of(described.get("input")).get("video")
    return found if isinstance(found, dict) else {}


class Executions:
    """The executions of a stack."""

    def __init__(self, stack: Stack) -> None:
        self._stack, self._states = stack, stack.access.client("stepfunctions")

    def describe(self, arn: str) -> Execution:
        """One by its ARN.

        Raises
        ------
        RunNotFound
        """
        try:
            return Execution.described(self._states.describe_execution(executionArn=arn))
        except self._states.exceptions.ExecutionDoesNotExist as error:
            raise RunNotFound(f"{printable(arn)} does not exist.") from error

    def newest(self, count: int, status: str | None = None) -> list[Execution]:
        """The newest, each described: one request for each."""
        return [self.describe(each["executionArn"]) for each in islice(self._listed(status), count)]

    def since(self, moment: datetime, status: str | None = None) -> Iterator[Execution]:
        """Those that started since then."""
        for each in self._listed(status):
            if each["startDate"] < moment:
                return
            yield self.describe(each["executionArn"])

    def find(self, name: str | None) -> Execution:
        """The execution of that name or ARN, else the newest of that upload; the newest of all without a name.

        Parameters
        ----------
        name:
            `my_video-mkv-1f0c9a6b3d2e5f70`, its ARN, `my_video.mkv`, `holidays/my_video.mkv`, also with start/ or
            s3://BUCKET/start/ before it.

        Raises
        ------
        RunNotFound
        """
        if name is None:
            if not (found := self.newest(1)):
                raise RunNotFound(f"{self._stack.name} has had no run yet.", "Start one: avflow submit VIDEO.")
            return found[0]
        if name.startswith("arn:"):
            return self.describe(name)
        if _NAME.fullmatch(name):
            try:
                return self.describe(execution_arn(self._stack.machine, name))
            except RunNotFound:
                pass  # it may be an upload without an ending
        return self._of_upload(name)

    def _of_upload(self, name: str) -> Execution:
        wanted = name.removeprefix(f"s3://{self._stack.bucket}/").removeprefix(START_PREFIX)
        readable = execution_name(wanted.rpartition("/")[2], "")[:-_DIGEST]
        for each in islice(self._listed(None), MOST_SEARCHED):
            if each["name"][:-_DIGEST] == readable:
                found = self.describe(each["executionArn"])
                if found.upload == wanted or found.upload.endswith(f"/{wanted}"):
                    return found
        raise RunNotFound(f"{self._stack.name} has no run {printable(name)}.")

    def _listed(self, status: str | None) -> Iterator[dict[str, Any]]:
        """Newest first (AWS Step Functions API Reference, "ListExecutions")."""
        of_status = {"statusFilter": status} if status else {}
        pages = self._states.get_paginator("list_executions").paginate(
            stateMachineArn=self._stack.machine, PaginationConfig={"PageSize": 100}, **of_status
        )
        for page in pages:
            yield from page["executions"]
