"""Runs inside a function's environment: imports the handler once, then calls it for one event after another.

It is a script in a process of its own that imports nothing of the embedded AWS. It gets the folder of each invocation
as a line on its standard input. It reads `invocation.json` and `event.json` there, writes `response.json`, and prints
a mark that ends the output of the invocation (AWS Lambda Developer Guide, "Building a custom runtime": the facts are
those of the Runtime API). `messages.py` describes the files.
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
    """What a handler can ask about its invocation (Developer Guide, "Using the Lambda context object")."""

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


Handler = Callable[[Any, LambdaContext], Any]


class Unusable(Exception):
    """The runtime cannot run the code; `error_type` is the name of Lambda's error."""

    def __init__(self, error_type: str, message: str) -> None:
        super().__init__(message)
        self.error_type = error_type


def main(tmp: Path) -> None:
    """Run the invocations whose folders come on standard input; `tmp` is the environment's /tmp."""
    orders = os.fdopen(os.dup(0), encoding="utf-8")  # processes that a handler starts do not inherit a duplicate
    with Path(os.devnull).open("rb") as nothing:
        os.dup2(nothing.fileno(), 0)
    handler: Handler | None = None
    for order in orders:
        folder = Path(json.loads(order))
        facts = json.loads((folder / "invocation.json").read_text())
        try:
            if handler is None:
                sys.path[0] = facts["code"]
                _limit_scratch(tmp, facts["scratch_bytes"])
                handler = _import_handler(facts["handler"])
            (folder / "initialised").touch()
            response = _call(handler, json.loads((folder / "event.json").read_bytes()), LambdaContext(facts))
        except Unusable as error:
            response = {"error": _describe(error.error_type, error, facts["request_id"], [])}
        _leave(folder, response)
        if handler is None:
            return  # the end of the output tells that this environment is of no use
        os.write(1, f"{facts['end_mark']}\n".encode())


def _call(handler: Handler, event: Any, context: LambdaContext) -> dict[str, Any]:
    """The response of one invocation.

    Raises
    ------
    Unusable
        The result is not JSON.
    """
    try:
        return {"result": _to_json(handler(event, context))}
    except Unusable:
        raise
    except Exception as error:
        trace = traceback.format_list(traceback.extract_tb(error.__traceback__)[1:])
        print(f"[ERROR] {type(error).__name__}: {error}", *trace, sep="\n", flush=True)
        return {"error": _describe(type(error).__name__, error, context.aws_request_id, trace)}


def _leave(folder: Path, response: dict[str, Any]) -> None:
    """Write the response after all output."""
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    written = folder / "response.json.part"  # a full disk leaves no half of a response
    written.write_text(json.dumps(response))
    written.rename(folder / "response.json")


def _describe(error_type: str, error: Exception, request_id: str, trace: list[str]) -> dict[str, Any]:
    return {"errorMessage": str(error), "errorType": error_type, "requestId": request_id, "stackTrace": trace}


def _import_handler(name: str) -> Handler:
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
        handler: Handler = getattr(module, function_name)
    except AttributeError as error:
        message = f"Handler '{function_name}' missing on module '{module_name}'"
        raise Unusable("Runtime.HandlerNotFound", message) from error
    return handler


def _to_json(result: Any) -> str:
    try:
        return json.dumps(result)
    except (TypeError, ValueError) as error:
        raise Unusable("Runtime.MarshalError", f"Unable to marshal response: {error}") from error


def _limit_scratch(tmp: Path, limit: int) -> None:
    """Make `shutil.disk_usage` show the limit of /tmp, and limit each file to it; the sum is checked from outside."""
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
