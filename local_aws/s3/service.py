"""What all operations use: the store, and the listener for new objects."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass

from local_aws.s3.index import NULL_VERSION, Version
from local_aws.s3.store import Store

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ObjectCreated:
    """An object has a new current version (Amazon S3 User Guide, "EventBridge event message structure").

    `etag` has no quotes; `version_id` is None if the bucket is not versioned; `sequencer` is a hexadecimal number
    that grows from event to event; `reason` is PutObject, CopyObject or CompleteMultipartUpload.
    """

    bucket: str
    key: str
    size: int
    etag: str
    version_id: str | None
    sequencer: str
    reason: str


def ignore(_: ObjectCreated) -> None:
    """The listener that does nothing."""


@dataclass(frozen=True)
class Service:
    """The first argument of each operation."""

    store: Store
    on_object_created: Callable[[ObjectCreated], None]

    def created(self, version: Version, reason: str) -> None:
        """Tell the listener of a new object if its bucket sends events to EventBridge.

        The object exists already, so an exception of the listener is logged, not raised.
        """
        sql = "SELECT eventbridge FROM buckets WHERE name = ?"
        with self.store.transaction() as tx:
            row = tx.row(sql, version.bucket)
        if row is None or not row["eventbridge"]:
            return
        event = ObjectCreated(
            bucket=version.bucket,
            key=version.key,
            size=version.size,
            etag=version.etag,
            version_id=None if version.version_id == NULL_VERSION else version.version_id,
            sequencer=f"{version.seq:018X}",
            reason=reason,
        )
        try:
            self.on_object_created(event)
        except Exception:
            _log.exception("the listener for new objects failed on s3://%s/%s", version.bucket, version.key)
