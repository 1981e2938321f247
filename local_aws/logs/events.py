"""GetLogEvents and FilterLogEvents, and how requests name groups and streams."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Mapping
from typing import Any

from local_aws.logs.filters import matcher
from local_aws.logs.requests import integer, text_of
from local_aws.logs.store import LogStore
from local_aws.wire import ServiceError

Request = Mapping[str, Any]
MAX_EVENTS = 10_000
#: events that FilterLogEvents looks at before it answers with what it has found, as AWS does
_EXAMINED = 50_000
_MAX_TIME = 2**62
_FORWARD = """SELECT * FROM events WHERE stream_id = ? AND time >= ? AND time < ? AND (time, id) > (?, ?)
    ORDER BY time, id LIMIT ?"""
_BACKWARD = """SELECT * FROM events WHERE stream_id = ? AND time >= ? AND time < ? AND (time, id) < (?, ?)
    ORDER BY time DESC, id DESC LIMIT ?"""
_TOKEN = re.compile(r"([fb])/(-?\d{1,19})/(-?\d{1,19})")


def group_of(store: LogStore, request: Request) -> sqlite3.Row:
    """The log group that a request names, by its name or its ARN.

    Raises
    ------
    ServiceError
        `ResourceNotFoundException`.
    """
    name = text_of(request, "logGroupName") or text_of(request, "logGroupIdentifier")
    name = name.partition(":log-group:")[2].removesuffix(":*") or name
    rows = store.rows("SELECT * FROM groups WHERE name = ?", (name,))
    if not rows:
        raise ServiceError("ResourceNotFoundException", "The specified log group does not exist.")
    return rows[0]


def stream_of(store: LogStore, request: Request) -> sqlite3.Row:
    """The log stream that a request names.

    Raises
    ------
    ServiceError
        `ResourceNotFoundException`.
    """
    group, name = group_of(store, request), text_of(request, "logStreamName")
    rows = store.rows("SELECT * FROM streams WHERE group_id = ? AND name = ?", (group["id"], name))
    if not rows:
        raise ServiceError("ResourceNotFoundException", "The specified log stream does not exist.")
    return rows[0]


def get_events(store: LogStore, request: Request) -> dict[str, Any]:
    """GetLogEvents: a page of one stream, the newest one unless the request says otherwise."""
    stream = stream_of(store, request)
    limit = integer(request, "limit", 1, MAX_EVENTS, MAX_EVENTS)
    since, until = _times(request)
    forward, after = bool(request.get("startFromHead")), (-1, -1)
    if token := text_of(request, "nextToken"):
        found = _TOKEN.fullmatch(token)
        if found is None:
            raise ServiceError("InvalidParameterException", "The specified nextToken is invalid.")
        forward, after = found[1] == "f", (int(found[2]), int(found[3]))
    elif not forward:
        after = (_MAX_TIME, _MAX_TIME)
    rows = store.rows(_FORWARD if forward else _BACKWARD, (stream["id"], since, until, *after, limit))
    if not forward:
        rows.reverse()
    first = (rows[0]["time"], rows[0]["id"]) if rows else after
    last = (rows[-1]["time"], rows[-1]["id"]) if rows else after
    events = [{"timestamp": row["time"], "message": row["message"], "ingestionTime": row["ingested"]} for row in rows]
    return {
        "events": events,
        "nextForwardToken": f"f/{last[0]}/{last[1]}",
        "nextBackwardToken": f"b/{first[0]}/{first[1]}",
    }


def filter_events(store: LogStore, request: Request) -> dict[str, Any]:
    """FilterLogEvents: the events of a group that match, by time."""
    group, matches = group_of(store, request), matcher(text_of(request, "filterPattern"))
    limit = integer(request, "limit", 1, MAX_EVENTS, MAX_EVENTS)
    names, prefix = request.get("logStreamNames"), text_of(request, "logStreamNamePrefix")
    if names is not None and not isinstance(names, list):
        raise ServiceError("InvalidParameterException", "logStreamNames must be a list.")
    if names and prefix:
        message = "logStreamNamePrefix and logStreamNames must not be specified together."
        raise ServiceError("InvalidParameterException", message)
    since, until = _times(request)
    after = (-1, -1)
    if token := text_of(request, "nextToken"):
        found = _TOKEN.fullmatch(token)
        if found is None:
            raise ServiceError("InvalidParameterException", "The specified nextToken is invalid.")
        after = (int(found[2]), int(found[3]))
    sql = """SELECT events.*, streams.name AS stream FROM events JOIN streams ON streams.id = stream_id
        WHERE events.group_id = ? AND time >= ? AND time < ? AND (time, events.id) > (?, ?)
        ORDER BY time, events.id LIMIT ?"""
    rows = store.rows(sql, (group["id"], since, until, *after, _EXAMINED))
    found_events: list[dict[str, Any]] = []
    last = None
    for row in rows:
        last = row
        of_stream = row["stream"] in names if names else row["stream"].startswith(prefix)
        if of_stream and matches(row["message"]):
            found_events.append(_filtered(row))
            if len(found_events) == limit:
                break
    ended = last is None or (last is rows[-1] and len(rows) < _EXAMINED)
    more = {} if ended or last is None else {"nextToken": f"f/{last['time']}/{last['id']}"}
    return {"events": found_events, "searchedLogStreams": [], **more}


def _times(request: Request) -> tuple[int, int]:
    return integer(request, "startTime", 0, _MAX_TIME, 0), integer(request, "endTime", 0, _MAX_TIME, _MAX_TIME)


def _filtered(row: sqlite3.Row) -> dict[str, Any]:
    return {
        "logStreamName": row["stream"],
        "timestamp": row["time"],
        "message": row["message"],
        "ingestionTime": row["ingested"],
        "eventId": f"{row['id']:056d}",
    }
