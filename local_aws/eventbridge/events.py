"""Events in EventBridge's envelope (EventBridge User Guide, "EventBridge event structure")."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, TypedDict

from local_aws.names import ACCOUNT, PARTITION, REGION
from local_aws.s3 import ObjectCreated

#: an event leaves out the input if it and the output have more bytes as JSON strings, and an output that has more
MAX_DETAIL_BYTES = 248 * 1024
#: the envelope; `time` is ISO 8601 in UTC
Event = TypedDict(
    "Event",
    {
        "version": str,
        "id": str,
        "detail-type": str,
        "source": str,
        "account": str,
        "time": str,
        "region": str,
        "resources": list[str],
        "detail": Mapping[str, Any],
    },
)


def new_event(source: str, detail_type: str, detail: Mapping[str, Any], resources: list[str]) -> Event:
    """A new event; `resources` are ARNs."""
    return {
        "version": "0",
        "id": str(uuid.uuid4()),
        "detail-type": detail_type,
        "source": source,
        "account": ACCOUNT,
        "time": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "region": REGION,
        "resources": resources,
        "detail": detail,
    }


def object_created(created: ObjectCreated) -> Event:
    """Amazon S3's event "Object Created" (S3 User Guide, "EventBridge event message structure")."""
    described = {"key": created.key, "size": created.size, "etag": created.etag, "sequencer": created.sequencer}
    if created.version_id:
        described["version-id"] = created.version_id
    detail = {
        "version": "0",
        "bucket": {"name": created.bucket},
        "object": described,
        "request-id": uuid.uuid4().hex[:16].upper(),
        "requester": ACCOUNT,
        "source-ip-address": "127.0.0.1",
        "reason": created.reason,
    }
    return new_event("aws.s3", "Object Created", detail, [f"arn:{PARTITION}:s3:::{created.bucket}"])


def status_changed(execution: Mapping[str, Any]) -> Event:
    """Step Functions' event for a change of an execution's status, from its description (as of DescribeExecution).

    Step Functions Developer Guide, "Automating Step Functions event delivery with EventBridge".
    """
    fields = ("executionArn", "stateMachineArn", "name", "status", "input", "output", "error", "cause")
    detail: dict[str, Any] = {name: execution.get(name) for name in fields}
    escaped = {name: len(json.dumps(detail[name] or "")) for name in ("input", "output")}
    fits = {"input": sum(escaped.values()) <= MAX_DETAIL_BYTES, "output": escaped["output"] <= MAX_DETAIL_BYTES}
    for name, included in fits.items():
        detail[f"{name}Details"] = None if detail[name] is None else {"included": included}
        detail[name] = detail[name] if included else None
    for name in ("startDate", "stopDate"):
        moment = execution.get(name)
        detail[name] = None if moment is None else int(moment.timestamp() * 1000)
    return new_event("aws.states", "Step Functions Execution Status Change", detail, [execution["executionArn"]])
