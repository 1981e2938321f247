"""What the operations share: the store, and who wants to know of new objects."""

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

    `etag` is without quotes; `version_id` is None where the bucket is not versioned; `sequencer` is a hexadecimal
    number that grows from one event to the next; `reason` is PutObject, CopyObject or CompleteMultipartUpload.
    """

    bucket: str
    key: str
    size: int
    etag: str
    version_id: str | None
    sequencer: str
    reason: str


def ignore(_: ObjectCreated) -> None:
    """For those who don't want to know."""


@dataclass(frozen=True)
class Service:
    """Handed to each operation."""

    store: Store
    on_object_created: Callable[[ObjectCreated], None]

    def created(self, version: Version, reason: str) -> None:
        """Report a new object, where its bucket's notification configuration sends events to EventBridge.

        The object is there whatever becomes of the report, so a listener's exception is logged, not raised.
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
