"""One invocation: runs the handler in an environment or a container, and judges how it ended."""

from __future__ import annotations

import json
import math
import os
import shutil
import tempfile
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from local_aws.awslambda.environments import Order, Turn
from local_aws.awslambda.function import Function
from local_aws.awslambda.messages import InvocationFacts, LambdaError, Response
from local_aws.awslambda.runtime_api import RuntimeApi
from local_aws.names import function_arn
from local_aws.sandbox import MEGABYTE, End, Limits, Outcome, Sandbox
from local_aws.sandbox.activity import StepLog, StepStarted
from local_aws.sandbox.containers import PID_FILE
from local_aws.sandbox.host import Host

#: 6 MB (AWS Lambda Developer Guide, "Lambda quotas"), and a hundred bytes more, as Lambda's own error says
MAX_PAYLOAD_BYTES = 6_291_556
#: memory that comes with one core (AWS Lambda Developer Guide, "Configure Lambda function memory")
MEGABYTES_A_VCPU = 1769
#: the end of the log that Invoke returns for LogType=Tail
TAIL_BYTES = 4096


@dataclass(frozen=True)
class Invocation:
    """How an invocation ended.

    Parameters
    ----------
    payload:
        The response: the handler's result, or the error, as JSON.
    log_tail:
        The end of what it printed.
    seconds:
        Its duration.
    error:
        None if the handler returned.
    """

    request_id: str
    payload: bytes
    version: str
    log_tail: bytes
    seconds: float
    error: LambdaError | None = None


def invoke(host: Host, turn: Turn, function: Function, version: str, payload: bytes) -> Invocation:
    """Run the handler once, and wait until it has ended."""
    request_id = str(uuid.uuid4())
    host.listener(StepStarted("lambda", function.name, request_id))
    folder = Path(tempfile.mkdtemp(prefix="lambda-", dir=host.sandboxes))
    try:
        run = _Run(host, function, version, request_id, folder)
        run.prepare(payload)
        outcome = run.in_container() if function.image_uri and host.containers else run.in_process(turn)
        tail = run.log.read_bytes()[-TAIL_BYTES:] if run.log.exists() else b""
        result, error = _judge(function, request_id, outcome, folder / "response.json")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return Invocation(request_id, result, version, tail, outcome.seconds, error)


@dataclass(frozen=True)
class _Run:
    """An invocation in a sandbox folder."""

    host: Host
    function: Function
    version: str
    request_id: str
    folder: Path
    end_mark: str = field(default_factory=lambda: uuid.uuid4().hex)

    @property
    def log(self) -> Path:
        """The file with its output."""
        return self.host.logs / "lambda" / self.function.name / f"{self.request_id}.log"

    def prepare(self, payload: bytes) -> None:
        """Write the files that the sandbox reads."""
        function = self.function
        facts: InvocationFacts = {
            "handler": function.handler,
            "code": os.fspath(function.code),
            "function_name": function.name,
            "function_version": self.version,
            "invoked_function_arn": function_arn(function.name, None if self.version == "$LATEST" else self.version),
            "memory_mb": function.memory_mb,
            "timeout_seconds": function.timeout,
            "scratch_bytes": function.scratch_mb * MEGABYTE,
            "request_id": self.request_id,
            "log_group": function.log_group,
            "log_stream": log_stream(self.request_id),
            "end_mark": self.end_mark,
        }
        (self.folder / "event.json").write_bytes(payload or b"{}")
        (self.folder / "invocation.json").write_text(json.dumps(facts))

    def in_process(self, turn: Turn) -> Outcome:
        """Let an environment run `bootstrap.py`."""
        limits = Limits(
            seconds=self.function.timeout,
            memory_bytes=self.function.memory_mb * MEGABYTE,
            scratch_bytes=self.function.scratch_mb * MEGABYTE,
            starts_with=self.folder / "initialised",
        )
        return turn.run(self.function, self.version, Order(self.folder, limits, self.end_mark, self._tell, self.log))

    def in_container(self) -> Outcome:
        """Run the function's image, whose runtime asks the Runtime API."""
        function, containers, running = self.function, self.host.containers, list[Sandbox]()
        assert containers is not None
        assert function.resolved_image_uri is not None
        environment = function_environment(function, self.version, self.host.cores)
        with RuntimeApi(self.folder, on_idle=lambda: running[0].kill(End.EXITED)) as api:
            command = containers.function(
                function.resolved_image_uri,
                function.configuration["ImageConfig"],
                {**environment, "AWS_LAMBDA_RUNTIME_API": api.address},
                function.scratch_mb,
                self.folder,
            )
            return self.host.processes.run(
                command,
                env={**os.environ, **self._credentials()},
                cwd=function.code,
                limits=Limits(
                    seconds=function.timeout,
                    memory_bytes=function.memory_mb * MEGABYTE,
                    starts_with=self.folder / "initialised",
                    container=self.folder / PID_FILE,
                ),
                on_line=self._tell,
                log=self.log,
                on_start=running.append,
            )

    def _credentials(self) -> Mapping[str, str]:
        return self.host.credentials(self.function.configuration.get("Role", ""))

    def _tell(self, line: str) -> None:
        self.host.listener(StepLog("lambda", self.function.name, self.request_id, line))


