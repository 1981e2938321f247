"""`avflow logs`: what the steps of a run have printed, on Lambda and on Batch.

Functions and jobs write to the log groups that template.yaml names. The name of the execution is in each line that a
step logs; lines of libraries and tracebacks have no name. So the streams with a line of the run are read, and of those
of functions, which hold many invocations, the invocations of the run.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import ClientError

from avflow.errors import AvflowError
from avflow_cli.stack.executions import Execution, Executions
from avflow_cli.stack.printing import line_of_json, say
from avflow_cli.stack.stack import Stack

#: seconds before its start and after its end in which a run's lines are looked for: clocks differ, reports come late
_MARGIN = 120.0
#: fields of a line that say which run it is of, which every line of the run has
_KNOWN = frozenset(
    {"level", "location", "message", "timestamp", "service", "execution", "video", "job", "attempt", "ran_on", "part"}
)


class NothingLogged(AvflowError):
    """The steps have printed nothing, or their logs are gone."""

    advice = "Logs are kept for LogRetentionDays. A step that never started prints nothing: `avflow watch` shows why."


def groups_of(stack: Stack) -> dict[str, str]:
    """The log groups by what writes into them: a step on Lambda by its name, and all jobs by `batch`."""
    functions = {
        step: f"/aws/lambda/{stack.name}-{step}" for step in ("start", "ffmpeg", "audio2srt", "merge", "failed")
    }
    # the function that detects in short videos shares the group of its self-test
    return {**functions, "yolov3": f"/aws/lambda/{stack.name}-yolov3-selftest", "batch": f"/aws/batch/{stack.name}"}


def progress_since(logs: Any, group: str, execution: str, since: float) -> Iterator[dict[str, Any]]:
    """The lines about progress that an execution's steps have logged since then, in seconds since 1970."""
    pages = logs.get_paginator("filter_log_events").paginate(
        logGroupName=group,
        filterPattern=f'{{ $.execution = "{execution}" && $.message = "progress" }}',
        startTime=int(since * 1000),
    )
    for page in pages:
        yield from page["events"]


def run(stack: Stack, name: str | None, step: str | None, *, as_json: bool) -> int:
    """Print what a run's steps have printed, in the order of time. Returns the exit status.

    Parameters
    ----------
    step:
        One of `STEPS` in `commands.py`; None for all.

    Raises
    ------
    RunNotFound, NothingLogged
    """
    found = Executions(stack).find(name)
    events = sorted(_events(stack, found, step), key=lambda event: (event["timestamp"], event.get("order", 0)))
    if not events:
        of_step = f" of {step}" if step else ""
        raise NothingLogged(f"There is no log{of_step} for {found.upload} ({found.name}).")
    for event in events:
        if as_json:
            line_of_json({name: event[name] for name in ("timestamp", "group", "stream", "message")})
        elif text := shown(event["message"], event["who"]):
            time = datetime.fromtimestamp(event["timestamp"] / 1000, UTC).astimezone()
            say(f"{time:%H:%M:%S} {text}")
    return os.EX_OK


def shown(message: str, who: str) -> str:
    """A line for people; empty for lines about progress and metrics, and for Lambda's own about an invocation.

    >>> shown('{"service": "merge", "message": "started", "level": "INFO", "part": 1}', "merge")
    'merge 2: started'
    """
    try:
        line = json.loads(message)
        service, text = line.get("service", who), line["message"]
    except (ValueError, KeyError, AttributeError):
        is_noise = message.startswith(("START RequestId", "END RequestId", "REPORT RequestId", '{"_aws"'))
        return "" if is_noise else f"{who}: {message}"
    if text == "progress":
        return ""
    part = f" {line['part'] + 1}" if isinstance(line.get("part"), int) else ""
    level = "" if line.get("level") in (None, "INFO") else f"{line['level']} "
    more = "".join(f" {name}={_short(value)}" for name, value in line.items() if name not in _KNOWN)
    return f"{service}{part}: {level}{text}{more}"


def _short(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))


def _events(stack: Stack, found: Execution, step: str | None) -> Iterator[dict[str, Any]]:
    """The events of the groups that the step writes to, each with its group, its stream and who printed it."""
    logs = stack.access.client("logs")
    for who, group in groups_of(stack).items():
        if step is not None and who not in (step, "batch"):
            continue
        is_job = who == "batch"
        of_step = f' && $.service = "{step}"' if is_job and step else ""
        pattern = f'{{ $.execution = "{found.name}"{of_step} }}'
        try:
            hits = _hits(logs, group, pattern, found)
            for stream, services in hits.items():
                lines = list(_lines(logs, group, stream, found))
                for order, line in enumerate(lines if is_job else _invocations(lines, found.name)):
                    yield {**line, "group": group, "stream": stream, "who": services if is_job else who, "order": order}
        except ClientError as error:
            if error.response["Error"]["Code"] != "ResourceNotFoundException":
                raise


def _window(found: Execution) -> dict[str, int]:
    """From when to when, in milliseconds since 1970."""
    end = found.ended.timestamp() + _MARGIN if found.ended else datetime.now(UTC).timestamp() + _MARGIN
    return {"startTime": int((found.started.timestamp() - _MARGIN) * 1000), "endTime": int(end * 1000)}


def _hits(logs: Any, group: str, pattern: str, found: Execution) -> dict[str, str]:
    """The streams with lines of the run, and which step wrote them."""
    pages = logs.get_paginator("filter_log_events").paginate(
        logGroupName=group, filterPattern=pattern, **_window(found)
    )
    streams: dict[str, str] = {}
    for page in pages:
        for event in page["events"]:
            streams.setdefault(event["logStreamName"], json.loads(event["message"]).get("service", ""))
    return streams


def _lines(logs: Any, group: str, stream: str, found: Execution) -> Iterator[dict[str, Any]]:
    """All lines of a stream in the time of the run. The last page names itself as the next one."""
    more: dict[str, Any] = {}
    while True:
        page = logs.get_log_events(
            logGroupName=group, logStreamName=stream, startFromHead=True, **_window(found), **more
        )
        for event in page["events"]:
            yield {"timestamp": event["timestamp"], "message": event["message"].rstrip("\n")}
        if page["nextForwardToken"] == more.get("nextToken"):
            return
        more = {"nextToken": page["nextForwardToken"]}


def _invocations(lines: Sequence[dict[str, Any]], execution: str) -> Iterator[dict[str, Any]]:
    """Of a function's lines those of invocations that name the execution. Each begins with START."""
    mine: list[dict[str, Any]] = []
    for line in [*lines, {"message": "START RequestId"}]:
        if line["message"].startswith("START RequestId"):
            if any(execution in each["message"] for each in mine):
                yield from mine
            mine = []
        mine.append(line)
