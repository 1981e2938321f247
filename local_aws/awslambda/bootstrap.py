"""The inside of one function sandbox: imports the handler, calls it once, writes down what came of it.

Runs as a script in a process of its own; imports nothing of the embedded AWS. What it is told comes
through the sandbox's `invocation.json`, what it answers goes into `response.json`
(AWS Lambda Developer Guide, "Building a custom runtime": the same facts as the Runtime API's).
"""

from __future__ import annotations

import collections
import importlib
import json
import os
import resource
import shutil
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any


class LambdaContext:
    """What a handler learns about its invocation (Developer Guide, "Using the Lambda context object")."""

    def __init__(self, facts: dict[str, Any]) -> None:
        self.function_name = facts["function_name"]
        self.function_version = facts["function_version"]
        self.invoked_function_arn = facts["invoked_function_arn"]
        self.memory_limit_in_mb = str(facts["memory_mb"])
        self.aws_request_id = facts["request_id"]
        self.log_group_name = facts["log_group"]
        self.log_stream_name = facts["log_stream"]
        self.identity = SimpleNamespace(cognito_identity_id=None, cognito_identity_pool_id=None)
        self.client_context = None
        self.tenant_id = None
        self._deadline = time.monotonic() + facts["timeout_seconds"]

    def get_remaining_time_in_millis(self) -> int:
        """Milliseconds until the time-out."""
        return max(0, int((self._deadline - time.monotonic()) * 1000))

    def log(self, message: object) -> None:
        """Write to the function's log."""
        sys.stdout.write(str(message))


class Unusable(Exception):
    """The runtime's own complaint about the code, by its name in Lambda's errors."""

    def __init__(self, error_type: str, message: str) -> None:
        super().__init__(message)
        self.error_type = error_type


def main(folder: Path) -> None:
    """Serve the one invocation that is described in `folder`."""
    facts = json.loads((folder / "invocation.json").read_text())
    sys.path[0] = facts["code"]
    _limit_scratch(folder / "tmp", facts["scratch_bytes"])
    try:
        handler = _import_handler(facts["handler"])
        context = LambdaContext(facts)
        (folder / "initialised").touch()
        response = {"result": _to_json(handler(json.loads((folder / "event.json").read_bytes()), context))}
    except Unusable as error:
        response = {"error": _describe(error.error_type, error, facts["request_id"], [])}
    except Exception as error:
        trace = traceback.format_list(traceback.extract_tb(error.__traceback__)[1:])
        print(f"[ERROR] {type(error).__name__}: {error}", *trace, sep="\n", flush=True)
        response = {"error": _describe(type(error).__name__, error, facts["request_id"], trace)}
    sys.stdout.flush()
    (folder / "response.json").write_text(json.dumps(response))


def _describe(error_type: str, error: Exception, request_id: str, trace: list[str]) -> dict[str, Any]:
    return {"errorMessage": str(error), "errorType": error_type, "requestId": request_id, "stackTrace": trace}


def _import_handler(name: str) -> Callable[[Any, LambdaContext], Any]:
    module_name, _, function_name = name.rpartition(".")
    if not module_name:
        raise Unusable("Runtime.MalformedHandlerName", f"Bad handler '{name}': not enough values to unpack")
    try:
        module = importlib.import_module(module_name.replace("/", "."))
    except ImportError as error:
        traceback.print_exc()
        raise Unusable("Runtime.ImportModuleError", f"Unable to import module '{module_name}': {error}") from error
    except SyntaxError as error:
        raise Unusable("Runtime.UserCodeSyntaxError", f"Syntax error in module '{module_name}': {error}") from error
    try:
        return getattr(module, function_name)
    except AttributeError as error:
        message = f"Handler '{function_name}' missing on module '{module_name}'"
        raise Unusable("Runtime.HandlerNotFound", message) from error


def _to_json(result: Any) -> str:
    try:
        return json.dumps(result)
    except (TypeError, ValueError) as error:
        raise Unusable("Runtime.MarshalError", f"Unable to marshal response: {error}") from error


def _limit_scratch(tmp: Path, limit: int) -> None:
    """Make /tmp's size visible, and end any single file that outgrows it; the sum is watched from outside."""
    real_usage = shutil.disk_usage
    usage = collections.namedtuple("usage", "total used free")

    def disk_usage(path: Any) -> Any:
        inside = Path(os.fsdecode(path)).resolve().is_relative_to(tmp.resolve())
        if not inside:
            return real_usage(path)
        used = sum(file.stat().st_blocks * 512 for file in tmp.rglob("*") if file.is_file())
        return usage(limit, used, max(0, limit - used))

    shutil.disk_usage = disk_usage
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
