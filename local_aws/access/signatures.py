"""Verifies signatures: version 4 in headers and in queries, and version 2 of S3. botocore's signers compute them.

Sources: AWS Identity and Access Management User Guide, "AWS Signature Version 4 for API requests" with "Create a signed
AWS API request"; Amazon S3 API Reference, "Authenticating Requests (AWS Signature Version 4)" and "Signing and
authenticating REST requests (AWS signature version 2)".
"""

from __future__ import annotations

import calendar
import hashlib
import hmac
import re
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from email.utils import mktime_tz, parsedate_tz
from typing import Any
from urllib.parse import parse_qsl, quote, unquote_to_bytes, urlsplit

from botocore.auth import HmacV1Auth, S3SigV4Auth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.compat import HTTPHeaders
from botocore.credentials import Credentials

from local_aws.access.denials import Denied, Reason
from local_aws.access.keys import AccessKey
from local_aws.http_server import RAW_HEADERS
from local_aws.wire import Environ

ALGORITHM = "AWS4-HMAC-SHA256"
#: seconds by which the clocks of client and server may differ
MAX_SKEW, MAX_SKEW_S3 = 300, 900
#: the longest life of a presigned URL in seconds
MAX_EXPIRES = 604_800
#: values of x-amz-content-sha256 besides a digest
UNSIGNED_PAYLOAD = "UNSIGNED-PAYLOAD"
STREAMING = (
    "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
    "STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
    "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER",
)
DIGEST = re.compile(r"[0-9a-fA-F]{64}")
_TIMESTAMP = re.compile(r"[0-9]{8}T[0-9]{6}Z")
_SECONDS = re.compile(r"[0-9]{1,9}")

FindKey = Callable[[str], AccessKey | None]


@dataclass(frozen=True)
class Sent:
    """A request as it came over the wire.

    Parameters
    ----------
    path:
        Percent-encoded.
    query:
        Decoded pairs.
    headers:
        Pairs, with names in lower case.
    """

    method: str
    path: str
    query: Sequence[tuple[str, str]]
    headers: Sequence[tuple[str, str]]

    @classmethod
    def of(cls, environ: Environ) -> Sent:
        """From a WSGI environment of `http_server`."""
        target: str = environ["REQUEST_URI"]
        if not target.startswith("/"):  # the absolute form
            target = "/" + target.partition("://")[2].partition("/")[2]
        path, _, query = target.partition("?")
        headers = [(name.lower(), _text(value)) for name, value in environ[RAW_HEADERS].items()]
        return cls(environ["REQUEST_METHOD"], path, parse_qsl(query, keep_blank_values=True), headers)

    def header(self, name: str) -> str | None:
        """The first header of this name."""
        return next((value for found, value in self.headers if found == name), None)

    def parameter(self, name: str) -> str | None:
        """The first parameter of this name in the query."""
        return next((value for found, value in self.query if found == name), None)


def _text(value: str) -> str:
    """A header's value: clients send UTF-8, and the server reads latin-1."""
    try:
        return value.replace("\r\n", "").encode("latin-1").decode()
    except UnicodeError:
        return value


@dataclass(frozen=True)
class Claim:
    """What a signature of version 4 says of itself.

    `expires`, in seconds, is that of a presigned URL, and None if the signature is in the headers.
    """

    key_id: str
    date: str
    region: str
    service: str
    timestamp: str
    signed: Sequence[str]
    signature: str
    token: str | None
    expires: int | None = None

    @property
    def scope(self) -> str:
        """`date/region/service/aws4_request`."""
        return f"{self.date}/{self.region}/{self.service}/aws4_request"

    @property
    def time(self) -> float:
        """When it was signed, in seconds since 1970."""
        return calendar.timegm(time.strptime(self.timestamp, "%Y%m%dT%H%M%SZ"))


