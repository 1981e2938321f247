"""The HTTP interface of CloudWatch Logs: what templates, EventBridge, programs and the AWS CLI use here.

Amazon CloudWatch Logs API Reference. The operations are named by X-Amz-Target, `Logs_20140328.<operation>`.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Mapping
from typing import Any

from local_aws.coverage import AS_AWS, KEPT, Operation, differs
from local_aws.logs import events
from local_aws.logs.requests import integer, page_of, required, text_of
from local_aws.logs.store import Entry, LogStore, now
from local_aws.names import arn
from local_aws.wire import Environ, Reply, ServiceError, read_json

Request = Mapping[str, Any]
TARGET = "Logs_20140328."


class LogsApi:
    """Answers requests that are signed for `logs`."""

    def __init__(self, store: LogStore) -> None:
        self._store = store

    def __call__(self, environ: Environ) -> Reply:
        """Answer one request."""
        name = str(environ.get("HTTP_X_AMZ_TARGET", "")).removeprefix(TARGET)
        operation = OPERATIONS.get(name)
        try:
            if operation is None:
                message = f"{name or 'no operation'}: the embedded CloudWatch Logs does not have this operation"
                raise ServiceError("UnknownOperationException", message)
            return Reply.of_json(operation.handler(self._store, read_json(environ)))
        except ServiceError as error:
            return Reply.of_error(error)


# ------------------------------------------------------------ groups
def _create_group(store: LogStore, request: Request) -> dict[str, Any]:
    name = required(request, "logGroupName")
    with store.transaction() as db:
        try:
            db.execute("INSERT INTO groups (name, created) VALUES (?, ?)", (name, now()))
        except sqlite3.IntegrityError as error:
            message = "The specified log group already exists"
            raise ServiceError("ResourceAlreadyExistsException", message) from error
    return {}


def _delete_group(store: LogStore, request: Request) -> dict[str, Any]:
    group = events.group_of(store, request)
    with store.transaction() as db:
        db.execute("DELETE FROM events WHERE group_id = ?", (group["id"],))
        db.execute("DELETE FROM streams WHERE group_id = ?", (group["id"],))
        db.execute("DELETE FROM groups WHERE id = ?", (group["id"],))
    return {}


def _describe_groups(store: LogStore, request: Request) -> dict[str, Any]:
    prefix, pattern = text_of(request, "logGroupNamePrefix"), text_of(request, "logGroupNamePattern")
    if prefix and pattern:
        message = "LogGroup name prefix and LogGroup name pattern are mutually exclusive parameters."
        raise ServiceError("InvalidParameterException", message)
    rows = store.rows("SELECT * FROM groups ORDER BY name")
    found = [row for row in rows if row["name"].startswith(prefix) and pattern.lower() in row["name"].lower()]
    page, more = page_of(found, request, 50)
    described = [
        {
            "logGroupName": row["name"],
            "creationTime": row["created"],
            "metricFilterCount": 0,
            "arn": arn("logs", f"log-group:{row['name']}:*"),
            "logGroupArn": arn("logs", f"log-group:{row['name']}"),
            "logGroupClass": "STANDARD",
            "storedBytes": 0,
            **({"retentionInDays": row["retention"]} if row["retention"] else {}),
        }
        for row in page
    ]
    return {"logGroups": described, **more}


def _put_retention(store: LogStore, request: Request) -> dict[str, Any]:
    group, days = events.group_of(store, request), integer(request, "retentionInDays", 1, 3653)
    with store.transaction() as db:
        db.execute("UPDATE groups SET retention = ? WHERE id = ?", (days, group["id"]))
    return {}


def _delete_retention(store: LogStore, request: Request) -> dict[str, Any]:
    group = events.group_of(store, request)
    with store.transaction() as db:
        db.execute("UPDATE groups SET retention = NULL WHERE id = ?", (group["id"],))
    return {}


def _put_policy(store: LogStore, request: Request) -> dict[str, Any]:
    name, document = required(request, "policyName"), required(request, "policyDocument")
    try:
        json.loads(document)
    except ValueError as error:
        raise ServiceError("InvalidParameterException", f"The policy is not JSON: {error}") from error
    return {"resourcePolicy": {"policyName": name, "policyDocument": document, "lastUpdatedTime": now()}}


# ------------------------------------------------------------ streams
def _create_stream(store: LogStore, request: Request) -> dict[str, Any]:
    group, name = events.group_of(store, request), required(request, "logStreamName")
    if ":" in name or "*" in name:
        raise ServiceError("InvalidParameterException", "A log stream's name has no ':' or '*'.")
    with store.transaction() as db:
        try:
            sql = "INSERT INTO streams (group_id, name, created) VALUES (?, ?, ?)"
            db.execute(sql, (group["id"], name, now()))
        except sqlite3.IntegrityError as error:
            message = "The specified log stream already exists"
            raise ServiceError("ResourceAlreadyExistsException", message) from error
    return {}


def _delete_stream(store: LogStore, request: Request) -> dict[str, Any]:
    stream = events.stream_of(store, request)
    with store.transaction() as db:
        db.execute("DELETE FROM events WHERE stream_id = ?", (stream["id"],))
        db.execute("DELETE FROM streams WHERE id = ?", (stream["id"],))
    return {}


def _describe_streams(store: LogStore, request: Request) -> dict[str, Any]:
    group, prefix = events.group_of(store, request), text_of(request, "logStreamNamePrefix")
    by_time = text_of(request, "orderBy") == "LastEventTime"
    if by_time and prefix:
        message = "Cannot order by LastEventTime with a logStreamNamePrefix."
        raise ServiceError("InvalidParameterException", message)
    rows = store.rows("SELECT * FROM streams WHERE group_id = ? ORDER BY name", (group["id"],))
    found = [row for row in rows if row["name"].startswith(prefix)]
    if by_time:
        found.sort(key=lambda row: row["last"] or row["created"])
    page, more = page_of(found[::-1] if request.get("descending") else found, request, 50)
    return {"logStreams": [_describe_stream(group["name"], row) for row in page], **more}


def _describe_stream(group: str, row: sqlite3.Row) -> dict[str, Any]:
    facts = {
        "logStreamName": row["name"],
        "creationTime": row["created"],
        "firstEventTimestamp": row["first"],
        "lastEventTimestamp": row["last"],
        "lastIngestionTime": row["ingested"],
        "uploadSequenceToken": "1",
        "arn": arn("logs", f"log-group:{group}:log-stream:{row['name']}"),
        "storedBytes": 0,
    }
    return {name: value for name, value in facts.items() if value is not None}


# ------------------------------------------------------------ events
def _put_events(store: LogStore, request: Request) -> dict[str, Any]:
    group, stream = events.group_of(store, request), events.stream_of(store, request)
    sent = request.get("logEvents")
    if not isinstance(sent, list) or not sent:
        raise ServiceError("InvalidParameterException", "logEvents must be a list of at least one event.")
    for event in sent:
        if not isinstance(event, dict):
            raise ServiceError("InvalidParameterException", "Each of logEvents must be an object.")
        time = integer(event, "timestamp", 0, 2**62)
        store.append(Entry(group["name"], stream["name"], time, required(event, "message")))
    return {"nextSequenceToken": "1"}


#: by the name behind `Logs_20140328.`
OPERATIONS: dict[str, Operation[Callable[[LogStore, Request], dict[str, Any]]]] = {
    "CreateLogGroup": Operation("CreateLogGroup", _create_group, differs("tags, keys and classes are ignored")),
    "DeleteLogGroup": Operation("DeleteLogGroup", _delete_group, AS_AWS),
    "DescribeLogGroups": Operation("DescribeLogGroups", _describe_groups, differs("`storedBytes` is 0")),
    "PutRetentionPolicy": Operation("PutRetentionPolicy", _put_retention, KEPT),
    "DeleteRetentionPolicy": Operation("DeleteRetentionPolicy", _delete_retention, KEPT),
    "PutResourcePolicy": Operation("PutResourcePolicy", _put_policy, differs("checked to be JSON, and not kept")),
    "CreateLogStream": Operation("CreateLogStream", _create_stream, AS_AWS),
    "DeleteLogStream": Operation("DeleteLogStream", _delete_stream, AS_AWS),
    "DescribeLogStreams": Operation("DescribeLogStreams", _describe_streams, AS_AWS),
    "PutLogEvents": Operation("PutLogEvents", _put_events, differs("events of any age are taken, in any order")),
    "GetLogEvents": Operation("GetLogEvents", events.get_events, AS_AWS),
    "FilterLogEvents": Operation(
        "FilterLogEvents", events.filter_events, differs("patterns of space-delimited events (`[…]`) are refused")
    ),
}
