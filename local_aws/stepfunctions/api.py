"""What moto's Step Functions lets pass and AWS doesn't, checked before a request reaches it."""

from __future__ import annotations

import io
import json
import re
import uuid

from local_aws.wire import Environ, ServiceError, read_body

#: Step Functions API Reference, "StartExecution": these characters are refused in a name
_FORBIDDEN = re.compile(r"[\s<>{}\[\]?*\"#%\\^|~`$&,;:/\x00-\x1f\x7f-\x9f]")
MAX_NAME = 80
MAX_INPUT_BYTES = 262_144


def handles(environ: Environ) -> bool:
    """Whether it is StartExecution."""
    return environ.get("HTTP_X_AMZ_TARGET") == "AWSStepFunctions.StartExecution"


def prepare_start(environ: Environ) -> None:
    """Check the request and give the execution a name where it has none, as AWS does.

    Raises
    ------
    ServiceError
        InvalidName, or InvalidExecutionInput.
    """
    request = json.loads(read_body(environ))
    name = request.setdefault("name", str(uuid.uuid4()))
    if not 1 <= len(name) <= MAX_NAME or _FORBIDDEN.search(name):
        raise ServiceError("InvalidName", f"Invalid Name: '{name}'")
    if len(request.get("input", "").encode()) > MAX_INPUT_BYTES:
        raise ServiceError("InvalidExecutionInput", f"The input is longer than {MAX_INPUT_BYTES} bytes")
    body = json.dumps(request).encode()
    environ["wsgi.input"], environ["CONTENT_LENGTH"] = io.BytesIO(body), str(len(body))
