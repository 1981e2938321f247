"""Checks on requests that AWS makes and moto does not; they run before moto sees the request."""

from __future__ import annotations

import io
import json
import re
import uuid
from collections.abc import Callable

from local_aws.coverage import AS_AWS, Operation
from local_aws.wire import Environ, ServiceError, read_json

#: Step Functions API Reference, "StartExecution": a name must not contain these characters
_FORBIDDEN = re.compile(r"[\s<>{}\[\]?*\"#%\\^|~`$&,;:/\x00-\x1f\x7f-\x9f]")
#: Step Functions Developer Guide, "Quotas"
MAX_NAME = 80
MAX_INPUT_BYTES = 262_144


def check_start(environ: Environ) -> None:
    """Check StartExecution's name and input; an execution without a name gets one.

    Raises
    ------
    ServiceError
        InvalidName or InvalidExecutionInput.
    """
    request = read_json(environ)
    name = request.setdefault("name", str(uuid.uuid4()))
    if not 1 <= len(name) <= MAX_NAME or _FORBIDDEN.search(name):
        raise ServiceError("InvalidName", f"Invalid Name: '{name}'")
    if len(request.get("input", "").encode()) > MAX_INPUT_BYTES:
        raise ServiceError("InvalidExecutionInput", f"The input is longer than {MAX_INPUT_BYTES} bytes")
    body = json.dumps(request).encode()
    environ["wsgi.input"], environ["CONTENT_LENGTH"] = io.BytesIO(body), str(len(body))


#: by the request's X-Amz-Target
CHECKED: dict[str, Operation[Callable[[Environ], None]]] = {
    "AWSStepFunctions.StartExecution": Operation("StartExecution", check_start, AS_AWS),
}


def check(environ: Environ) -> None:
    """Check a request of any operation, and add what is missing, such as an execution's name.

    Raises
    ------
    ServiceError
        AWS would refuse the request.
    """
    operation = CHECKED.get(environ.get("HTTP_X_AMZ_TARGET", ""))
    if operation is not None:
        operation.handler(environ)
