"""The services that moto answers, in the shapes that AWS's clients expect, whatever the request was."""

from __future__ import annotations

import json
import logging
import os
from typing import Any
from wsgiref.types import WSGIApplication

from local_aws.names import REGION
from local_aws.protocols import Protocol, error_reply, is_json, protocol_of, scope_of, signed_service
from local_aws.wire import Environ, Reply

_log = logging.getLogger(__name__)

#: services that moto provides as they are -> what they do here; moto has more services, which nothing here uses
BY_MOTO = {
    "Budgets": "budgets are kept, and stay at 0 dollars",
    "CloudWatch": "metrics are kept, also those that functions and jobs print; alarms and dashboards have no effect",
    "EC2": "networks, security groups and launch templates are kept; no packet passes through them",
    "EventBridge, but for PutEvents": "rules and targets are kept, and used for delivery",
    "IAM": "roles and policies are kept; S3 and Lambda's GetFunction judge by them what functions and jobs may do",
    "SNS": "topics deliver to queues",
    "SQS": "queues work",
    "STS": "GetCallerIdentity and temporary keys; requests that are signed with these are refused",
    "Step Functions, but for the checks and patches above": "moto's interpreter runs the Amazon States Language",
}
#: the names by which requests to them are signed
_SIGNED_FOR = frozenset({"budgets", "monitoring", "ec2", "events", "iam", "sns", "sqs", "sts", "states"})
#: pages of moto that belong to no service
_PAGES = ("/moto-api", "/favicon.ico", "/latest/")
#: how an error document of each protocol begins; those of CBOR are not text
_ERRORS: dict[Protocol, bytes] = {"json": b"{", "rest-json": b"{", "query": b"<", "ec2": b"<", "s3": b"<"}


class Moto:
    """moto's server as a WSGI application."""

    def __init__(self) -> None:
        from antlr4.error import ErrorListener  # noqa: PLC0415 - slow to import
        from moto.server import DomainDispatcherApplication, create_backend_app  # noqa: PLC0415 - slow to import

        # the parser of state machines writes each error to the terminal, too
        ErrorListener.ConsoleErrorListener.syntaxError = ErrorListener.ErrorListener.syntaxError
        self._app: WSGIApplication = DomainDispatcherApplication(create_backend_app)
        logging.getLogger("moto").addHandler(logging.NullHandler())  # moto logs each error response as an error

    def __call__(self, environ: Environ) -> Reply:
        """Answer one request."""
        if signed_service(environ) not in _SIGNED_FOR or environ["PATH_INFO"].startswith(_PAGES):
            return unknown(environ)
        if malformed := _malformed(environ):
            return malformed
        if not environ.get("HTTP_AUTHORIZATION"):  # moto finds the service by it, and this is a presigned URL
            environ["HTTP_AUTHORIZATION"] = f"AWS4-HMAC-SHA256 Credential={'/'.join(scope_of(environ))}, "
        try:
            status, headers, body = _call(self._app, environ)
        except NotImplementedError as error:
            return unknown(environ, str(error))
        except Exception as error:
            return not_processed(environ, error)
        return _as_aws(environ, status, headers, body)


def instance_types() -> frozenset[str]:
    """The instance types that EC2 offers in the Region; moto keeps answers of EC2. Empty where it has none.

    The commercial Regions of the end of 2025 are there, GovCloud and China are not.
    """
    from moto.ec2.models.instance_types import INSTANCE_TYPE_OFFERINGS  # noqa: PLC0415 - slow to import

    return frozenset(each["InstanceType"] for each in INSTANCE_TYPE_OFFERINGS["region"].get(REGION, []))


def unknown(environ: Environ, what: str = "") -> Reply:
    """The answer to a request for a service or an operation that is not here."""
    what = what or f"{signed_service(environ) or 'this'}: the embedded AWS does not have this service or page."
    code = "UnknownOperationException" if is_json(environ) else "InvalidAction"
    return error_reply(environ, code, what, 404 if is_json(environ) else 400)


