"""Events in EventBridge's envelope (EventBridge User Guide, "EventBridge event structure")."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, TypedDict

from local_aws.names import ACCOUNT, REGION
from local_aws.s3 import ObjectCreated

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
    return new_event("aws.s3", "Object Created", detail, [f"arn:aws:s3:::{created.bucket}"])
