"""What the function or the job behind a try of a Task has printed, from CloudWatch Logs."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

from botocore.exceptions import ClientError

from avflow_cli.access import DENIED
from avflow_cli.console.history import Attempt
from avflow_cli.events import object_of

#: lines of a log that are shown: the last ones
LINES = 1000
#: by how much the clocks of Step Functions and of a function may differ
_SKEW = timedelta(seconds=2)
#: jobs for which one DescribeJobs may ask (AWS Batch API Reference, "DescribeJobs")
_JOBS = 100
#: the status of a child so far from the one that is looked at that no request asks for it: there may be 1000
NOT_ASKED = "NOT ASKED FOR"
Clients = Callable[[str], Any]


@dataclass(frozen=True)
class Log:
    """A part of a log stream.

    Parameters
    ----------
    title:
        Whose it is.
    lines:
        Milliseconds since 1970, and the text.
    parts:
        Of an array job: the status of each child, of a large one only around the one whose log this is, which `title`
        names.
    why:
        Why there are no lines.
    """

    title: str
    group: str = ""
    stream: str = ""
    lines: list[tuple[int, str]] = field(default_factory=list)
    parts: list[str] = field(default_factory=list)
    why: str = ""


def log_of(clients: Clients, attempt: Attempt, execution: str, child: int = 0) -> Log:
    """The log behind a try of a Task.

    Parameters
    ----------
    execution:
        The execution's name. The lines of a step have it, so that an invocation's log stream is found by it.
    child:
        The child of an array job.
    """
    if attempt.service == "lambda":
        return _of_function(clients, attempt, execution)
    if attempt.service == "batch" and attempt.job:
        return _of_job(clients, attempt.job, child)
    if attempt.service == "batch":
        return Log("AWS Batch job", why="The job was not submitted yet.")
    return Log(attempt.service, why=f"{attempt.service} has no log.")


def _of_function(clients: Clients, attempt: Attempt, execution: str) -> Log:
    asked = json.loads(attempt.parameters or "{}")
    function, payload = str(asked.get("FunctionName", "")), asked.get("Payload")
    name = function.rpartition(":function:")[2].partition(":")[0]
    title, logs = f"Lambda function {name}", clients("logs")
    group = _group_of(clients, function, name)
    began, ended = attempt.began - _SKEW, (attempt.ended or datetime.now(UTC)) + _SKEW
    within = {"startTime": _milliseconds(began), "endTime": _milliseconds(ended)}
    request = _request_id(attempt.cause)
    pages = logs.get_paginator("filter_log_events").paginate(
        logGroupName=group, filterPattern=f'"{request or execution}"', **within
    )
    try:
        lines = list(islice((line for page in pages for line in page["events"]), LINES))
    except logs.exceptions.ResourceNotFoundException:
        return Log(title, group, why="It has printed nothing yet.")
    part = payload.get("part") if isinstance(payload, dict) else None
    streams = dict.fromkeys(
        line["logStreamName"] for line in lines if request or part is None or _part(line["message"]) in (None, part)
    )
    if part is not None and not request:
        own = dict.fromkeys(line["logStreamName"] for line in lines if _part(line["message"]) == part)
        streams = own or streams
    if not streams:
        return Log(title, group, why="It has printed nothing yet.")
    stream = next(iter(streams))
    return Log(title, group, stream, _lines(logs, group, stream, **within))


def _request_id(cause: str | None) -> str | None:
    """The id of the invocation, where the cause of its error has it."""
    found = object_of(cause).get("requestId")
    return str(found) if found else None


def _part(message: str) -> int | None:
    """The span or segment that a line of a step's log is about."""
    part = object_of(message).get("part")
    return part if isinstance(part, int) else None


def _of_job(clients: Clients, job_id: str, child: int) -> Log:
    batch = clients("batch")
    known: list[dict[str, Any]] = batch.describe_jobs(jobs=[job_id])["jobs"]
    job = known[0] if known else {}
    size, parts = job.get("arrayProperties", {}).get("size"), list[str]()
    title = f"AWS Batch job {job_id}"
    if size:
        child = min(max(child, 0), size - 1)
        first = min(max(child - _JOBS // 2, 0), max(size - _JOBS, 0))
        near = {f"{job_id}:{number}": number for number in range(first, min(first + _JOBS, size))}
        children = {each["jobId"]: each for each in batch.describe_jobs(jobs=[*near])["jobs"]}
        parts = [NOT_ASKED] * size
        for each, number in near.items():
            parts[number] = children.get(each, {}).get("status", "SUBMITTED")
        own = f"{job_id}:{child}"
        job, title = children.get(own, {}), f"AWS Batch job {own}"
    container: dict[str, Any] = job.get("container", {})
    options = container.get("logConfiguration", {}).get("options", {})
    group = options.get("awslogs-group", "/aws/batch/job")
    stream = container.get("logStreamName")
    if not stream:
        return Log(title, group, parts=parts, why=f"The job is {job.get('status', 'not known any more')}.")
    return Log(title, group, stream, _lines(clients("logs"), group, stream), parts)


def _group_of(clients: Clients, function: str, name: str) -> str:
    """The log group of a function: who may not ask for it gets the usual one."""
    usual = f"/aws/lambda/{name}"
    try:
        found = clients("lambda").get_function_configuration(FunctionName=function)
    except ClientError as error:
        if error.response["Error"]["Code"] not in DENIED:
            raise
        return usual
    return str(found.get("LoggingConfig", {}).get("LogGroup") or usual)


def _lines(logs: Any, group: str, stream: str, **within: int) -> list[tuple[int, str]]:
    """The last lines of a stream. A page may be empty although there are older ones.

    Amazon CloudWatch Logs API Reference, "GetLogEvents": the end is where a token comes back as it was sent.
    """
    lines: list[dict[str, Any]] = []
    more: dict[str, str] = {}
    while len(lines) < LINES:
        try:
            page = logs.get_log_events(
                logGroupName=group, logStreamName=stream, limit=LINES, startFromHead=False, **within, **more
            )
        except ClientError as error:
            if error.response["Error"]["Code"] == "ResourceNotFoundException":  # it has printed nothing yet
                break
            raise
        lines = page["events"] + lines
        if page["nextBackwardToken"] == more.get("nextToken"):
            break
        more = {"nextToken": page["nextBackwardToken"]}
    return [(line["timestamp"], line["message"].rstrip("\n")) for line in lines[-LINES:]]


def _milliseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)
