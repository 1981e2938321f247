"""AWS Lambda: keeps functions as the template declares them, and really runs each invocation in a process."""

from __future__ import annotations

import hashlib
import json
import math
import os
import re
import shutil
import sys
import tempfile
import threading
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from local_aws.awslambda.runtime_api import RuntimeApi
from local_aws.names import function_arn
from local_aws.sandbox import MEGABYTE, End, Limits, Outcome, Sandbox
from local_aws.sandbox.activity import StepEnded, StepLog, StepStarted
from local_aws.sandbox.containers import PID_FILE
from local_aws.sandbox.host import Host

#: AWS Lambda Developer Guide, "Lambda quotas"
MAX_PAYLOAD_BYTES = 6 * 1024 * 1024
#: memory that comes with one core (AWS Lambda Developer Guide, "Configure Lambda function memory")
MEGABYTES_A_VCPU = 1769
#: the end of the log that Invoke returns with LogType=Tail
TAIL_BYTES = 4096


class FunctionNotFound(Exception):
    """No such function, version or alias; `arn` names it."""

    def __init__(self, arn: str) -> None:
        super().__init__(f"Function not found: {arn}")
        self.arn = arn


@dataclass(frozen=True)
class Permission:
    """Who may invoke a function: a service principal, and the resource that it acts for."""

    principal: str
    source_arn: str | None = None


@dataclass
class Function:
    """One function, as `AWS::Lambda::Function` declares it.

    Parameters
    ----------
    handler:
        `package.module.function`.
    code:
        The folder that comes first on `sys.path`.
    timeout, memory_mb, scratch_mb:
        In seconds and MiB.
    configuration:
        The template's properties, for GetFunction.
    image_uri, image_digest:
        The image as the template names it, and by digest where functions run in their images.
    """

    name: str
    handler: str
    code: Path
    configuration: Mapping[str, Any]
    timeout: float = 3
    memory_mb: int = 128
    scratch_mb: int = 512
    environment: Mapping[str, str] = field(default_factory=dict)
    image_uri: str | None = None
    image_digest: str | None = None
    versions: list[str] = field(default_factory=list)
    aliases: dict[str, str] = field(default_factory=dict)
    permissions: list[Permission] = field(default_factory=list)
    max_retries: int = 2
    on_failure: str | None = None
    on_success: str | None = None
    dead_letter: str | None = None

    @property
    def arn(self) -> str:
        """The function's ARN, without a version."""
        return function_arn(self.name)

    @property
    def resolved_image_uri(self) -> str | None:
        """The image by digest, which is made from its name where images are not used."""
        if self.image_uri is None or self.image_digest is not None:
            return self.image_digest
        repository = re.sub(r"(:[^:/]+|@.+)$", "", self.image_uri)
        return f"{repository}@sha256:{hashlib.sha256(self.image_uri.encode()).hexdigest()}"

    def allows(self, principal: str, source_arn: str) -> bool:
        """Whether a service may invoke it on behalf of a resource."""
        return any(
            p.principal == principal and (p.source_arn is None or p.source_arn == source_arn) for p in self.permissions
        )


@dataclass(frozen=True)
class Caps:
    """Upper bounds for functions from images, to force a workflow's fallbacks; seconds, MiB, MiB."""

    timeout: float | None = None
    memory_mb: int | None = None
    scratch_mb: int | None = None

    def apply(self, function: Function) -> Function:
        """The function, with no more than the caps allow."""
        if function.image_uri is None:
            return function
        return replace(
            function,
            timeout=_at_most(function.timeout, self.timeout),
            memory_mb=int(_at_most(function.memory_mb, self.memory_mb)),
            scratch_mb=int(_at_most(function.scratch_mb, self.scratch_mb)),
        )


def _at_most(value: float, cap: float | None) -> float:
    return value if cap is None else min(value, cap)


@dataclass(frozen=True)
class Invocation:
    """What came of an invocation: `error` is Lambda's error object, or None; `payload` the answer's bytes."""

    request_id: str
    payload: bytes
    version: str
    log_tail: bytes
    error: Mapping[str, Any] | None = None