def not_processed(environ: Environ, error: Exception) -> Reply:
    """The answer to a request on which a service stumbles: as good as always it lacks something, or is no request."""
    told = (environ["REQUEST_METHOD"], environ["PATH_INFO"], type(error).__name__, error)
    _log.warning("%s %s failed: %s: %s", *told)  # one line for whoever watches the terminal
    _log.debug("its traceback", exc_info=error)
    code = "ValidationException" if is_json(environ) else "ValidationError"
    return error_reply(environ, code, f"The request can't be processed ({type(error).__name__}: {error}).", 400)


def _malformed(environ: Environ) -> Reply | None:
    """The error if a request in a JSON protocol is not a JSON object."""
    if protocol_of(environ) != "json":
        return None
    stream = environ["wsgi.input"]
    body = stream.read()
    stream.seek(0)
    try:
        document = json.loads(body or b"{}")
    except (ValueError, RecursionError) as error:
        return error_reply(environ, "SerializationException", f"The request is not JSON: {error}", 400)
    if not isinstance(document, dict):
        return error_reply(environ, "SerializationException", "The request is not a JSON object.", 400)
    return None


def _call(app: WSGIApplication, environ: Environ) -> tuple[str, list[tuple[str, str]], bytes]:
    started: list[Any] = []

    def start(status: str, headers: list[tuple[str, str]], exc_info: Any = None, /) -> Any:
        started[:] = [status, headers]
        return lambda _: None

    answer = app(environ, start)
    try:
        body = b"".join(answer)
    finally:
        if close := getattr(answer, "close", None):
            close()
    return started[0], started[1], body


def _names_its_error(headers: list[tuple[str, str]], body: bytes) -> bool:
    """Whether an error has a code; some of moto's Step Functions have none."""
    if any(name.lower() == "x-amzn-errortype" and value not in ("", "UnknownError") for name, value in headers):
        return True
    try:
        return bool(json.loads(body).get("__type"))
    except (ValueError, AttributeError):
        return False


def _message_of(body: bytes) -> str:
    try:
        document = json.loads(body)
        return str(document.get("message") or document.get("Message") or document)
    except (ValueError, AttributeError):
        return body.decode("utf-8", "replace")[:200]


def _as_aws(environ: Environ, status: str, headers: list[tuple[str, str]], body: bytes) -> Reply:
    """The answer without what would let a web page read it, with the request's id, and never a page for people.

    moto allows every origin (Cross-Origin Resource Sharing); some of its errors lack the id, without which its Step
    Functions engine fails; and some are pages of the web framework.
    """
    number, begins = int(status.split(maxsplit=1)[0]), _ERRORS.get(protocol_of(environ))
    text = body.lstrip()[:20].lower()
    is_page = text.startswith((b"<!doctype html", b"<html"))
    if is_page or (number >= 400 and begins and not text.startswith(begins) and environ["REQUEST_METHOD"] != "HEAD"):
        if number in (404, 405, 501):
            return unknown(environ, "The embedded AWS does not have this operation.")
        code = "ValidationException" if is_json(environ) else "ValidationError"
        return error_reply(environ, code, body.decode("utf-8", "replace")[:200] if not is_page else "Bad request.", 400)
    if number >= 400 and protocol_of(environ) == "json" and not _names_its_error(headers, body):
        code = "InvalidDefinition" if signed_service(environ) == "states" else "ValidationException"
        return error_reply(environ, code, _message_of(body), number)
    kept = {
        name: value
        for name, value in headers
        if not name.lower().startswith("access-control-") and name.lower() != "content-length"
    }
    if not any(name.lower() == "x-amzn-requestid" for name in kept):
        kept["x-amzn-RequestId"] = os.urandom(16).hex()
    if text.startswith(b"<"):
        kept["Content-Type"] = "text/xml"
    return Reply(b"" if environ["REQUEST_METHOD"] == "HEAD" else body, number, kept)