def claim_of(sent: Sent) -> Claim | None:
    """The signature of version 4 that a request carries; None if it carries none.

    Raises
    ------
    Denied
        It lacks a part, or carries two.
    """
    authorization = sent.header("authorization") or ""
    in_query = sent.parameter("X-Amz-Algorithm") is not None
    if authorization and in_query:
        raise Denied(Reason.MALFORMED, "Only one auth mechanism allowed.")
    if in_query:
        return _claim_in_query(sent)
    if authorization.startswith(ALGORITHM):
        return _claim_in_header(sent, authorization)
    return None


def _claim_in_header(sent: Sent, authorization: str) -> Claim:
    pairs = [part.strip().partition("=") for part in authorization.removeprefix(ALGORITHM).split(",")]
    parts = {name: value for name, _, value in pairs}
    for name in ("Credential", "SignedHeaders", "Signature"):
        if not parts.get(name):
            raise Denied(Reason.MALFORMED, f"Authorization header requires '{name}' parameter.")
    timestamp = sent.header("x-amz-date") or _basic_iso(sent.header("date") or "")
    if not _TIMESTAMP.fullmatch(timestamp):
        raise Denied(Reason.MALFORMED, "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date'.")
    return _claim(parts, timestamp, sent.header("x-amz-security-token"), Reason.MALFORMED)


def _claim_in_query(sent: Sent) -> Claim:
    parts = {name: sent.parameter(f"X-Amz-{name}") or "" for name in ("Credential", "SignedHeaders", "Signature")}
    timestamp, expires = sent.parameter("X-Amz-Date") or "", sent.parameter("X-Amz-Expires") or ""
    if not (all(parts.values()) and timestamp and expires):
        raise Denied(
            Reason.MALFORMED_QUERY,
            "Query-string authentication version 4 requires the X-Amz-Algorithm, X-Amz-Credential, X-Amz-Signature, "
            "X-Amz-Date, X-Amz-SignedHeaders, and X-Amz-Expires parameters.",
        )
    if sent.parameter("X-Amz-Algorithm") != ALGORITHM:
        raise Denied(Reason.MALFORMED_QUERY, f'X-Amz-Algorithm only supports "{ALGORITHM}".')
    if not (_SECONDS.fullmatch(expires) and 1 <= int(expires) <= MAX_EXPIRES):
        raise Denied(Reason.MALFORMED_QUERY, f"X-Amz-Expires must be a number from 1 to {MAX_EXPIRES} seconds.")
    if not _TIMESTAMP.fullmatch(timestamp):
        raise Denied(Reason.MALFORMED_QUERY, "X-Amz-Date must be like 20261126T070000Z.")
    return _claim(parts, timestamp, sent.parameter("X-Amz-Security-Token"), Reason.MALFORMED_QUERY, int(expires))


def _claim(
    parts: dict[str, str], timestamp: str, token: str | None, malformed: Reason, expires: int | None = None
) -> Claim:
    credential = parts["Credential"].split("/")
    if len(credential) != 5 or credential[4] != "aws4_request":
        raise Denied(malformed, "The Credential must be <key>/<date>/<region>/<service>/aws4_request.")
    key_id, date, region, service, _ = credential
    signed = parts["SignedHeaders"].lower().split(";")
    if "host" not in signed:
        raise Denied(malformed, "'Host' must be a 'SignedHeader' in the AWS Authorization.")
    try:
        claim = Claim(key_id, date, region, service, timestamp, signed, parts["Signature"], token, expires)
        claim.time  # noqa: B018  raises for the 99th of May
    except ValueError as error:
        raise Denied(malformed, f"{timestamp} is not a time.") from error
    return claim


def _basic_iso(http_date: str) -> str:
    fields = parsedate_tz(http_date)
    try:
        return time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(mktime_tz(fields))) if fields else ""
    except (ValueError, OverflowError):
        return ""


class _Pairs(dict[str, str]):
    """A query in which a name may occur twice, as botocore takes it."""

    def __init__(self, pairs: Iterable[tuple[str, str]]) -> None:
        self._pairs = list(pairs)
        super().__init__(self._pairs)

    def items(self) -> Any:
        return self._pairs


