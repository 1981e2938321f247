"""Operations on buckets and on their configuration documents."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from dataclasses import dataclass

from local_aws.coverage import AS_AWS, KEPT, differs
from local_aws.s3 import xmlio
from local_aws.s3.checksums import PayloadDigests
from local_aws.s3.errors import S3Error
from local_aws.s3.messages import Request, Response
from local_aws.s3.multipart_operations import forget_upload
from local_aws.s3.service import Service

_NAME = re.compile(r"(?!\d+\.\d+\.\d+\.\d+$)[a-z0-9](?:[a-z0-9-]|\.(?!\.)){1,61}[a-z0-9]")
_DEFAULT_REGION = "us-east-1"


def create_bucket(service: Service, request: Request) -> Response:
    """CreateBucket."""
    if not _NAME.fullmatch(request.bucket):
        raise S3Error("InvalidBucketName", fields={"BucketName": request.bucket})
    body = request.document()
    region = xmlio.parse(body).findtext("LocationConstraint", "") if body else ""
    with service.store.transaction() as tx:
        sql = "INSERT OR IGNORE INTO buckets (name, created, region) VALUES (?, ?, ?)"
        if not tx.execute(sql, request.bucket, time.time(), region):
            raise S3Error("BucketAlreadyOwnedByYou", fields={"BucketName": request.bucket})
    return Response(200, {"Location": f"/{request.bucket}"})


def head_bucket(service: Service, request: Request) -> Response:
    """HeadBucket."""
    with service.store.transaction() as tx:
        region = tx.bucket(request.bucket)["region"]
    return Response(200, {"x-amz-bucket-region": region or _DEFAULT_REGION})


def list_buckets(service: Service, request: Request) -> Response:
    """ListBuckets; all buckets are on one page."""
    with service.store.transaction() as tx:
        rows = list(tx.rows("SELECT * FROM buckets ORDER BY name"))
    prefix = request.query.get("prefix", "")
    buckets: list[tuple[str, xmlio.Content]] = [
        ("Bucket", [("Name", row["name"]), ("CreationDate", xmlio.timestamp(row["created"]))])
        for row in rows
        if row["name"].startswith(prefix)
    ]
    owner: xmlio.Content = [("ID", "embedded"), ("DisplayName", "embedded")]
    return Response(200, {}, xmlio.document("ListAllMyBucketsResult", [("Owner", owner), ("Buckets", buckets)]))


def delete_bucket(service: Service, request: Request) -> Response:
    """DeleteBucket; unfinished uploads are aborted."""
    name = request.bucket
    with service.store.transaction() as tx:
        tx.bucket(name)
        if tx.row("SELECT 1 FROM versions WHERE bucket = ?", name):
            raise S3Error("BucketNotEmpty", fields={"BucketName": name})
        for row in list(tx.rows("SELECT upload_id FROM uploads WHERE bucket = ?", name)):
            forget_upload(tx, row["upload_id"])
        tx.execute("DELETE FROM documents WHERE bucket = ?", name)
        tx.execute("DELETE FROM buckets WHERE name = ?", name)
    return Response(204)


def get_location(service: Service, request: Request) -> Response:
    """GetBucketLocation; the region us-east-1 is an empty element."""
    with service.store.transaction() as tx:
        region = tx.bucket(request.bucket)["region"]
    return Response(200, {}, xmlio.document("LocationConstraint", region))


def _xml(body: bytes) -> dict[str, str | int]:
    xmlio.parse(body)
    return {}


@dataclass(frozen=True)
class BucketDocument:
    """A configuration that is kept and read back as it was written.

    Parameters
    ----------
    name:
        The query parameter that names it.
    api_name:
        Its name in the operations `Get…` and `Put…`.
    missing:
        The error code of a read before the first write, or the default document that S3 then returns.
    delete_name:
        The operation that deletes it; "" if S3 has none.
    columns:
        Checks a document, and returns the columns of the table `buckets` that it sets.
    """

    name: str
    api_name: str
    missing: str | bytes
    delete_name: str = ""
    columns: Callable[[bytes], dict[str, str | int]] = _xml
    content_type: str = "application/xml"
    write_status: int = 200
    fidelity: str = KEPT

    def get(self, service: Service, request: Request) -> Response:
        """Get<api_name>."""
        with service.store.transaction() as tx:
            tx.bucket(request.bucket)
            sql = "SELECT body FROM documents WHERE bucket = ? AND name = ?"
            row = tx.row(sql, request.bucket, self.name)
        body = self.missing if row is None else bytes(row["body"])
        if isinstance(body, str):
            raise S3Error(body, fields={"BucketName": request.bucket})
        return Response(200, {"Content-Type": self.content_type}, body)

    def put(self, service: Service, request: Request) -> Response:
        """Put<api_name>."""
        body = request.document()
        digests = PayloadDigests(request.headers)
        digests.update(body)
        digests.verify({})
        columns = self.columns(body)
        with service.store.transaction() as tx:
            tx.bucket(request.bucket)
            tx.execute("INSERT OR REPLACE INTO documents VALUES (?, ?, ?)", request.bucket, self.name, body)
            for column, value in columns.items():
                tx.execute(f"UPDATE buckets SET {column} = ? WHERE name = ?", value, request.bucket)  # noqa: S608
        return Response(self.write_status)

    def delete(self, service: Service, request: Request) -> Response:
        """The operation `delete_name`."""
        with service.store.transaction() as tx:
            tx.bucket(request.bucket)
            tx.execute("DELETE FROM documents WHERE bucket = ? AND name = ?", request.bucket, self.name)
        return Response(204)


def _policy(body: bytes) -> dict[str, str | int]:
    try:
        json.loads(body)
    except ValueError:
        raise S3Error("MalformedPolicy") from None
    return {}


def _versioning(body: bytes) -> dict[str, str | int]:
    status = xmlio.required(xmlio.parse(body), "Status")
    if status not in ("Enabled", "Suspended"):
        raise S3Error("MalformedXML", f"The status of versioning must be Enabled or Suspended, not {status!r}.")
    return {"versioning": status}


def _notification(body: bytes) -> dict[str, str | int]:
    root = xmlio.parse(body)
    others = {child.tag for child in root} - {"EventBridgeConfiguration"}
    if others:
        raise S3Error(
            "NotImplemented",
            f"The embedded S3 sends notifications to EventBridge only, not {', '.join(sorted(others))}.",
        )
    return {"eventbridge": int(root.find("EventBridgeConfiguration") is not None)}


_DEFAULT_ENCRYPTION = xmlio.document(
    "ServerSideEncryptionConfiguration",
    [
        (
            "Rule",
            [
                ("ApplyServerSideEncryptionByDefault", [("SSEAlgorithm", "AES256")]),
                ("BucketKeyEnabled", False),
            ],
        )
    ],
)

DOCUMENTS = (
    BucketDocument("accelerate", "BucketAccelerateConfiguration", xmlio.document("AccelerateConfiguration", [])),
    BucketDocument("cors", "BucketCors", "NoSuchCORSConfiguration", "DeleteBucketCors"),
    BucketDocument("encryption", "BucketEncryption", _DEFAULT_ENCRYPTION, "DeleteBucketEncryption"),
    BucketDocument(
        "lifecycle", "BucketLifecycleConfiguration", "NoSuchLifecycleConfiguration", "DeleteBucketLifecycle"
    ),
    BucketDocument("logging", "BucketLogging", xmlio.document("BucketLoggingStatus", [])),
    BucketDocument(
        "notification",
        "BucketNotificationConfiguration",
        xmlio.document("NotificationConfiguration", []),
        columns=_notification,
        fidelity=differs("only of created objects and only to EventBridge; other targets are refused"),
    ),
    BucketDocument(
        "ownershipControls",
        "BucketOwnershipControls",
        "OwnershipControlsNotFoundError",
        "DeleteBucketOwnershipControls",
    ),
    BucketDocument(
        "policy",
        "BucketPolicy",
        "NoSuchBucketPolicy",
        "DeleteBucketPolicy",
        columns=_policy,
        content_type="application/json",
        write_status=204,
    ),
    BucketDocument(
        "publicAccessBlock",
        "PublicAccessBlock",
        "NoSuchPublicAccessBlockConfiguration",
        "DeletePublicAccessBlock",
    ),
    BucketDocument(
        "requestPayment",
        "BucketRequestPayment",
        xmlio.document("RequestPaymentConfiguration", [("Payer", "BucketOwner")]),
    ),
    BucketDocument("tagging", "BucketTagging", "NoSuchTagSet", "DeleteBucketTagging", write_status=204),
    BucketDocument(
        "versioning",
        "BucketVersioning",
        xmlio.document("VersioningConfiguration", []),
        columns=_versioning,
        fidelity=AS_AWS,
    ),
    BucketDocument("website", "BucketWebsite", "NoSuchWebsiteConfiguration", "DeleteBucketWebsite"),
)
