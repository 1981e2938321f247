"""Why a request is refused, with each protocol's own code (the pages "Common errors" of the services' API references;
Amazon S3 API Reference, "Error responses").
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import NamedTuple

from local_aws.protocols import Protocol, error_reply, protocol_of
from local_aws.wire import Environ, Reply


class Reason(Enum):
    """Why a request is refused."""

    UNSIGNED = "unsigned"
    FORBIDDEN = "forbidden"
    MALFORMED = "malformed"
    MALFORMED_QUERY = "malformed query"
    UNKNOWN_KEY = "unknown key"
    WRONG_TOKEN = "wrong token"  # noqa: S105  not a password
    WRONG_SIGNATURE = "wrong signature"
    SKEWED = "skewed"
    EXPIRED = "expired"
    NO_DIGEST = "no digest of the payload"
    TOO_LARGE = "too large"


class _Code(NamedTuple):
    code: str
    status: int
    message: str


_INVALID_TOKEN = "The security token included in the request is invalid."  # noqa: S105
_MISMATCH = (
    "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key "
    "and signing method. Consult the service documentation for details."
)
_S3_MISMATCH = (
    "The request signature we calculated does not match the signature you provided. Check your key and signing method."
)
_NOT_VALIDATED = "AWS was not able to validate the provided access credentials"
_MISSING = "Request is missing Authentication Token"

_S3: Mapping[Reason, _Code] = {
    Reason.UNSIGNED: _Code("AccessDenied", 403, "Access Denied"),
    Reason.FORBIDDEN: _Code("AccessDenied", 403, "Access Denied"),
    Reason.MALFORMED: _Code("AuthorizationHeaderMalformed", 400, "The authorization header is malformed."),
    Reason.MALFORMED_QUERY: _Code(
        "AuthorizationQueryParametersError", 400, "Error parsing the X-Amz-Credential parameter."
    ),
    Reason.UNKNOWN_KEY: _Code(
        "InvalidAccessKeyId", 403, "The AWS Access Key Id you provided does not exist in our records."
    ),
    Reason.WRONG_TOKEN: _Code("InvalidToken", 400, "The provided token is malformed or otherwise invalid."),
    Reason.WRONG_SIGNATURE: _Code("SignatureDoesNotMatch", 403, _S3_MISMATCH),
    Reason.SKEWED: _Code(
        "RequestTimeTooSkewed", 403, "The difference between the request time and the current time is too large."
    ),
    Reason.EXPIRED: _Code("AccessDenied", 403, "Request has expired"),
    Reason.NO_DIGEST: _Code("InvalidArgument", 400, "x-amz-content-sha256 is not valid."),
    Reason.TOO_LARGE: _Code("EntityTooLarge", 400, "Your proposed upload exceeds the maximum allowed size."),
}
_JSON: Mapping[Reason, _Code] = {
    Reason.UNSIGNED: _Code("MissingAuthenticationTokenException", 403, "Missing Authentication Token"),
    Reason.FORBIDDEN: _Code("AccessDeniedException", 403, "Access Denied"),
    Reason.MALFORMED: _Code("IncompleteSignatureException", 403, "The authorization header is malformed."),
    Reason.MALFORMED_QUERY: _Code("IncompleteSignatureException", 403, "The authorization parameters are malformed."),
    Reason.UNKNOWN_KEY: _Code("UnrecognizedClientException", 403, _INVALID_TOKEN),
    Reason.WRONG_TOKEN: _Code("UnrecognizedClientException", 403, _INVALID_TOKEN),
    Reason.WRONG_SIGNATURE: _Code("InvalidSignatureException", 403, _MISMATCH),
    Reason.SKEWED: _Code("InvalidSignatureException", 403, "Signature expired."),
    Reason.EXPIRED: _Code("InvalidSignatureException", 403, "Signature expired."),
    Reason.TOO_LARGE: _Code("RequestEntityTooLargeException", 413, "The request is too large."),
}
_QUERY: Mapping[Reason, _Code] = {
    Reason.UNSIGNED: _Code("MissingAuthenticationToken", 403, _MISSING),
    Reason.FORBIDDEN: _Code("AccessDenied", 403, "Access Denied"),
    Reason.MALFORMED: _Code("IncompleteSignature", 403, "The authorization header is malformed."),
    Reason.MALFORMED_QUERY: _Code("IncompleteSignature", 403, "The authorization parameters are malformed."),
    Reason.UNKNOWN_KEY: _Code("InvalidClientTokenId", 403, _INVALID_TOKEN),
    Reason.WRONG_TOKEN: _Code("InvalidClientTokenId", 403, _INVALID_TOKEN),
    Reason.WRONG_SIGNATURE: _Code("SignatureDoesNotMatch", 403, _MISMATCH),
    Reason.SKEWED: _Code("SignatureDoesNotMatch", 403, "Signature expired."),
    Reason.EXPIRED: _Code("SignatureDoesNotMatch", 403, "Signature expired."),
    Reason.TOO_LARGE: _Code("RequestEntityTooLarge", 413, "The request is too large."),
}
_EC2: Mapping[Reason, _Code] = {
    **_QUERY,
    Reason.FORBIDDEN: _Code("UnauthorizedOperation", 403, "You are not authorized to perform this operation."),
    Reason.UNKNOWN_KEY: _Code("AuthFailure", 401, _NOT_VALIDATED),
    Reason.WRONG_TOKEN: _Code("AuthFailure", 401, _NOT_VALIDATED),
}
_CODES: Mapping[Protocol, Mapping[Reason, _Code]] = {
    "s3": _S3,
    "json": _JSON,
    "rest-json": _JSON,
    "cbor": _JSON,
    "query": _QUERY,
    "ec2": _EC2,
}


class Denied(Exception):
    """A request must be refused.

    Parameters
    ----------
    message:
        What is wrong with this request; by default the sentence that AWS has for the reason.
    fields:
        Further elements of S3's error document.
    """

    def __init__(self, reason: Reason, message: str | None = None, **fields: str) -> None:
        super().__init__(message or reason.value)
        self.reason, self.message, self.fields = reason, message, fields

    def reply(self, environ: Environ) -> Reply:
        """The error in the shape that the client expects."""
        code, status, general = _CODES[protocol_of(environ)][self.reason]
        return error_reply(environ, code, self.message or general, status, self.fields)
