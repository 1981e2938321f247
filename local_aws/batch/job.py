"""A job of AWS Batch: its settings, its state, and how AWS describes it."""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NotRequired, TypedDict

from local_aws.names import arn
from local_aws.sandbox import Sandbox

#: in the order in which a job passes through them (AWS Batch User Guide, "Job states")
STATES = ("SUBMITTED", "PENDING", "RUNNABLE", "STARTING", "RUNNING", "SUCCEEDED", "FAILED")
FINISHED = STATES[-2:]
#: of a container: empty unless the definition or the attempt has some
_LISTS = ("mountPoints", "networkInterfaces", "resourceRequirements", "ulimits", "volumes")
#: memory of a job whose definition names none, in MiB
DEFAULT_MEMORY = 2048


def milliseconds() -> int:
    """The time now, as AWS Batch gives times: ms since 1970."""
    return int(time.time() * 1000)


class JobDefinition(TypedDict):
    """A revision of a job definition, as DescribeJobDefinitions shows it."""

    jobDefinitionName: str
    jobDefinitionArn: str
    revision: int
    status: str
    type: str
    containerProperties: Mapping[str, Any]
    parameters: NotRequired[Mapping[str, str]]
    retryStrategy: NotRequired[Mapping[str, Any]]
    timeout: NotRequired[Mapping[str, int]]
    platformCapabilities: NotRequired[list[str]]
    tags: NotRequired[Mapping[str, str]]