class Functions:
    """The functions of one embedded AWS."""

    def __init__(self, host: Host, caps: Caps) -> None:
        self._host = host
        self._caps = caps
        self._functions: dict[str, Function] = {}
        self._lock = threading.Lock()

    def add(self, function: Function) -> None:
        """Create a function, or replace it."""
        with self._lock:
            self._functions[function.name] = self._caps.apply(function)

    def all(self) -> list[Function]:
        """Every function, by name."""
        with self._lock:
            return sorted(self._functions.values(), key=lambda function: function.name)

    def get(self, reference: str, qualifier: str | None = None) -> tuple[Function, str]:
        """A function and the version meant, from a name, `name:qualifier` or any form of ARN.

        Raises
        ------
        FunctionNotFound
            There is no such function, version or alias.
        """
        name, _, suffix = reference.rpartition(":function:")[2].partition(":")
        qualifier = qualifier or suffix or "$LATEST"
        with self._lock:
            function = self._functions.get(name)
        if function is None:
            raise FunctionNotFound(function_arn(name, None if qualifier == "$LATEST" else qualifier))
        version = function.aliases.get(qualifier, qualifier)
        if version != "$LATEST" and version not in function.versions:
            raise FunctionNotFound(function_arn(name, qualifier))
        return function, version

    def publish_version(self, name: str) -> str:
        """A new version's number; its code and configuration are the function's."""
        function, _ = self.get(name)
        function.versions.append(str(len(function.versions) + 1))
        return function.versions[-1]

    def invoke(self, reference: str, payload: bytes, qualifier: str | None = None) -> Invocation:
        """Run the handler once, and wait for it.

        Raises
        ------
        FunctionNotFound
            There is no such function, version or alias.
        """
        function, version = self.get(reference, qualifier)
        request_id = str(uuid.uuid4())
        self._host.listener(StepStarted("lambda", function.name, request_id))
        sandbox = Path(tempfile.mkdtemp(prefix="lambda-", dir=self._host.sandboxes))
        try:
            outcome, tail = self._run(function, version, request_id, payload, sandbox)
            result, error = _answer(function, request_id, outcome, sandbox / "response.json")
        finally:
            shutil.rmtree(sandbox, ignore_errors=True)
        ended = StepEnded("lambda", function.name, request_id, outcome.seconds, error and error["errorType"])
        self._host.listener(ended)
        return Invocation(request_id, result, version, tail, error)

    def _run(
        self, function: Function, version: str, request_id: str, payload: bytes, sandbox: Path
    ) -> tuple[Outcome, bytes]:
        log = self._host.logs / "lambda" / function.name / f"{request_id}.log"
        (sandbox / "tmp").mkdir()
        (sandbox / "event.json").write_bytes(payload or b"{}")
        facts = {
            "handler": function.handler,
            "code": os.fspath(function.code),
            "function_name": function.name,
            "function_version": version,
            "invoked_function_arn": function_arn(function.name, None if version == "$LATEST" else version),
            "memory_mb": function.memory_mb,
            "timeout_seconds": function.timeout,
            "scratch_bytes": function.scratch_mb * MEGABYTE,
            "request_id": request_id,
            "log_group": f"/aws/lambda/{function.name}",
            "log_stream": request_id,
        }
        (sandbox / "invocation.json").write_text(json.dumps(facts))

        def on_line(line: str) -> None:
            self._host.listener(StepLog("lambda", function.name, request_id, line))

        run = self._run_container if function.image_uri and self._host.containers else self._run_process
        return run(function, version, sandbox, on_line, log), log.read_bytes()[-TAIL_BYTES:]

    def _run_process(
        self, function: Function, version: str, sandbox: Path, on_line: Callable[[str], None], log: Path
    ) -> Outcome:
        environment = {**self._host.environment, "PYTHONUNBUFFERED": "1", "TMPDIR": os.fspath(sandbox / "tmp")}
        return self._host.processes.run(
            [sys.executable, os.fspath(Path(__file__).with_name("bootstrap.py")), os.fspath(sandbox)],
            env=environment | _function_environment(function, version, self._host.cores),
            cwd=function.code,
            limits=Limits(
                seconds=function.timeout,
                memory_bytes=function.memory_mb * MEGABYTE,
                scratch=sandbox / "tmp",
                scratch_bytes=function.scratch_mb * MEGABYTE,
                starts_with=sandbox / "initialised",
            ),
            on_line=on_line,
            log=log,
        )

    def _run_container(
        self, function: Function, version: str, sandbox: Path, on_line: Callable[[str], None], log: Path
    ) -> Outcome:
        containers, running = self._host.containers, list[Sandbox]()
        assert containers is not None
        assert function.resolved_image_uri is not None
        with RuntimeApi(sandbox, on_idle=lambda: running[0].kill(End.EXITED)) as api:
            command = containers.function(
                function.resolved_image_uri,
                function.configuration["ImageConfig"],
                {**_function_environment(function, version, self._host.cores), "AWS_LAMBDA_RUNTIME_API": api.address},
                function.scratch_mb,
                sandbox,
            )
            return self._host.processes.run(
                command,
                env=os.environ,
                cwd=function.code,
                limits=Limits(
                    seconds=function.timeout,
                    memory_bytes=function.memory_mb * MEGABYTE,
                    starts_with=sandbox / "initialised",
                    container=sandbox / PID_FILE,
                ),
                on_line=on_line,
                log=log,
                on_start=running.append,
            )


