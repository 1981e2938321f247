"""AWS Batch: keeps queues and job definitions as the template declares them, and really runs the jobs."""

from __future__ import annotations

import os
import re
import shutil
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from local_aws.activity import StepEnded, StepLog, StepStarted
from local_aws.batch_retry import TASK_EXITED, TIMED_OUT, should_retry
from local_aws.containers import PID_FILE
from local_aws.host import Host
from local_aws.names import arn
from local_aws.processes import MEGABYTE, End, Limits, Outcome, Sandbox
from local_aws.wire import ServiceError

OUT_OF_MEMORY = "OutOfMemoryError: Container killed due to memory usage"
#: exit status of a container that was killed (128 + SIGKILL)
KILLED = 137
FINISHED = ("SUCCEEDED", "FAILED")


def client_error(message: str) -> ServiceError:
    """The caller's mistake."""
    return ServiceError("ClientException", message, 400)


def _milliseconds() -> int:
    return int(time.time() * 1000)


@dataclass(eq=False)
class Job:
    """A job, an array of jobs, or one child of an array; the fields of DescribeJobs are made by `describe`."""

    id: str
    name: str
    queue: str
    definition: Mapping[str, Any]
    request: Mapping[str, Any]
    index: int | None = None
    children: list[Job] = field(default_factory=list)
    status: str = "SUBMITTED"
    status_reason: str | None = None
    created: int = field(default_factory=_milliseconds)
    started: int | None = None
    stopped: int | None = None
    attempts: list[dict[str, Any]] = field(default_factory=list)
    container: dict[str, Any] = field(default_factory=dict)
    stop_reason: str | None = None
    sandbox: Sandbox | None = None

    @property
    def arn(self) -> str:
        """The job's ARN."""
        return arn("batch", f"job/{self.id}")

    def setting(self, name: str) -> Any:
        """A setting of the job, or of its definition."""
        return self.request.get(name) or self.definition.get(name) or {}

    def command(self) -> list[str]:
        """The command with each `Ref::name` element replaced by that parameter's value."""
        parameters = {**self.definition.get("parameters", {}), **self.request.get("parameters", {})}
        overrides = self.request.get("containerOverrides", {})
        command = overrides.get("command") or self.definition["containerProperties"].get("command", [])
        return [re.sub(r"^Ref::(.+)$", lambda match: parameters.get(match[1], match[0]), word) for word in command]

    def environment(self) -> dict[str, str]:
        """What the definition and the request set, and what AWS Batch adds ("AWS Batch job environment variables")."""
        properties, overrides = self.definition["containerProperties"], self.request.get("containerOverrides", {})
        pairs = [*properties.get("environment", []), *overrides.get("environment", [])]
        environment = {pair["name"]: pair["value"] for pair in pairs}
        environment |= {
            "AWS_BATCH_JOB_ID": self.id,
            "AWS_BATCH_JOB_ATTEMPT": str(len(self.attempts) + 1),
            "AWS_BATCH_JQ_NAME": self.queue.rpartition("/")[2],
        }
        if self.index is not None:
            environment["AWS_BATCH_JOB_ARRAY_INDEX"] = str(self.index)
            environment["AWS_BATCH_JOB_ARRAY_SIZE"] = str(self.request["arrayProperties"]["size"])
        return environment

    def resource(self, kind: str, otherwise: float) -> float:
        """A resource requirement: "VCPU" in cores, "MEMORY" in MiB."""
        properties, overrides = self.definition["containerProperties"], self.request.get("containerOverrides", {})
        pairs = [*properties.get("resourceRequirements", []), *overrides.get("resourceRequirements", [])]
        wanted = {pair["type"]: float(pair["value"]) for pair in pairs}
        older_name = {"VCPU": "vcpus", "MEMORY": "memory"}[kind]
        return wanted.get(kind) or float(properties.get(older_name) or otherwise)

    def describe(self) -> dict[str, Any]:
        """As DescribeJobs shows it."""
        facts = {
            "jobId": self.id,
            "jobArn": self.arn,
            "jobName": self.name,
            "jobQueue": self.queue,
            "jobDefinition": self.definition["jobDefinitionArn"],
            "status": self.status,
            "statusReason": self.status_reason,
            "createdAt": self.created,
            "startedAt": self.started,
            "stoppedAt": self.stopped,
            "attempts": self.attempts,
            "parameters": {**self.definition.get("parameters", {}), **self.request.get("parameters", {})},
            "retryStrategy": self.setting("retryStrategy") or None,
            "timeout": self.setting("timeout") or None,
            "tags": self.request.get("tags", {}),
            "platformCapabilities": self.definition.get("platformCapabilities"),
            "isTerminated": self.stop_reason is not None,
            "isCancelled": False,
            "dependsOn": [],
            "container": {**self.definition["containerProperties"], **self.container},
        }
        if self.index is not None:
            facts["arrayProperties"] = {"index": self.index}
        elif self.children:
            summary = {child.status: 0 for child in self.children}
            for child in self.children:
                summary[child.status] += 1
            facts["arrayProperties"] = {"size": len(self.children), "statusSummary": summary}
        return {name: value for name, value in facts.items() if value is not None}