class _AsSent:
    """Signs the headers that the client signed, in place of those that botocore would sign."""

    def headers_to_sign(self, request: AWSRequest) -> HTTPHeaders:
        signed: HTTPHeaders = request.context["signed"]
        return signed


class _Signer(_AsSent, SigV4Auth):
    """Version 4 for all services but S3."""


class _S3Signer(_AsSent, S3SigV4Auth):
    """Version 4 for S3, which encodes paths once."""


@dataclass(frozen=True)
class Verified:
    """A request whose signature is right; it verifies the signatures of the chunks of its payload.

    Amazon S3 API Reference, "Signature Calculations for the Authorization Header: Transferring Payload in Multiple
    Chunks" and "… Including Trailing Headers".
    """

    key: AccessKey
    claim: Claim
    _sign: Callable[[str], str]

    @property
    def seed(self) -> str:
        """The signature of the request."""
        return self.claim.signature

    def chunk(self, previous: str, digest: str) -> str:
        """The signature of a chunk with this SHA-256; `previous` is that of the chunk or the request before it."""
        empty = hashlib.sha256().hexdigest()
        return self._sign(
            "\n".join((f"{ALGORITHM}-PAYLOAD", self.claim.timestamp, self.claim.scope, previous, empty, digest))
        )

    def trailer(self, previous: str, headers: bytes) -> str:
        """The signature of the trailing headers, one a line."""
        digest = hashlib.sha256(headers).hexdigest()
        return self._sign("\n".join((f"{ALGORITHM}-TRAILER", self.claim.timestamp, self.claim.scope, previous, digest)))


def verify(sent: Sent, claim: Claim, find: FindKey, digest: str, now: float) -> Verified:
    """Verify a signature of version 4.

    Parameters
    ----------
    digest:
        The payload's SHA-256, or what S3 puts in its place.

    Raises
    ------
    Denied
        The key is unknown, the signature is another one, or its time has passed.
    """
    key = _known(find, claim.key_id, claim.token)
    request = AWSRequest(
        method=sent.method,
        url="http://host" + _canonical_path(sent.path, claim.service),
        headers={"X-Amz-Content-SHA256": digest},
        params=_Pairs(pair for pair in sent.query if pair[0] != "X-Amz-Signature" or claim.expires is None),
    )
    signed = HTTPHeaders()
    for name, value in sent.headers:
        if name in claim.signed:
            signed.add_header(name, value)
    request.context.update(signed=signed, timestamp=claim.timestamp)
    signer: Any = (_S3Signer if claim.service == "s3" else _Signer)(
        Credentials(key.id, key.secret), claim.service, claim.region
    )
    canonical = signer.canonical_request(request)
    text = signer.string_to_sign(request, canonical)
    right = signer.signature(text, request)
    if claim.date != claim.timestamp[:8] or not hmac.compare_digest(right.encode(), claim.signature.encode()):
        raise Denied(
            Reason.WRONG_SIGNATURE,
            AWSAccessKeyId=key.id,
            StringToSign=text,
            SignatureProvided=claim.signature,
            CanonicalRequest=canonical,
        )
    _require_signed(sent, claim)
    _check_time(claim, now)
    return Verified(key, claim, lambda to_sign: str(signer.signature(to_sign, request)))


def _known(find: FindKey, key_id: str, token: str | None) -> AccessKey:
    key = find(key_id)
    if key is None:
        raise Denied(Reason.UNKNOWN_KEY, AWSAccessKeyId=key_id)
    if (key.token or "") != (token or ""):
        raise Denied(Reason.WRONG_TOKEN)
    return key


def _canonical_path(path: str, service: str) -> str:
    return quote(unquote_to_bytes(path), safe="/-_.~") if service == "s3" else path