def _function_environment(function: Function, version: str, cores: int) -> dict[str, str]:
    return {
        "POWERTOOLS_TRACE_DISABLED": "true",  # there is no X-Ray daemon
        "AWS_LAMBDA_FUNCTION_NAME": function.name,
        "AWS_LAMBDA_FUNCTION_VERSION": version,
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(function.memory_mb),
        "AWS_LAMBDA_LOG_GROUP_NAME": f"/aws/lambda/{function.name}",
        "_HANDLER": function.handler,
        "PYTHON_CPU_COUNT": str(max(1, min(cores, math.ceil(function.memory_mb / MEGABYTES_A_VCPU)))),
        **function.environment,
    }


def _answer(
    function: Function, request_id: str, outcome: Outcome, response: Path
) -> tuple[bytes, Mapping[str, Any] | None]:
    """The answer's bytes, and Lambda's error object where there is one."""
    error = _sandbox_error(function, request_id, outcome)
    if error is None and not response.exists():
        reason = f"exit status {outcome.returncode}" if outcome.returncode > 0 else _signal(outcome.returncode)
        error = _error(request_id, "Runtime.ExitError", f"Runtime exited with error: {reason}")
    if error is None:
        answer = json.loads(response.read_text())
        error = answer.get("error")
        if error is None and len(answer["result"]) > MAX_PAYLOAD_BYTES:
            message = f"Response payload size exceeded maximum allowed payload size ({MAX_PAYLOAD_BYTES} bytes)."
            error = {"errorType": "Function.ResponseSizeTooLarge", "errorMessage": message}
    if error is not None:
        return json.dumps(error).encode(), error
    return answer["result"].encode(), None


def _sandbox_error(function: Function, request_id: str, outcome: Outcome) -> Mapping[str, Any] | None:
    if outcome.end is End.TIMED_OUT:
        return _error(request_id, "Sandbox.Timedout", f"Task timed out after {function.timeout:.2f} seconds")
    if outcome.end in (End.OUT_OF_MEMORY, End.TERMINATED):
        return _error(request_id, "Runtime.ExitError", "Runtime exited with error: signal: killed")
    if outcome.end is End.OUT_OF_SCRATCH:  # what a write that meets a full /tmp raises
        return {"errorType": "OSError", "errorMessage": "[Errno 28] No space left on device", "requestId": request_id}
    return None


def _error(request_id: str, error_type: str, message: str) -> dict[str, Any]:
    return {"errorType": error_type, "errorMessage": f"RequestId: {request_id} Error: {message}"}


def _signal(returncode: int) -> str:
    names = {-9: "killed", -11: "segmentation fault", -6: "aborted"}
    return f"signal: {names.get(returncode, -returncode)}" if returncode < 0 else "exit status 0"
