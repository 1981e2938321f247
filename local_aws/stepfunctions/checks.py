"""Checks on requests that AWS makes and moto does not; they run before moto sees the request."""

from __future__ import annotations

import io
import json
import re
import uuid
from typing import Any, NoReturn

from local_aws.wire import Environ, ServiceError

#: Step Functions API Reference, "StartExecution": a name must not contain these characters
_FORBIDDEN = re.compile(r"[\s<>{}\[\]?*\"#%\\^|~`$&,;:/\x00-\x1f\x7f-\x9f]")
#: Step Functions Developer Guide, "Quotas"
MAX_NAME = 80
MAX_INPUT_BYTES = 262_144


def check_start(request: dict[str, Any]) -> None:
    """Check StartExecution's name and input; an execution without a name gets one.

    Raises
    ------
    ServiceError
        InvalidName, InvalidExecutionInput or SerializationException.
    """
    name, text = request.setdefault("name", str(uuid.uuid4())), request.get("input")
    if not isinstance(name, str) or not isinstance(text, str | None):
        raise ServiceError("SerializationException", "name and input must be texts.")
    if not 1 <= len(name) <= MAX_NAME or _FORBIDDEN.search(name):
        raise ServiceError("InvalidName", f"Invalid Name: '{name}'")
    if text is None:
        return
    if len(text.encode("utf-8", "surrogatepass")) > MAX_INPUT_BYTES:
        raise ServiceError("InvalidExecutionInput", f"The input is longer than {MAX_INPUT_BYTES} bytes")
    try:
        json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise ServiceError("InvalidExecutionInput", f"Invalid State Machine Execution Input: {error}") from error


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")


def replace_body(environ: Environ, request: dict[str, Any]) -> None:
    """Let the next reader of a request read this one."""
    body = json.dumps(request).encode()
    environ["wsgi.input"], environ["CONTENT_LENGTH"] = io.BytesIO(body), str(len(body))