def _require_signed(sent: Sent, claim: Claim) -> None:
    """S3 refuses `x-amz-` headers that are not signed: whoever has a presigned URL could add them."""
    if claim.service != "s3":
        return
    unsigned = sorted({name for name, _ in sent.headers if name.startswith("x-amz-")} - {*claim.signed})
    if unsigned:
        message = "There were headers present in the request which were not signed"
        raise Denied(Reason.FORBIDDEN, message, HeadersNotSigned=", ".join(unsigned))


def _check_time(claim: Claim, now: float) -> None:
    age = now - claim.time
    if claim.expires is not None:
        if age > claim.expires:
            times = {"X-Amz-Expires": str(claim.expires), "Expires": _iso(claim.time + claim.expires)}
            raise Denied(Reason.EXPIRED, "Request has expired", **times, ServerTime=_iso(now))
        if age < -MAX_SKEW_S3:
            raise Denied(Reason.EXPIRED, "Request is not yet valid", ServerTime=_iso(now))
    elif abs(age) > (MAX_SKEW_S3 if claim.service == "s3" else MAX_SKEW):
        if claim.service == "s3":
            raise Denied(Reason.SKEWED, RequestTime=claim.timestamp, ServerTime=_iso(now))
        state = "Signature expired" if age > 0 else "Signature not yet current"
        raise Denied(Reason.SKEWED, f"{state}: {claim.timestamp}; the time here is {_iso(now)}.")


def _iso(seconds: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


# ------------------------------------------------------------ version 2, which S3 still has
class _SignerV2(HmacV1Auth):
    """Signs the client's own date, or the time at which a presigned URL expires."""

    def __init__(self, key: AccessKey, date: str) -> None:
        super().__init__(Credentials(key.id, key.secret))
        self._date = date

    def _get_date(self) -> str:
        return self._date


def verify_v2(sent: Sent, find: FindKey, now: float) -> AccessKey:
    """Verify a signature of version 2, in the header (`AWS <key>:<signature>`) or in the query.

    Raises
    ------
    Denied
        The key is unknown, the signature is another one, or its time has passed.
    """
    authorization, expires = sent.header("authorization") or "", sent.parameter("Expires")
    if authorization:
        key_id, _, signature = authorization.removeprefix("AWS ").strip().partition(":")
        date = "" if sent.header("x-amz-date") else sent.header("date") or ""
        signed_at = sent.header("x-amz-date") or date
        token = sent.header("x-amz-security-token")
    else:
        key_id, signature = sent.parameter("AWSAccessKeyId") or "", sent.parameter("Signature") or ""
        date = signed_at = expires or ""
        token = sent.parameter("x-amz-security-token")
    key = _known(find, key_id, token)
    headers: Any = HTTPHeaders()
    for name, value in [*sent.headers, *([("x-amz-security-token", token)] if token and not authorization else [])]:
        headers.add_header(name, value)
    query = "&".join(f"{name}={quote(value, safe='')}" if value else name for name, value in sent.query)
    signer = _SignerV2(key, date)
    split = urlsplit("http://host" + _canonical_path(sent.path, "s3"))._replace(query=query)
    right = signer.sign_string(signer.canonical_string(sent.method, split, headers))
    if not hmac.compare_digest(right.encode(), signature.encode()):
        raise Denied(Reason.WRONG_SIGNATURE, AWSAccessKeyId=key.id, SignatureProvided=signature)
    if authorization:
        _check_time_v2(signed_at, now)
    elif not date.isdigit() or now > int(date):
        raise Denied(Reason.EXPIRED, "Request has expired", Expires=date, ServerTime=_iso(now))
    return key


def _check_time_v2(signed_at: str, now: float) -> None:
    stamp = _basic_iso(signed_at)
    if not stamp or abs(now - calendar.timegm(time.strptime(stamp, "%Y%m%dT%H%M%SZ"))) > MAX_SKEW_S3:
        raise Denied(Reason.SKEWED, RequestTime=signed_at, ServerTime=_iso(now))