class Capacity:
    """The machine's cores, handed out in the order of asking; a job wanting more than there are gets all."""

    def __init__(self, cores: float) -> None:
        self._cores = self._free = cores
        self._waiting: list[object] = []
        self._changed = threading.Condition()

    def acquire(self, job: Job) -> float:
        """Wait until the job's cores are free, or it is stopped; the number taken, which is to be given back."""
        wanted = min(job.resource("VCPU", 1), self._cores)
        with self._changed:
            self._waiting.append(job)
            while job.stop_reason is None and (self._waiting[0] is not job or self._free < wanted):
                self._changed.wait()
            self._waiting.remove(job)
            taken = wanted if job.stop_reason is None else 0.0
            self._free -= taken
            self._changed.notify_all()
            return taken

    def release(self, cores: float) -> None:
        """Give cores back; also wakes waiting jobs that have been stopped meanwhile."""
        with self._changed:
            self._free += cores
            self._changed.notify_all()


class Batch:
    """The jobs, job definitions, queues and compute environments of one embedded AWS."""

    def __init__(self, host: Host, cores: float | None = None) -> None:
        self._host = host
        self._capacity = Capacity(cores or os.cpu_count() or 1)
        self._lock = threading.Lock()
        self._definitions: dict[str, list[dict[str, Any]]] = {}
        self._queues: dict[str, dict[str, Any]] = {}
        self._compute_environments: dict[str, dict[str, Any]] = {}
        self._jobs: dict[str, Job] = {}

    # ------------------------------------------------------------ what the template declares
    def add_compute_environment(self, name: str, properties: Mapping[str, Any]) -> str:
        """Keep a compute environment (locally every one is this machine); its ARN."""
        ce_arn = arn("batch", f"compute-environment/{name}")
        facts = {"computeEnvironmentName": name, "computeEnvironmentArn": ce_arn, "status": "VALID", "state": "ENABLED"}
        self._compute_environments[ce_arn] = {**facts, **properties}
        return ce_arn

    def add_queue(self, name: str, properties: Mapping[str, Any]) -> str:
        """Keep a job queue; its ARN.

        Raises
        ------
        ServiceError
            It names a compute environment that doesn't exist.
        """
        for order in properties.get("computeEnvironmentOrder", []):
            if order["computeEnvironment"] not in self._compute_environments:
                raise client_error(f"computeEnvironment {order['computeEnvironment']} does not exist")
        queue_arn = arn("batch", f"job-queue/{name}")
        facts = {"jobQueueName": name, "jobQueueArn": queue_arn, "status": "VALID", "state": "ENABLED"}
        self._queues[queue_arn] = {**facts, **properties}
        return queue_arn

    def register_definition(self, name: str, properties: Mapping[str, Any]) -> dict[str, Any]:
        """A new revision of a job definition."""
        if properties.get("type", "container") != "container" or "containerProperties" not in properties:
            raise client_error(f"job definition {name}: only jobs of one container run locally")
        revisions = self._definitions.setdefault(name, [])
        revision = len(revisions) + 1
        definition_arn = arn("batch", f"job-definition/{name}:{revision}")
        facts = {"jobDefinitionName": name, "jobDefinitionArn": definition_arn, "revision": revision}
        revisions.append({**facts, "status": "ACTIVE", "type": "container", **properties})
        return revisions[-1]

    def definitions(self) -> list[dict[str, Any]]:
        """Every revision of every job definition."""
        return [revision for revisions in self._definitions.values() for revision in revisions]

    def queues(self) -> list[dict[str, Any]]:
        """Every job queue."""
        return list(self._queues.values())

    def compute_environments(self) -> list[dict[str, Any]]:
        """Every compute environment."""
        return list(self._compute_environments.values())

    def _find_definition(self, reference: str) -> dict[str, Any]:
        name, _, revision = reference.rpartition("job-definition/")[2].partition(":")
        revisions = self._definitions.get(name, [])
        number = int(revision) if revision.isdigit() else len(revisions)
        if not 1 <= number <= len(revisions):
            raise client_error(f"JobDefinition not found: {reference}")
        return revisions[number - 1]

    def _find_queue(self, reference: str) -> str:
        queue_arn = reference if reference.startswith("arn:") else arn("batch", f"job-queue/{reference}")
        if queue_arn not in self._queues:
            raise client_error(f"JobQueue {reference} does not exist")
        return queue_arn

    # ------------------------------------------------------------ jobs
    def submit(self, request: Mapping[str, Any]) -> Job:
        """Start a job, or an array of jobs; the fields of the request are SubmitJob's.

        Raises
        ------
        ServiceError
            ClientException: no such queue or definition, or a request that AWS Batch refuses.
        """
        _validate(request)
        definition = self._find_definition(request["jobDefinition"])
        queue = self._find_queue(request["jobQueue"])
        job = Job(str(uuid.uuid4()), request["jobName"], queue, definition, request)
        for index in range(request.get("arrayProperties", {}).get("size", 0)):
            job.children.append(Job(f"{job.id}:{index}", job.name, queue, definition, request, index))
        with self._lock:
            self._jobs |= {each.id: each for each in (job, *job.children)}
        for each in job.children or [job]:
            each.status = "RUNNABLE"
            threading.Thread(target=self._run, args=(each, job), name=f"batch-{each.id}", daemon=True).start()
        if job.children:
            job.status = "PENDING"
        return job

    def get(self, job_id: str) -> Job | None:
        """A job by its id."""
        with self._lock:
            return self._jobs.get(job_id)

    def jobs(self) -> list[Job]:
        """Every job, array children included."""
        with self._lock:
            return list(self._jobs.values())

    def terminate(self, job_id: str, reason: str, only_waiting: bool = False) -> None:
        """End a job and its children; it fails with `reason`. Unknown and finished jobs are left alone, as by AWS."""
        job = self.get(job_id)
        if job is None:
            return
        for each in [job, *job.children]:
            if each.status in FINISHED or (only_waiting and each.status == "RUNNING"):
                continue
            each.stop_reason = reason
            if each.sandbox:
                each.sandbox.terminate()
        self._capacity.release(0)

    def _run(self, job: Job, parent: Job) -> None:
        cores = self._capacity.acquire(job)
        try:
            while job.stop_reason is None and self._attempt(job):
                pass
            if job.stop_reason is not None:
                job.status_reason = job.stop_reason
            succeeded = job.stop_reason is None and job.container.get("exitCode") == 0
            job.stopped = _milliseconds()
            job.status = "SUCCEEDED" if succeeded else "FAILED"
        finally:
            self._capacity.release(cores)
        if parent is not job:
            self._settle(parent)

    def _settle(self, parent: Job) -> None:
        """An array ends with its last child, and fails with any."""
        with self._lock:
            states = {child.status for child in parent.children}
            if states <= set(FINISHED) and parent.status not in FINISHED:
                if "FAILED" in states:
                    parent.status_reason = parent.stop_reason or "Array Child Job failed"
                parent.stopped = _milliseconds()
                parent.status = "FAILED" if "FAILED" in states else "SUCCEEDED"

    def _attempt(self, job: Job) -> bool:
        """Run the job once; whether it has to run again."""
        job.started, job.status = _milliseconds(), "RUNNING"
        self._host.listener(StepStarted("batch", job.name, job.id))
        tmp = Path(tempfile.mkdtemp(prefix="batch-", dir=self._host.sandboxes))
        try:
            outcome = self._run_command(job, tmp)
        except OSError as error:
            outcome, failure = None, f"CannotStartContainerError: {error}"
        finally:
            shutil.rmtree(tmp, ignore_errors=True)
        if outcome is None:
            exit_code, reason, status_reason, seconds = 127, failure, "Task failed to start", 0.0
        else:
            exit_code, reason, status_reason, seconds = *_judge(outcome), outcome.seconds
        log_stream = f"{job.definition['jobDefinitionName']}/default/{job.id}"
        container = {"exitCode": exit_code, "logStreamName": log_stream, **({"reason": reason} if reason else {})}
        job.container = {**container, "command": job.command()}
        job.status_reason = job.stop_reason or status_reason
        times = {"startedAt": job.started, "stoppedAt": _milliseconds()}
        job.attempts.append({"container": container, **times, "statusReason": job.status_reason})
        error_name = None if exit_code == 0 and not job.stop_reason else reason or job.status_reason
        self._host.listener(StepEnded("batch", job.name, job.id, seconds, error_name))
        if exit_code == 0 or status_reason == TIMED_OUT or job.stop_reason is not None:
            return False
        return should_retry(job.setting("retryStrategy"), len(job.attempts), exit_code, reason, job.status_reason)

    def _run_command(self, job: Job, tmp: Path) -> Outcome:
        def on_start(sandbox: Sandbox) -> None:
            job.sandbox = sandbox
            if job.stop_reason is not None:  # stopped between the check and the start
                sandbox.terminate()

        def on_line(line: str) -> None:
            self._host.listener(StepLog("batch", job.name, job.id, line))

        if containers := self._host.containers:
            command = containers.job(job.definition["containerProperties"], job.command(), job.environment(), tmp)
            environment = dict(os.environ)
        else:
            command = _argv(job.command())
            environment = {**self._host.environment, "PYTHONUNBUFFERED": "1", "TMPDIR": os.fspath(tmp)}
            environment |= job.environment()
        return self._host.processes.run(
            command,
            env=environment,
            cwd=self._host.code,
            limits=Limits(
                seconds=job.setting("timeout").get("attemptDurationSeconds"),
                memory_bytes=int(job.resource("MEMORY", 2048)) * MEGABYTE,
                container=tmp / PID_FILE if containers else None,
            ),
            on_line=on_line,
            log=self._host.logs / "batch" / job.name / f"{job.id.replace(':', '-')}.log",
            on_start=on_start,
        )


