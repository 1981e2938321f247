"""The JSON that passes through a function's sandbox folder: `invocation.json` goes in, `response.json` comes out."""

from __future__ import annotations

from typing import NotRequired, TypedDict


class InvocationFacts(TypedDict):
    """What a sandbox is told about its invocation.

    `timeout_seconds` in s, `memory_mb` in MiB, `scratch_bytes` in B; `end_mark` ends the invocation's output.
    """

    handler: str
    code: str
    function_name: str
    function_version: str
    invoked_function_arn: str
    memory_mb: int
    timeout_seconds: float
    scratch_bytes: int
    request_id: str
    log_group: str
    log_stream: str
    end_mark: str


class LambdaError(TypedDict):
    """Lambda's error object, the payload of an invocation that failed."""

    errorType: str
    errorMessage: str
    requestId: NotRequired[str]
    stackTrace: NotRequired[list[str]]


class Response(TypedDict, total=False):
    """What a sandbox leaves: `result`, the handler's result as JSON text, or `error`."""

    result: str
    error: LambdaError
