"""S3's errors: code, HTTP status and message (Amazon S3 API Reference, "Error responses")."""

from __future__ import annotations

from collections.abc import Mapping

_ERRORS: dict[str, tuple[int, str]] = {
    "AccessDenied": (403, "Access Denied"),
    "BadDigest": (400, "The Content-MD5 or checksum value that you specified did not match what the server received."),
    "BucketAlreadyOwnedByYou": (409, "The bucket that you tried to create already exists, and you own it."),
    "BucketNotEmpty": (409, "The bucket that you tried to delete is not empty."),
    "EntityTooLarge": (400, "Your proposed upload exceeds the maximum allowed size."),
    "EntityTooSmall": (400, "Your proposed upload is smaller than the minimum allowed object size (5 MiB a part)."),
    "IncompleteBody": (400, "The request body ended before the announced number of bytes."),
    "InsufficientStorage": (507, "The disk on which the embedded S3 keeps its objects is full."),
    "InternalError": (500, "An internal error occurred. Try again."),
    "InvalidArgument": (400, "An argument is not valid."),
    "InvalidBucketName": (400, "The specified bucket is not valid."),
    "InvalidDigest": (400, "The Content-MD5 or checksum value that you specified is not valid."),
    "InvalidPart": (400, "One or more of the specified parts could not be found, or its ETag did not match."),
    "InvalidPartNumber": (416, "The requested part number is not satisfiable."),
    "InvalidPartOrder": (400, "The list of parts was not in ascending order."),
    "InvalidRange": (416, "The requested range is not satisfiable."),
    "InvalidRequest": (400, "The request is not valid."),
    "InvalidTag": (400, "The tag that you provided is not valid."),
    "InvalidURI": (400, "The specified URI could not be parsed."),
    "KeyTooLongError": (400, "Your key is too long (1024 bytes of UTF-8 at most)."),
    "MalformedPolicy": (400, "The policy is not valid JSON."),
    "MalformedXML": (400, "The XML that you provided was not well-formed or did not validate."),
    "MethodNotAllowed": (405, "The specified method is not allowed against this resource."),
    "MissingContentLength": (411, "You must provide the Content-Length HTTP header."),
    "NoSuchBucket": (404, "The specified bucket does not exist."),
    "NoSuchBucketPolicy": (404, "The bucket policy does not exist."),
    "NoSuchCORSConfiguration": (404, "The CORS configuration does not exist."),
    "NoSuchKey": (404, "The specified key does not exist."),
    "NoSuchLifecycleConfiguration": (404, "The lifecycle configuration does not exist."),
    "NoSuchPublicAccessBlockConfiguration": (404, "The public access block configuration was not found."),
    "NoSuchTagSet": (404, "The TagSet does not exist."),
    "NoSuchUpload": (404, "The specified multipart upload does not exist: it may have been aborted or completed."),
    "NoSuchVersion": (404, "The version ID specified in the request does not match an existing version."),
    "NoSuchWebsiteConfiguration": (404, "The specified bucket does not have a website configuration."),
    "NotImplemented": (501, "The request implies functionality that the embedded S3 does not implement."),
    "NotModified": (304, "Not Modified"),
    "OwnershipControlsNotFoundError": (404, "The bucket ownership controls were not found."),
    "PreconditionFailed": (412, "At least one of the preconditions that you specified did not hold."),
    "SignatureDoesNotMatch": (403, "The signature of a chunk is not the one that was calculated here."),
    "XAmzContentSHA256Mismatch": (400, "The provided x-amz-content-sha256 header does not match what was computed."),
}


class S3Error(Exception):
    """An S3 error response.

    Parameters
    ----------
    code:
        S3's error code, one of the table above; clients match it.
    message:
        What is wrong with this request; by default the general sentence for the code.
    fields:
        Further elements of the error document, such as `Condition`.
    headers:
        Further HTTP headers, such as `x-amz-delete-marker`.
    """

    def __init__(
        self,
        code: str,
        message: str | None = None,
        *,
        fields: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self.status, general = _ERRORS[code]
        self.code = code
        self.message = message or general
        self.fields = dict(fields or {})
        self.headers = dict(headers or {})
        super().__init__(f"{code}: {self.message}")
