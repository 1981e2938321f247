"""What the console asks AWS, and what it lets AWS do: every request is one of AWS's public API."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

from boto3.s3.transfer import TransferConfig
from botocore.exceptions import ClientError

from avflow_cli.events import STATUSES
from avflow_cli.stack.executions import video_in
from avflow_cli.stack.objects import Uploaded, with_video
from lambdas.start.result_names import KEY_BYTES, RESULT_PREFIX, START_PREFIX, SUFFIXES

#: executions on a page, and executions that are looked at for a name until a page has so many
ROWS, LOOKED_AT = 25, 2000
#: seconds for which an address of a result is good
LINK_SECONDS = 3600
#: parts of 8 MiB, one after the other: an upload needs no more memory, however large it is
_TRANSFER = TransferConfig(use_threads=False)


class NotPossible(Exception):
    """What the user wants can't be done; the message says why."""


class Readable(Protocol):
    """What is uploaded."""

    def read(self, size: int = -1, /) -> bytes:
        """The next bytes."""


@dataclass(frozen=True)
class Row:
    """An execution in the list; times are in seconds since 1970."""

    arn: str
    name: str
    status: str
    started: float
    ended: float | None


@dataclass(frozen=True)
class Rows:
    """A page of the list; `more` is what the next page is asked for with, None on the last."""

    rows: list[Row] = field(default_factory=list)
    more: str | None = None


@dataclass(frozen=True)
class Result:
    """An object that an execution has made; `link` is good for an hour."""

    name: str
    size: int
    link: str


class Aws:
    """An account with the stack.

    Parameters
    ----------
    client:
        Returns the boto3 client of a service.
    machine, bucket:
        The state machine's ARN, and the bucket's name.
    """

    def __init__(self, client: Callable[[str], Any], machine: str, bucket: str) -> None:
        self.client, self.machine, self.bucket = client, machine, bucket

    @property
    def region(self) -> str:
        """The Region of the state machine."""
        return self.machine.split(":")[3]

    @property
    def states(self) -> Any:
        """The client of Step Functions."""
        return self.client("stepfunctions")

    # ------------------------------------------------------------ questions
    def machines(self) -> list[dict[str, str]]:
        """The state machines, that of the stack first; only it if these credentials can't list them."""
        own = {"arn": self.machine, "name": self.machine.rpartition(":")[2]}
        try:
            pages = self.states.get_paginator("list_state_machines").paginate(PaginationConfig={"MaxItems": 1000})
            found = [each for page in pages for each in page["stateMachines"] if each.get("type") != "EXPRESS"]
        except ClientError:
            return [own]
        others = [{"arn": each["stateMachineArn"], "name": each["name"]} for each in found]
        return [own, *(each for each in others if each != own)]

    def executions(self, machine: str, status: str | None, name: str, more: str | None) -> Rows:
        """A page of executions, the newest first.

        ListExecutions knows no names. So with a name whole pages are looked at until one is full.
        """
        found, looked_at = list[Row](), 0
        while True:
            asked: dict[str, Any] = {"stateMachineArn": machine, "maxResults": 200 if name else ROWS}
            if status in STATUSES:
                asked["statusFilter"] = status
            if more:
                asked["nextToken"] = more
            answer = self.states.list_executions(**asked)
            more, looked_at = answer.get("nextToken"), looked_at + len(answer["executions"])
            found += [_row(each) for each in answer["executions"] if name.casefold() in each["name"].casefold()]
            if not more or len(found) >= ROWS or looked_at >= LOOKED_AT or not name:
                return Rows(found, more)

    def results(self, described: dict[str, Any]) -> list[Result]:
        """What an execution has made so far, below `result/`."""
        video = video_in(described)
        base, bucket = video.get("base"), video.get("bucket")
        if not isinstance(base, str) or not base.startswith(RESULT_PREFIX) or bucket != self.bucket:
            return []
        found = self.client("s3").list_objects_v2(Bucket=bucket, Prefix=f"{base}.").get("Contents", [])
        sizes = {each["Key"].removeprefix(base): each["Size"] for each in found}
        links = {suffix: self._link(base + suffix) for suffix in SUFFIXES if suffix in sizes}
        if {".html", ".mp4"} <= links.keys():  # the page finds its video by the address behind its own
            links[".html"] = with_video(links[".html"], links[".mp4"])
        name = base.rpartition("/")[2]
        return [Result(name + suffix, sizes[suffix], link) for suffix, link in links.items()]

    def _link(self, key: str) -> str:
        asked = {"Bucket": self.bucket, "Key": key}
        link: str = self.client("s3").generate_presigned_url("get_object", Params=asked, ExpiresIn=LINK_SECONDS)
        return link

    # ------------------------------------------------------------ what changes something
    def upload(self, name: str, body: Readable) -> str:
        """Store a video below `start/`, which starts an execution. Returns its key.

        Raises
        ------
        NotPossible
            The name can't be that of an object.
        """
        key = START_PREFIX + name
        if (
            any(part in ("", ".", "..") for part in name.split("/"))
            or len(key.encode(errors="surrogatepass")) > KEY_BYTES
        ):
            raise NotPossible(f"{name!r} can't be the name of an upload.")
        self.client("s3").upload_fileobj(body, self.bucket, key, Config=_TRANSFER)
        return key

    def stop(self, arn: str) -> None:
        """Stop an execution; its Batch jobs are terminated."""
        self.states.stop_execution(executionArn=arn, error="Stopped", cause="Stopped on the console page.")

    def start_again(self, arn: str) -> str:
        """Let an execution go on from where it failed, or else process its upload anew. Returns which: a sentence.

        Raises
        ------
        NotPossible
            The upload is not there any more.
        """
        described = self.states.describe_execution(executionArn=arn)
        if described.get("redriveStatus") == "REDRIVABLE":
            self.states.redrive_execution(executionArn=arn)
            return "It goes on from the state that failed."
        video = video_in(described)
        if not str(video.get("key", "")).startswith(START_PREFIX) or video.get("bucket") != self.bucket:
            raise NotPossible("The input of this execution names no upload of this stack.")
        try:
            told = Uploaded.found(self.client("s3"), self.bucket, video["key"], video.get("version_id"))
        except ClientError as error:
            raise NotPossible(f"{video['key']} is not there any more.") from error
        told.copy_onto_itself()
        return "Its upload is processed anew, in a new execution."


def _row(execution: dict[str, Any]) -> Row:
    ended = execution.get("stopDate")
    return Row(
        execution["executionArn"],
        execution["name"],
        execution["status"],
        execution["startDate"].timestamp(),
        ended.timestamp() if ended else None,
    )
