"""Lets only those requests through that are signed with a valid access key."""

from __future__ import annotations

import hashlib
import io
import time
from collections.abc import Callable, Iterable
from wsgiref.types import StartResponse, WSGIApplication

from local_aws.access.denials import Denied, Reason
from local_aws.access.keys import AccessKey, AccessKeys
from local_aws.access.signatures import DIGEST, STREAMING, UNSIGNED_PAYLOAD, Claim, Sent, claim_of, verify, verify_v2
from local_aws.protocols import signed_service
from local_aws.wire import Environ

#: key in the WSGI environment: the `Verified` signature of version 4, of which chunks of S3 have their own
VERIFIED = "local_aws.verified"
#: most bytes of a request that is not for S3: more than any service here takes
MAX_BODY = 16 << 20
_BLOCK = 1 << 20


class Authenticator:
    """Verifies the signatures of requests."""

    def __init__(self, keys: AccessKeys, clock: Callable[[], float] = time.time) -> None:
        self._keys, self._clock = keys, clock

    def check(self, environ: Environ) -> AccessKey:
        """The access key with which a request is signed.

        The payload of a request that is not for S3 is read, and can be read again.

        Raises
        ------
        Denied
            It is not signed, or its signature is not valid.
        """
        sent = Sent.of(environ)
        claim = claim_of(sent)
        if claim is not None:
            if signed_service(environ) != claim.service:  # by which the request is routed: no other may be named
                raise Denied(Reason.MALFORMED, "The Credential must name one service, in lower case.")
            digest = self._s3_digest(sent, claim) if claim.service == "s3" else _digest_of_body(environ)
            verified = verify(sent, claim, self._keys.get, digest, self._clock())
            environ[VERIFIED] = verified
            return verified.key
        authorization = sent.header("authorization") or ""
        if authorization.startswith("AWS ") or (not authorization and sent.parameter("AWSAccessKeyId")):
            if signed_service(environ):  # version 2 is S3's, and signs neither the payload nor most parameters
                raise Denied(Reason.MALFORMED, "Only one auth mechanism allowed.")
            return verify_v2(sent, self._keys.get, self._clock())
        if authorization:
            raise Denied(Reason.MALFORMED, "Unsupported Authorization Type")
        raise Denied(Reason.UNSIGNED)

    def guard(self, app: WSGIApplication) -> WSGIApplication:
        """The application, which sees only signed requests."""

        def guarded(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
            try:
                self.check(environ)
            except Denied as denied:
                return denied.reply(environ).send(start_response)
            return app(environ, start_response)

        return guarded

    @staticmethod
    def _s3_digest(sent: Sent, claim: Claim) -> str:
        stated = sent.header("x-amz-content-sha256")
        if stated is None and claim.expires is not None:
            return UNSIGNED_PAYLOAD
        if stated is None or not (DIGEST.fullmatch(stated) or stated in (UNSIGNED_PAYLOAD, *STREAMING)):
            allowed = f"{UNSIGNED_PAYLOAD}, {', '.join(STREAMING)}, or a SHA-256"
            raise Denied(Reason.NO_DIGEST, f"x-amz-content-sha256 must be {allowed}.")
        return stated


def _digest_of_body(environ: Environ) -> str:
    """The SHA-256 of the payload, which is read into memory."""
    stream, body = environ["wsgi.input"], bytearray()
    length = str(environ.get("CONTENT_LENGTH") or "")
    left = None if environ.get("wsgi.input_terminated") else int(length) if length.isdigit() else 0
    while left is None or left > 0:
        block = stream.read(_BLOCK if left is None else min(_BLOCK, left))
        if not block:
            break
        body += block
        if left is not None:
            left -= len(block)
        if len(body) > MAX_BODY:
            raise Denied(Reason.TOO_LARGE)
    environ["wsgi.input"], environ["CONTENT_LENGTH"] = io.BytesIO(body), str(len(body))
    environ.pop("wsgi.input_terminated", None)
    environ.pop("HTTP_TRANSFER_ENCODING", None)
    return hashlib.sha256(body).hexdigest()