@dataclass(eq=False)
class Job:
    """A job, an array job (which has `children`), or a child of an array job (which has a `parent`).

    Parameters
    ----------
    queue:
        The queue's ARN.
    request:
        SubmitJob's request.
    index:
        A child's index in its array, from 0.
    created, started, stopped:
        In ms since 1970.
    stop_reason:
        Why somebody ended it, if somebody did.
    cores:
        How many of this machine's cores it may use.
    """

    id: str
    name: str
    queue: str
    definition: JobDefinition
    request: Mapping[str, Any]
    parent: Job | None = None
    index: int | None = None
    children: list[Job] = field(default_factory=list)
    status: str = "SUBMITTED"
    status_reason: str | None = None
    created: int = field(default_factory=milliseconds)
    started: int | None = None
    stopped: int | None = None
    attempts: list[dict[str, Any]] = field(default_factory=list)
    container: dict[str, Any] = field(default_factory=dict)
    stop_reason: str | None = None
    sandbox: Sandbox | None = None
    cores: int = 1
    ended: threading.Event = field(default_factory=threading.Event, repr=False)

    def __post_init__(self) -> None:
        size = self.request.get("arrayProperties", {}).get("size") or 0
        if self.index is None:
            self.children = [
                Job(f"{self.id}:{index}", self.name, self.queue, self.definition, self.request, self, index)
                for index in range(size)
            ]

    @property
    def arn(self) -> str:
        """The job's ARN."""
        return arn("batch", f"job/{self.id}")

    @property
    def task_arn(self) -> str:
        """The ARN of the task of Amazon ECS that runs it."""
        return arn("ecs", f"task/AWSBatch/{self.id.replace(':', '-')}")

    @property
    def log_group(self) -> str:
        """The log group of its output."""
        return self._log_options().get("awslogs-group", "/aws/batch/job")

    @property
    def log_stream(self) -> str:
        """The log stream of its output; all its attempts share it."""
        prefix = self._log_options().get("awslogs-stream-prefix") or self.definition["jobDefinitionName"]
        return f"{prefix}/default/{self.id.replace(':', '-')}"

    def _log_options(self) -> Mapping[str, str]:
        options: Mapping[str, str] = (
            self.definition["containerProperties"].get("logConfiguration", {}).get("options", {})
        )
        return options

    @property
    def runs(self) -> list[Job]:
        """The jobs that have containers: an array's children, or the job itself."""
        return self.children or [self]

    @property
    def finished(self) -> bool:
        """Whether it has succeeded or failed."""
        return self.status in FINISHED

    # ------------------------------------------------------------ settings
    def retry_strategy(self) -> Mapping[str, Any]:
        """How often and when it is tried again; empty if nothing says so."""
        return self.request.get("retryStrategy") or self.definition.get("retryStrategy") or {}

    def timeout(self) -> Mapping[str, int]:
        """`{"attemptDurationSeconds": …}`; empty if an attempt may take any time."""
        return self.request.get("timeout") or self.definition.get("timeout") or {}

    def parameters(self) -> dict[str, str]:
        """The definition's parameters, overridden by the request's."""
        return {**self.definition.get("parameters", {}), **self.request.get("parameters", {})}

    def command(self) -> list[str]:
        """The command; each word `Ref::name` is replaced by the value of that parameter."""
        parameters = self.parameters()
        command = self._overrides().get("command") or self.definition["containerProperties"].get("command", [])
        return [re.sub(r"^Ref::(.+)$", lambda match: parameters.get(match[1], match[0]), word) for word in command]

    def declared_environment(self) -> dict[str, str]:
        """The definition's variables, overridden by the request's."""
        return {pair["name"]: pair["value"] for pair in self._properties("environment")}

    def overrides_length(self) -> int:
        """The characters of what AWS Batch gives to Amazon ECS as overrides of the container."""
        overrides = {
            "name": "default",
            "command": self.command(),
            "environment": self._described_environment(),
            "resourceRequirements": self._properties("resourceRequirements"),
        }
        return len(json.dumps(overrides, ensure_ascii=False))

    def _described_environment(self) -> list[dict[str, str]]:
        return [{"name": name, "value": value} for name, value in self.declared_environment().items()]

    def environment(self) -> dict[str, str]:
        """The definition's and the request's variables and AWS Batch's own ("AWS Batch job environment variables")."""
        environment = self.declared_environment() | {
            "AWS_BATCH_JOB_ID": self.id,
            "AWS_BATCH_JOB_ATTEMPT": str(len(self.attempts) + 1),
            "AWS_BATCH_JQ_NAME": self.queue.rpartition("/")[2],
            "PYTHON_CPU_COUNT": str(self.cores),
        }
        if self.parent is not None:
            environment["AWS_BATCH_JOB_ARRAY_INDEX"] = str(self.index)
            environment["AWS_BATCH_JOB_ARRAY_SIZE"] = str(len(self.parent.children))
        return environment

    def memory_mb(self) -> int:
        """The memory that the container may use, in MiB."""
        wanted = {pair["type"]: float(pair["value"]) for pair in self._properties("resourceRequirements")}
        return int(wanted.get("MEMORY") or self.definition["containerProperties"].get("memory") or DEFAULT_MEMORY)

    def _overrides(self) -> Mapping[str, Any]:
        overrides: Mapping[str, Any] = self.request.get("containerOverrides", {})
        return overrides

    def _properties(self, name: str) -> list[dict[str, Any]]:
        return [*self.definition["containerProperties"].get(name, []), *self._overrides().get(name, [])]

    # ------------------------------------------------------------ state
    def finish(self, succeeded: bool, reason: str | None) -> None:
        """Mark it as ended; `reason` is worded as AWS words it."""
        self.stopped, self.status_reason = milliseconds(), reason
        self.status = "SUCCEEDED" if succeeded else "FAILED"
        self.ended.set()

    def settle(self) -> None:
        """End an array once all its children have ended; it fails if a child has failed."""
        if not self.children or self.finished or not all(child.finished for child in self.children):
            return
        if any(child.status == "FAILED" for child in self.children):
            self.finish(False, self.stop_reason or "Array Child Job failed")
        else:
            self.finish(True, None)

    # ------------------------------------------------------------ descriptions
    def describe(self) -> dict[str, Any]:
        """As DescribeJobs shows it."""
        facts = {
            **self._common(),
            "jobQueue": self.queue,
            "attempts": self.attempts,
            "parameters": self.parameters(),
            "retryStrategy": self.retry_strategy() or None,
            "timeout": self.timeout() or None,
            "tags": self.request.get("tags", {}),
            "platformCapabilities": self.definition.get("platformCapabilities"),
            "isTerminated": self.stop_reason is not None,
            "isCancelled": False,
            "dependsOn": [],
            "container": {
                **{name: [] for name in _LISTS},
                **self.definition["containerProperties"],
                "command": self.command(),
                "environment": self._described_environment(),
                **({"logStreamName": self.log_stream} if self.status == "RUNNING" and not self.children else {}),
                **self.container,
            },
        }
        return {name: value for name, value in facts.items() if value is not None}

    def summarize(self) -> dict[str, Any]:
        """As ListJobs shows it."""
        ended = {name: self.container[name] for name in ("exitCode", "reason") if name in self.container}
        facts = {**self._common(), "container": ended or None}
        return {name: value for name, value in facts.items() if value is not None}

    def _common(self) -> dict[str, Any]:
        return {
            "jobId": self.id,
            "jobArn": self.arn,
            "jobName": self.name,
            "jobDefinition": self.definition["jobDefinitionArn"],
            "status": self.status,
            "statusReason": self.status_reason,
            "createdAt": self.created,
            "startedAt": self.started,
            "stoppedAt": self.stopped,
            "arrayProperties": self._array(),
        }

    def _array(self) -> dict[str, Any] | None:
        if self.index is not None:
            return {"index": self.index}
        if not self.children:
            return None
        states = [child.status for child in self.children]
        return {"size": len(states), "statusSummary": {state: states.count(state) for state in STATES}}
