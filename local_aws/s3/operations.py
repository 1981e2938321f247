"""The operations of S3 that are implemented, and how a request names them."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from local_aws.coverage import AS_AWS, Operation, differs
from local_aws.s3 import bucket_operations as buckets
from local_aws.s3 import list_operations as lists
from local_aws.s3 import multipart_operations as multipart
from local_aws.s3 import object_operations as objects
from local_aws.s3.errors import S3Error
from local_aws.s3.messages import Request, Response
from local_aws.s3.service import Service

S3Operation = Operation[Callable[[Service, Request], Response]]
#: HTTP method; "service", "bucket" or "object"; the query parameters that name the operation, if any do
Key = tuple[str, str, str]

_CHECKSUMS = "CRC-32C and CRC-64/NVME are kept as stated, not compared"

_OPERATIONS: dict[Key, S3Operation] = {
    ("GET", "service", ""): Operation("ListBuckets", buckets.list_buckets, differs("all on one page")),
    ("PUT", "bucket", ""): Operation(
        "CreateBucket",
        buckets.create_bucket,
        differs("the region is kept without effect; ACLs and Object Lock are ignored"),
    ),
    ("HEAD", "bucket", ""): Operation("HeadBucket", buckets.head_bucket, AS_AWS),
    ("DELETE", "bucket", ""): Operation("DeleteBucket", buckets.delete_bucket, AS_AWS),
    ("GET", "bucket", "location"): Operation("GetBucketLocation", buckets.get_location, AS_AWS),
    ("GET", "bucket", ""): Operation("ListObjects", lists.list_objects, AS_AWS),
    ("GET", "bucket", "list-type"): Operation("ListObjectsV2", lists.list_objects_v2, AS_AWS),
    ("GET", "bucket", "versions"): Operation("ListObjectVersions", lists.list_object_versions, AS_AWS),
    ("GET", "bucket", "uploads"): Operation("ListMultipartUploads", lists.list_multipart_uploads, AS_AWS),
    ("POST", "bucket", "delete"): Operation(
        "DeleteObjects", objects.delete_objects, differs("conditions on an object (ETag, size, time) are ignored")
    ),
    ("PUT", "object", ""): Operation(
        "PutObject",
        objects.put_object,
        differs(f"{_CHECKSUMS}; storage classes and ACLs are ignored; customer-provided encryption keys are refused"),
    ),
    ("PUT", "object", "copy"): Operation(
        "CopyObject", objects.copy_object, differs("checksums are copied, not computed; storage classes are ignored")
    ),
    ("GET", "object", ""): Operation("GetObject", objects.get_object, AS_AWS),
    ("HEAD", "object", ""): Operation("HeadObject", objects.get_object, AS_AWS),
    ("DELETE", "object", ""): Operation("DeleteObject", objects.delete_object, AS_AWS),
    ("GET", "object", "tagging"): Operation("GetObjectTagging", objects.get_object_tagging, AS_AWS),
    ("PUT", "object", "tagging"): Operation("PutObjectTagging", objects.put_object_tagging, AS_AWS),
    ("DELETE", "object", "tagging"): Operation("DeleteObjectTagging", objects.delete_object_tagging, AS_AWS),
    ("POST", "object", "uploads"): Operation(
        "CreateMultipartUpload", multipart.create_multipart_upload, differs("storage classes and ACLs are ignored")
    ),
    ("PUT", "object", "uploadId"): Operation("UploadPart", multipart.upload_part, differs(_CHECKSUMS)),
    ("PUT", "object", "uploadId copy"): Operation(
        "UploadPartCopy", multipart.upload_part_copy, differs("the part gets no checksum")
    ),
    ("GET", "object", "uploadId"): Operation("ListParts", multipart.list_parts, AS_AWS),
    ("POST", "object", "uploadId"): Operation(
        "CompleteMultipartUpload",
        multipart.complete_multipart_upload,
        differs(f"{_CHECKSUMS}; the checksum of a whole object is kept as stated"),
    ),
    ("DELETE", "object", "uploadId"): Operation("AbortMultipartUpload", multipart.abort_multipart_upload, AS_AWS),
}


def _document_operations() -> Iterator[tuple[Key, S3Operation]]:
    for document in buckets.DOCUMENTS:
        name, fidelity = document.api_name, document.fidelity
        yield ("GET", "bucket", document.name), Operation(f"Get{name}", document.get, fidelity)
        yield ("PUT", "bucket", document.name), Operation(f"Put{name}", document.put, fidelity)
        if document.delete_name:
            yield ("DELETE", "bucket", document.name), Operation(document.delete_name, document.delete, fidelity)


OPERATIONS: dict[Key, S3Operation] = {**_OPERATIONS, **dict(_document_operations())}

#: query parameters that do not name an operation; any other parameter names one that is not implemented
_PARAMETERS = frozenset(
    {
        "awsaccesskeyid",
        "bucket-region",
        "continuation-token",
        "delimiter",
        "encoding-type",
        "expires",
        "fetch-owner",
        "key-marker",
        "marker",
        "max-buckets",
        "max-keys",
        "max-parts",
        "max-uploads",
        "part-number-marker",
        "partnumber",
        "prefix",
        "signature",
        "start-after",
        "upload-id-marker",
        "version-id-marker",
        "versionid",
    }
)


def _is_parameter(name: str) -> bool:
    lower = name.lower()
    return lower in _PARAMETERS or lower.startswith(("x-amz-", "x-id", "response-"))


def find(request: Request) -> S3Operation:
    """The operation that a request means.

    Raises
    ------
    S3Error
        `NotImplemented`.
    """
    level = "object" if request.key else "bucket" if request.bucket else "service"
    names = sorted({name for name in request.query if not _is_parameter(name)})
    if level == "object" and request.method == "PUT" and "x-amz-copy-source" in request.headers:
        names.append("copy")
    operation = OPERATIONS.get((request.method, level, " ".join(names)))
    if operation is None:
        what = f"{request.method} {level}" + (f" with ?{'&'.join(names)}" if names else "")
        raise S3Error("NotImplemented", f"The embedded S3 does not implement {what}.")
    return operation