def function_environment(function: Function, version: str, cores: int) -> dict[str, str]:
    """The variables that Lambda sets, and the function's own; `cores` is how many this machine has."""
    return {
        "POWERTOOLS_TRACE_DISABLED": "true",  # there is no X-Ray daemon
        "AWS_LAMBDA_FUNCTION_NAME": function.name,
        "AWS_LAMBDA_FUNCTION_VERSION": version,
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(function.memory_mb),
        "AWS_LAMBDA_LOG_GROUP_NAME": function.log_group,
        "_HANDLER": function.handler,
        "PYTHON_CPU_COUNT": str(max(1, min(cores, math.ceil(function.memory_mb / MEGABYTES_A_VCPU)))),
        **function.environment,
    }


def log_stream(request_id: str) -> str:
    """The log stream of an invocation that starts today; each has one of its own, because each is a new sandbox."""
    return time.strftime("%Y/%m/%d/[$LATEST]", time.gmtime()) + request_id.replace("-", "")


def _judge(
    function: Function, request_id: str, outcome: Outcome, response_file: Path
) -> tuple[bytes, LambdaError | None]:
    """The response's bytes, and the error if there is one."""
    error = _sandbox_error(function, request_id, outcome)
    if error is None and not response_file.exists():
        reason = f"exit status {outcome.returncode}" if outcome.returncode > 0 else _signal(outcome.returncode)
        error = _error(request_id, "Runtime.ExitError", f"Runtime exited with error: {reason}")
    if error is None:
        response: Response = json.loads(response_file.read_text())
        error = response.get("error")
        if error is None and len(response["result"]) > MAX_PAYLOAD_BYTES:
            message = f"Response payload size exceeded maximum allowed payload size ({MAX_PAYLOAD_BYTES} bytes)."
            error = {"errorType": "Function.ResponseSizeTooLarge", "errorMessage": message}
        if error is None:
            return response["result"].encode(), None
    return json.dumps(error).encode(), error


def _sandbox_error(function: Function, request_id: str, outcome: Outcome) -> LambdaError | None:
    if outcome.end is End.TIMED_OUT:
        return _error(request_id, "Sandbox.Timedout", f"Task timed out after {function.timeout:.2f} seconds")
    if outcome.end in (End.OUT_OF_MEMORY, End.TERMINATED):
        return _error(request_id, "Runtime.ExitError", "Runtime exited with error: signal: killed")
    if outcome.end is End.OUT_OF_SCRATCH:  # the error of a write when /tmp is full
        return {"errorType": "OSError", "errorMessage": "[Errno 28] No space left on device", "requestId": request_id}
    return None


def _error(request_id: str, error_type: str, message: str) -> LambdaError:
    return {"errorType": error_type, "errorMessage": f"RequestId: {request_id} Error: {message}"}


def _signal(returncode: int) -> str:
    names = {-9: "killed", -11: "segmentation fault", -6: "aborted"}
    return f"signal: {names.get(returncode, -returncode)}" if returncode < 0 else "exit status 0"