def _argv(command: Sequence[str]) -> list[str]:
    """The image's `python` is the interpreter that runs this."""
    return [sys.executable, *command[1:]] if command and command[0] in ("python", "python3") else list(command)


def _judge(outcome: Outcome) -> tuple[int, str, str]:
    """The exit code, the container's reason, and the status reason of an attempt."""
    if outcome.end is End.TIMED_OUT:
        return KILLED, "", TIMED_OUT
    if outcome.end is End.OUT_OF_MEMORY:
        return KILLED, OUT_OF_MEMORY, TASK_EXITED
    return (outcome.returncode if outcome.returncode >= 0 else 128 - outcome.returncode), "", TASK_EXITED


def _validate(request: Mapping[str, Any]) -> None:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]{0,127}", request.get("jobName", "")):
        raise client_error("Job name should match valid pattern: up to 128 letters, numbers, hyphens and underscores")
    size = request.get("arrayProperties", {}).get("size")
    if size is not None and not 2 <= size <= 10_000:
        raise client_error("Array size must be between 2 and 10,000")
    if request.get("dependsOn"):
        raise client_error("dependsOn is not offered by the embedded AWS")
    values = [*request.get("parameters", {}).values()]
    values += [pair["value"] for pair in request.get("containerOverrides", {}).get("environment", [])]
    if not all(isinstance(value, str) for value in values):
        raise client_error("Parameters and environment values must be strings")
